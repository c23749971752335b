package rootmodule

import (
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
	"sallyport/agent/terraform/keptstate"
)

// Backend is what a root module says about where its state is.
type Backend struct {
	Type    string // empty: none is named
	Cloud   bool   // a cloud block
	Path    string // of a local backend; empty if not set or not a literal
	Literal bool   // Path is known: it is not set, or is a literal
}

// Kept reports whether the agent has to give the root a place for its state: it names none, or one that would lie in
// a checkout that is thrown away.
func (b Backend) Kept(backendConfig map[string]string) bool {
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

// Backends are what the files of a root module say about its state.
type Backends struct {
	Plain    Backend // without override files
	Merged   Backend // with them
	Override string  // the last file that sets a backend and comes after the others; empty: none does
}

// ReadBackends reads a root module's terraform blocks, override files last, as the engine does. Files that do not parse are read as far
// as they go: init says what is wrong with them, in terraform's words.
func ReadBackends(dir string, engine hclfile.Engine) (Backends, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Backends{}, fmt.Errorf("reading the root module: %w", err)
	}
	var names []string
	for _, e := range entries {
		stem, _, _ := strings.Cut(e.Name(), ".")
		if strings.EqualFold(stem, keptstate.OverrideStem) && !e.IsDir() && len(hclfile.Files([]string{e.Name()}, hclfile.Either)) > 0 {
			return Backends{}, &diag.Error{Op: "init", ExitCode: -1,
				Err:  fmt.Errorf("the repository holds a file %s, whose name is that of a file which the agent makes", e.Name()),
				Hint: "rename it"}
		}
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	var m Backends
	var late []hclfile.File // what comes after the plain files
	found := false
	for _, f := range hclfile.Files(names, engine) {
		found = true
		if f.Override {
			late = append(late, f)
			continue
		}
		if _, err := m.Plain.readFile(dir, f.Name); err != nil {
			return Backends{}, err
		}
	}
	if !found {
		return Backends{}, fmt.Errorf("%s holds no configuration: %w", filepath.Base(dir), fs.ErrNotExist)
	}
	m.Merged = m.Plain
	for _, f := range late {
		b := m.Merged
		sets, err := b.readFile(dir, f.Name)
		if err != nil {
			return Backends{}, err
		}
		if sets {
			m.Override, m.Merged = f.Name, b
		}
	}
	return m, nil
}

// readFile adds what a file says, and reports whether it says anything.
func (b *Backend) readFile(dir, name string) (bool, error) {
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
func (b *Backend) read(body hcl.Body) (sets bool) {
	top, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "terraform"}}})
	for _, block := range top.Blocks {
		inner, _, _ := block.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
			{Type: "backend", LabelNames: []string{"type"}}, {Type: "cloud"},
		}})
		for _, block := range inner.Blocks {
			sets = true
			if block.Type == "cloud" {
				*b = Backend{Cloud: true}
				continue
			}
			*b = Backend{Type: block.Labels[0], Literal: true}
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

// CheckBackendFile checks that a file says where a state is and nothing else: one terraform block with one backend block.
func CheckBackendFile(src []byte) error {
	const name = "the file of the backend"
	if _, err := hclfile.Check(src, "backend.tf", 10_000); err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	file, diags := hclfile.Parse(src, "backend.tf")
	if diags.HasErrors() {
		return fmt.Errorf("%s is no configuration of terraform's: %s", name, diags[0].Summary)
	}
	top, diags := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "terraform"}}})
	if diags.HasErrors() || len(top.Blocks) != 1 {
		return fmt.Errorf("%s must hold one terraform block and nothing else", name)
	}
	inner, diags := top.Blocks[0].Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "backend", LabelNames: []string{"type"}}}})
	if diags.HasErrors() || len(inner.Blocks) != 1 {
		return fmt.Errorf("the terraform block of %s must hold one backend block and nothing else", name)
	}
	return nil
}
