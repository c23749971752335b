package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sallyport/agent/hclfile"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/keptstate"
	"sallyport/agent/terraform/rootmodule"
)

// reads says which files in a directory the tool takes for configuration.
func (o *PlanOptions) reads() hclfile.Engine {
	if o.Tool.OwnFiles() {
		return hclfile.Tofu
	}
	return hclfile.Terraform
}

// keepState writes the override file that puts the state of a root without a lasting backend below stateDir. It
// returns whether it did so.
func keepState(o *PlanOptions) (bool, error) {
	m, err := rootmodule.ReadBackends(o.WorkDir, o.reads())
	var named *diag.Error
	if errors.As(err, &named) {
		return false, err
	}
	if err != nil {
		return false, &diag.Error{Op: "init", ExitCode: -1, Err: err, Hint: "is the stack's dir right, and committed?"}
	}
	b := m.Merged
	if b.Cloud || b.Type == "remote" {
		kind := "a cloud block"
		if !b.Cloud {
			kind = `backend "remote"`
		}
		return false, &diag.Error{Op: "init", ExitCode: -1,
			Err:  fmt.Errorf("the configuration uses %s: its plans run elsewhere and cannot be approved here", kind),
			Hint: `use another backend (s3, gcs, azurerm, http, ...), or none: then the agent keeps the state`}
	}
	if o.Rehearsal {
		o.BackendConfig = nil // of another backend
		return true, keptstate.WriteOverride(o.WorkDir, o.StateDir)
	}
	config := revealAll(o.BackendConfig)
	if o.StateDir == "" {
		return false, nil
	}
	// An override of the repository's can come after the agent's, and moves the state without a word in the files that
	// people read.
	if m.Override != "" && (b.Kept(config) || m.Plain.Kept(config)) {
		return false, &diag.Error{Op: "init", ExitCode: -1,
			Err:  fmt.Errorf("%s sets the backend in the place of the one that the agent gives this stack, so the state would move", m.Override),
			Hint: "if the state is to be there, name the backend in a file that is no override, and move the state first; else remove it from " + m.Override}
	}
	if !b.Kept(config) {
		return false, nil
	}
	if b.Type == "" && len(config) > 0 {
		return false, &diag.Error{Op: "init", ExitCode: -1,
			Err:  errors.New("the stack has backend_config, and the configuration has no backend block that it could complete"),
			Hint: `add an empty block such as terraform { backend "s3" {} } to the configuration, or drop backend_config`}
	}
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return false, fmt.Errorf("making the directory of the state: %w", err)
	}
	return true, keptstate.WriteOverride(o.WorkDir, o.StateDir)
}

// backendInUse is the part that matters of what init writes down about the backend. What is not set is empty.
type backendInUse struct {
	Backend struct {
		Type   string `json:"type"`
		Config struct {
			Path         string `json:"path"`
			WorkspaceDir string `json:"workspace_dir"`
		} `json:"config"`
	} `json:"backend"`
}

// checkBackend makes sure that the state is where the agent puts it, or at a lasting place of the configuration's own. It reads
// what init has really set up: OpenTofu reads files that are not looked at before, and knows names of files and expressions of
// its own.
func checkBackend(o *PlanOptions, kept bool) error {
	if o.StateDir == "" {
		return nil
	}
	var got backendInUse
	text, err := o.root().ReadBack(filepath.Join(o.DataDir, "terraform.tfstate"))
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	if err != nil {
		return fmt.Errorf("reading back the backend: %w", err)
	}
	b := got.Backend
	if kept {
		if b.Type != "local" || b.Config.Path != keptstate.Path(o.StateDir) || b.Config.WorkspaceDir != keptstate.Workspaces(o.StateDir) {
			return misplaced("a file of the repository sets the backend after the agent's; remove it, or name a lasting backend in a .tf file",
				"the state would be kept in %q (%s) instead of %q", b.Config.Path, b.Type, keptstate.Path(o.StateDir))
		}
		return nil
	}
	switch b.Type {
	case "local":
	case "", "remote", "cloud": // in words that were not understood before
		return misplaced("use another backend (s3, gcs, azurerm, http, ...), or none: then the agent keeps the state",
			"init has set up the backend %q, whose plans cannot be approved here", b.Type)
	default:
		return nil
	}
	place := []string{b.Config.Path}
	if o.Workspace != defaultWorkspace {
		place = []string{b.Config.WorkspaceDir}
	}
	return checkPlaces(o, append(place, b.Config.Path, b.Config.WorkspaceDir))
}

// checkPlaces refuses a local state whose first place is lost with the checkout, and one of which any lies among those that
// the agent keeps for other stacks.
func checkPlaces(o *PlanOptions, places []string) error {
	if !filepath.IsAbs(places[0]) {
		what := "path"
		if o.Workspace != defaultWorkspace {
			what = "workspace_dir"
		}
		return misplaced("set "+what+` of the local backend to an absolute path, or name no backend: then the agent keeps the state`,
			"the state would be kept in %q in the checkout, which is thrown away", places[0])
	}
	own, err := resolved(filepath.Dir(o.StateDir))
	if err != nil {
		return err
	}
	for _, place := range places {
		if place == "" {
			continue
		}
		at, err := resolved(filepath.Join(o.WorkDir, place))
		if filepath.IsAbs(place) {
			at, err = resolved(place)
		}
		if err != nil {
			return err
		}
		if at == own || strings.HasPrefix(at, own+string(filepath.Separator)) {
			return misplaced("name no backend: then the agent keeps the state there",
				"the configuration puts its state to %q, among those that the agent keeps", place)
		}
	}
	return nil
}

// resolved follows the links of a path as far as it exists.
func resolved(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		parent, err := resolved(filepath.Dir(path))
		return filepath.Join(parent, filepath.Base(path)), err
	}
	if err != nil {
		return "", fmt.Errorf("looking where the state would be: %w", err)
	}
	return real, nil
}

// misplaced is the error of a configuration that puts the state where the agent must not let it be.
func misplaced(hint, format string, args ...any) error {
	return &diag.Error{Op: "init", ExitCode: -1, Err: fmt.Errorf(format, args...), Hint: hint}
}
