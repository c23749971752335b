package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"sallyport/agent/hclfile"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/private"
)

// overrideFile is generated into a root module whose state the agent keeps. Terraform merges override files in the
// order of their names after everything else.
const (
	overrideStem = "sallyport_override"
	overrideFile = overrideStem + ".tf.json"
)

// rootBackend is what a root module says about where its state is.
type rootBackend struct {
	Type    string // empty: none is named
	Cloud   bool   // a cloud block
	Path    string // of a local backend; empty if not set or not a literal
	Literal bool   // Path is known: it is not set, or is a literal
}

// kept reports whether the agent has to give the root a place for its state: it names none, or one that would lie in
// a checkout that is thrown away.
func (b rootBackend) kept(backendConfig map[string]string) bool {
	if b.Cloud {
		return false
	}
	if b.Type == "" {
		return true
	}
	if b.Type != "local" {
		return false
	}
	path := b.Path
	if p, ok := backendConfig["path"]; ok {
		return !filepath.IsAbs(p)
	}
	return b.Literal && !filepath.IsAbs(path)
}

// rootModule is what the files of a root module say about its state.
type rootModule struct {
	Plain    rootBackend // without override files
	Merged   rootBackend // with them
	Override string      // the last file that sets a backend and comes after the others; empty: none does
}

// reads says which files in a directory the tool takes for configuration.
func (o *PlanOptions) reads() hclfile.Engine {
	if o.Tool.OwnFiles() {
		return hclfile.Tofu
	}
	return hclfile.Terraform
}

// readRoot reads a root module's terraform blocks, override files last, as the engine does. Files that do not parse are read as far
// as they go: init says what is wrong with them, in terraform's words.
func readRoot(dir string, engine hclfile.Engine) (rootModule, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return rootModule{}, fmt.Errorf("reading the root module: %w", err)
	}
	var names []string
	for _, e := range entries {
		stem, _, _ := strings.Cut(e.Name(), ".")
		if strings.EqualFold(stem, overrideStem) && !e.IsDir() && len(hclfile.Files([]string{e.Name()}, hclfile.Either)) > 0 {
			return rootModule{}, &diag.Error{Op: "init", ExitCode: -1,
				Err:  fmt.Errorf("the repository holds a file %s, whose name is that of a file which the agent makes", e.Name()),
				Hint: "rename it"}
		}
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	var m rootModule
	var late []hclfile.File // what comes after the plain files
	found := false
	for _, f := range hclfile.Files(names, engine) {
		found = true
		if f.Override {
			late = append(late, f)
			continue
		}
		if _, err := m.Plain.readFile(dir, f.Name); err != nil {
			return rootModule{}, err
		}
	}
	if !found {
		return rootModule{}, fmt.Errorf("%s holds no configuration: %w", filepath.Base(dir), fs.ErrNotExist)
	}
	m.Merged = m.Plain
	for _, f := range late {
		b := m.Merged
		sets, err := b.readFile(dir, f.Name)
		if err != nil {
			return rootModule{}, err
		}
		if sets {
			m.Override, m.Merged = f.Name, b
		}
	}
	return m, nil
}

// readFile adds what a file says, and reports whether it says anything.
func (b *rootBackend) readFile(dir, name string) (bool, error) {
	src, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return false, fmt.Errorf("reading the root module: %w", err)
	}
	if _, err := hclfile.Check(src, name, hclfile.MaxWords); err != nil {
		return false, fmt.Errorf("reading the root module: %s %w", name, err)
	}
	file, _ := hclfile.Parse(src, name)
	return file != nil && file.Body != nil && b.read(file.Body), nil
}

// read adds what the terraform blocks of a file say, and reports whether they say anything.
func (b *rootBackend) read(body hcl.Body) (sets bool) {
	top, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "terraform"}}})
	for _, block := range top.Blocks {
		inner, _, _ := block.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
			{Type: "backend", LabelNames: []string{"type"}}, {Type: "cloud"},
		}})
		for _, block := range inner.Blocks {
			sets = true
			if block.Type == "cloud" {
				*b = rootBackend{Cloud: true}
				continue
			}
			*b = rootBackend{Type: block.Labels[0], Literal: true}
			attrs, _, _ := block.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "path"}}})
			if path, found := attrs.Attributes["path"]; found {
				b.Path, b.Literal = literal(path.Expr)
			}
		}
	}
	return sets
}

// literal is an argument as terraform takes it: a number becomes text, and null is as good as nothing.
func literal(x hcl.Expression) (text string, known bool) {
	v, diags := x.Value(nil)
	if diags.HasErrors() {
		return "", false
	}
	v, err := convert.Convert(v, cty.String)
	switch {
	case err != nil || !v.IsKnown():
		return "", false
	case v.IsNull():
		return "", true
	}
	return v.AsString(), true
}

// keepState writes the override file that puts the state of a root without a lasting backend below stateDir. It
// returns whether it did so.
func keepState(o *PlanOptions) (bool, error) {
	m, err := readRoot(o.WorkDir, o.reads())
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
		return true, writeOverride(o.WorkDir, o.StateDir)
	}
	config := revealAll(o.BackendConfig)
	if o.StateDir == "" {
		return false, nil
	}
	// An override of the repository's can come after the agent's, and moves the state without a word in the files that
	// people read.
	if m.Override != "" && (b.kept(config) || m.Plain.kept(config)) {
		return false, &diag.Error{Op: "init", ExitCode: -1,
			Err:  fmt.Errorf("%s sets the backend in the place of the one that the agent gives this stack, so the state would move", m.Override),
			Hint: "if the state is to be there, name the backend in a file that is no override, and move the state first; else remove it from " + m.Override}
	}
	if !b.kept(config) {
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
	return true, writeOverride(o.WorkDir, o.StateDir)
}

// writeOverride writes the override file.
func writeOverride(workDir, stateDir string) error {
	type local struct {
		Path         string `json:"path"`
		WorkspaceDir string `json:"workspace_dir"`
	}
	type backend struct {
		Local local `json:"local"`
	}
	type terraform struct {
		Backend backend `json:"backend"`
	}
	text, err := json.MarshalIndent(struct {
		Terraform terraform `json:"terraform"`
	}{terraform{backend{local{
		Path: statePath(stateDir), WorkspaceDir: workspacesPath(stateDir),
	}}}}, "", "  ")
	if err != nil {
		return fmt.Errorf("rendering the backend: %w", err)
	}
	if err := private.Create(filepath.Join(workDir, overrideFile), text); err != nil {
		return fmt.Errorf("writing the backend into the checkout: %w", err)
	}
	return nil
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
		if b.Type != "local" || b.Config.Path != statePath(o.StateDir) || b.Config.WorkspaceDir != workspacesPath(o.StateDir) {
			return misplaced("a file of the repository sets the backend after the agent's; remove it, or name a lasting backend in a .tf file",
				"the state would be kept in %q (%s) instead of %q", b.Config.Path, b.Type, statePath(o.StateDir))
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

// statePath and workspacesPath are where a state that the agent keeps lies.
func statePath(stateDir string) string      { return filepath.Join(stateDir, "terraform.tfstate") }
func workspacesPath(stateDir string) string { return filepath.Join(stateDir, "workspaces") }
