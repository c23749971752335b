package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/asuser"
)

// overrideFile is generated into a root module whose state the agent keeps. Terraform merges override files in the
// order of their names after everything else.
const overrideFile = "sallyport_override.tf.json"

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

// readBackend reads a root module's terraform blocks, override files last, as terraform does. Files that do not parse
// are read as far as they go: init says what is wrong with them, in terraform's words.
func readBackend(dir string) (rootBackend, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return rootBackend{}, fmt.Errorf("reading the root module: %w", err)
	}
	var normal, override []string
	for _, e := range entries {
		stem, isTF := strings.CutSuffix(strings.TrimSuffix(e.Name(), ".json"), ".tf")
		if e.IsDir() || !isTF || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if stem == "override" || strings.HasSuffix(stem, "_override") {
			override = append(override, e.Name())
		} else {
			normal = append(normal, e.Name())
		}
	}
	sort.Strings(normal)
	sort.Strings(override)
	if len(normal)+len(override) == 0 {
		return rootBackend{}, fmt.Errorf("%s holds no .tf files: %w", filepath.Base(dir), fs.ErrNotExist)
	}
	var b rootBackend
	parser := hclparse.NewParser()
	for _, name := range append(normal, override...) {
		src, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return rootBackend{}, fmt.Errorf("reading the root module: %w", err)
		}
		var file *hcl.File
		if strings.HasSuffix(name, ".json") {
			file, _ = parser.ParseJSON(src, name)
		} else {
			file, _ = parser.ParseHCL(src, name)
		}
		if file != nil && file.Body != nil {
			b.read(file.Body)
		}
	}
	return b, nil
}

func (b *rootBackend) read(body hcl.Body) {
	top, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "terraform"}}})
	for _, block := range top.Blocks {
		inner, _, _ := block.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
			{Type: "backend", LabelNames: []string{"type"}}, {Type: "cloud"},
		}})
		for _, block := range inner.Blocks {
			if block.Type == "cloud" {
				*b = rootBackend{Cloud: true}
				continue
			}
			*b = rootBackend{Type: block.Labels[0], Literal: true}
			attrs, _, _ := block.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "path"}}})
			path, found := attrs.Attributes["path"]
			if !found {
				continue
			}
			v, diags := path.Expr.Value(nil)
			if b.Literal = !diags.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull(); b.Literal {
				b.Path = v.AsString()
			}
		}
	}
}

// keepState writes the override file that puts the state of a root without a lasting backend below stateDir. It
// returns whether it did.
func keepState(o *PlanOptions) (bool, error) {
	b, err := readBackend(o.WorkDir)
	if err != nil {
		return false, &Error{Op: "init", ExitCode: -1, Err: err, Hint: "is the stack's dir right, and committed?"}
	}
	if b.Cloud || b.Type == "remote" {
		kind := "a cloud block"
		if !b.Cloud {
			kind = `backend "remote"`
		}
		return false, &Error{Op: "init", ExitCode: -1,
			Err:  fmt.Errorf("the configuration uses %s: its plans run elsewhere and cannot be approved here", kind),
			Hint: `use another backend (s3, gcs, azurerm, http, ...), or none: then the agent keeps the state`}
	}
	config := revealAll(o.BackendConfig)
	if o.StateDir == "" || !b.kept(config) {
		return false, nil
	}
	if b.Type == "" && len(config) > 0 {
		return false, &Error{Op: "init", ExitCode: -1,
			Err:  errors.New("the stack has backend_config, and the configuration has no backend block that it could complete"),
			Hint: `add an empty block such as terraform { backend "s3" {} } to the configuration, or drop backend_config`}
	}
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return false, fmt.Errorf("making the directory of the state: %w", err)
	}
	return true, writeOverride(o.WorkDir, o.StateDir)
}

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
		Path: filepath.Join(stateDir, "terraform.tfstate"), WorkspaceDir: filepath.Join(stateDir, "workspaces"),
	}}}}, "", "  ")
	if err != nil {
		return fmt.Errorf("rendering the backend: %w", err)
	}
	if err := writePrivate(filepath.Join(workDir, overrideFile), text); err != nil {
		return fmt.Errorf("writing the backend into the checkout: %w", err)
	}
	return nil
}

// checkKept makes sure that the backend that init has set up is ours: another override file of the repository can
// come after ours, and the state would end in the checkout, which is thrown away.
func checkKept(o *PlanOptions) error {
	var got struct {
		Backend struct {
			Type   string `json:"type"`
			Config struct {
				Path string `json:"path"`
			} `json:"config"`
		} `json:"backend"`
	}
	text, err := o.readBack(filepath.Join(o.DataDir, "terraform.tfstate"))
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	if err != nil {
		return fmt.Errorf("reading back the backend: %w", err)
	}
	want := filepath.Join(o.StateDir, "terraform.tfstate")
	if got.Backend.Type != "local" || got.Backend.Config.Path != want {
		return &Error{Op: "init", ExitCode: -1,
			Err:  fmt.Errorf("the state would be kept in %q (%s) instead of %q", got.Backend.Config.Path, got.Backend.Type, want),
			Hint: "an override file of the repository sets the backend; remove it or set an absolute path"}
	}
	return nil
}

// writePrivate makes a new file that only the agent may read. It refuses to follow or replace what is there: the
// checkout's content is foreign.
func writePrivate(path string, data []byte) error { return writePrivateFor(nil, path, data) }

// writePrivateFor makes the file another user's.
func writePrivateFor(user *asuser.User, path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, user.OwnFile(f), f.Close())
}
