package rootmodule

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"sallyport/agent/foreign"
	"sallyport/agent/hclfile"
)

// Dir is a root module in a checkout.
type Dir struct {
	Source  string         // the checkout, which nothing is read out of; an absolute path
	WorkDir string         // the root module's directory in it
	Engine  hclfile.Engine // which files are configuration
}

// Variable is what the files of a root module say about one variable, as far as it matters to whoever gives it a value.
type Variable struct {
	Ephemeral bool   // its value is in no plan file
	Type      string // as it is written; empty: none is
}

// maxConfig bounds a file of configuration or of variables, in bytes.
const maxConfig = 64 << 20

// Variables are the variables that the root module declares. A file that does not parse is read as far as it goes: terraform
// refuses it, with words of its own. A file that is too large to be read is an error.
func (d Dir) Variables() (map[string]Variable, error) {
	files, err := d.configFiles()
	if err != nil {
		return nil, err
	}
	out := map[string]Variable{}
	for _, name := range files {
		file, err := d.parse(name)
		if err != nil {
			return nil, fmt.Errorf("reading the variables of the root module: %w", err)
		}
		if file != nil {
			addDeclared(out, file.Body, file.Bytes)
		}
	}
	return out, nil
}

// addDeclared adds the variables of one file. What an override file does not say stays as it was.
func addDeclared(out map[string]Variable, body hcl.Body, src []byte) {
	top, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "variable", LabelNames: []string{"name"}}}})
	for _, block := range top.Blocks {
		v := out[block.Labels[0]]
		attrs, _, _ := block.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "ephemeral"}, {Name: "type"}}})
		if attr, said := attrs.Attributes["ephemeral"]; said {
			v.Ephemeral = isTrue(attr.Expr)
		}
		if attr, said := attrs.Attributes["type"]; said {
			v.Type = strings.Trim(string(attr.Expr.Range().SliceBytes(src)), `" `) // quoted in JSON, and as it was of old
		}
		out[block.Labels[0]] = v
	}
}

// isTrue is an argument that terraform reads as a constant bool; what is none it refuses.
func isTrue(x hcl.Expression) bool {
	v, diags := x.Value(nil)
	if diags.HasErrors() {
		return false
	}
	v, err := convert.Convert(v, cty.Bool)
	return err == nil && v.IsKnown() && !v.IsNull() && v.True()
}

// configFiles are the names of the files that the tool reads of the root module, in the order in which it merges them.
func (d Dir) configFiles() ([]string, error) {
	root, err := os.OpenRoot(d.WorkDir)
	if err != nil {
		return nil, fmt.Errorf("reading the root module: %w", err)
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("reading the root module: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	var out []string
	for _, f := range hclfile.Files(names, d.Engine) {
		out = append(out, f.Name)
	}
	return out, nil
}

// parse reads a file of the checkout, by its path from the root module; nil if it does not parse.
func (d Dir) parse(name string) (*hcl.File, error) {
	src, err := d.readSource(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := hclfile.Check(src, name, hclfile.MaxWords); err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	file, _ := hclfile.Parse(src, name)
	if file == nil || file.Body == nil {
		return nil, nil
	}
	return file, nil
}

// readSource reads a regular file of the checkout, by its path from the root module. Links are followed, but not out of it.
func (d Dir) readSource(name string) ([]byte, error) {
	root, err := os.OpenRoot(d.Source)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	rel, err := filepath.Rel(d.Source, filepath.Join(d.WorkDir, name))
	if err != nil {
		return nil, err
	}
	f, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, &foreign.NotRegularError{Name: name}
	}
	return foreign.Read(f, maxConfig)
}

// FromVarFiles are the values that var files, by their paths from the root module, give to some variables; the last file wins. What
// terraform refuses is left out, for it to say so.
func (d Dir) FromVarFiles(files, wanted []string) (map[string]cty.Value, error) {
	out := map[string]cty.Value{}
	for _, name := range files {
		file, err := d.parse(name)
		if err != nil {
			return nil, fmt.Errorf("reading the var file %w", err)
		}
		if file == nil {
			continue
		}
		attrs, _ := file.Body.JustAttributes()
		for name, attr := range attrs {
			if !slices.Contains(wanted, name) {
				continue
			}
			if v, diags := attr.Expr.Value(nil); !diags.HasErrors() {
				out[name] = v
			}
		}
	}
	return out, nil
}
