package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/hclfile"
	"sallyport/agent/repo"
)

// module is what matters here of one directory with Terraform files.
type module struct {
	sources  []string // of module calls, as written
	backend  string
	relative bool // a local backend whose path is relative, or not given
	cloud    bool
	required []string
	lockFile bool
	readable bool     // at least one of its files is one
	faults   []string // the files that cannot
}

// readModule parses a directory's .tf and .tf.json files as far as they can be read and parsed. The error is [ErrNoDir] if
// there are none; any other is of the tree.
func readModule(t Tree, dir string) (module, error) {
	var m module
	entries, err := t.ReadDir(dir)
	if wrongFile(err) != nil {
		return m, ErrNoDir
	}
	if err != nil {
		return m, err
	}
	// Override files are merged last, so theirs is the backend that counts.
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int { return overrides(a.Name()) - overrides(b.Name()) })
	found, left := false, hclfile.MaxWords
	for _, e := range entries {
		name := e.Name()
		if name == ".terraform.lock.hcl" {
			m.lockFile = true
		}
		if e.IsDir() || !isTerraform(name) && !isTofu(name) {
			continue
		}
		tofu := isTofu(name)
		found = found || !tofu
		data, err := t.ReadFile(path.Join(dir, name))
		if wrong := wrongFile(err); wrong != nil && tofu {
			continue
		} else if wrong != nil {
			m.faults = append(m.faults, wrong.Error())
			m.readable = m.readable || errors.Is(wrong, repo.ErrTooLarge) // terraform can, and it is configuration
			continue
		}
		if err != nil {
			return m, err
		}
		m.readable = m.readable || !tofu
		words, err := hclfile.Check(data, name, left)
		if left -= words; err != nil {
			if !tofu {
				m.faults = append(m.faults, fmt.Sprintf("%s %v", path.Join(dir, name), err))
			}
			continue
		}
		// Diagnostics are not ours to report: terraform will, when it plans. What parsed is used.
		file, _ := hclfile.Parse(data, name)
		if file == nil {
			continue
		}
		if !tofu {
			m.read(file.Body)
			continue
		}
		other := module{} // of another engine perhaps: the modules that it calls may count, its backend must not
		other.read(file.Body)
		m.sources = append(m.sources, other.sources...)
	}
	if !found {
		return m, ErrNoDir
	}
	sort.Strings(m.sources)
	return m, nil
}

// isTerraform tells configuration from other files the way terraform does: editors' leftovers do not count.
func isTerraform(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") {
		return false
	}
	return strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tf.json")
}

// isTofu tells configuration that only OpenTofu reads, in the place of a file of the same name that ends in .tf.
func isTofu(name string) bool {
	stem, ok := strings.CutSuffix(strings.TrimSuffix(name, ".json"), ".tofu")
	return ok && isTerraform(stem+".tf")
}

// overrides is 1 for the name of an override file and 0 for others.
func overrides(name string) int {
	stem := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, ".json"), ".tf"), ".tofu")
	if stem == "override" || strings.HasSuffix(stem, "_override") {
		return 1
	}
	return 0
}

func (m *module) read(body hcl.Body) {
	top, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "module", LabelNames: []string{"name"}}, {Type: "terraform"},
	}})
	if top == nil {
		return
	}
	for _, block := range top.Blocks {
		switch block.Type {
		case "module":
			if s := stringAttribute(block.Body, "source"); s != "" {
				m.sources = append(m.sources, s)
			}
		case "terraform":
			m.settings(block.Body)
		}
	}
}

func (m *module) settings(body hcl.Body) {
	if v := stringAttribute(body, "required_version"); v != "" {
		m.required = append(m.required, v)
	}
	inner, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "backend", LabelNames: []string{"type"}}, {Type: "cloud"},
	}})
	if inner == nil {
		return
	}
	for _, block := range inner.Blocks {
		if block.Type == "cloud" {
			m.cloud, m.backend, m.relative = true, "", false
			continue
		}
		m.cloud, m.backend = false, block.Labels[0]
		m.relative = m.backend == "local" && !path.IsAbs(stringAttribute(block.Body, "path"))
	}
}

// stringAttribute is an attribute's literal value; empty if it is absent or not a literal.
func stringAttribute(body hcl.Body, name string) string {
	content, _, _ := body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}})
	if content == nil || content.Attributes[name] == nil {
		return ""
	}
	v, diags := content.Attributes[name].Expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}

// local lists the directories of the local modules that a module in dir calls.
func (m module) local(dir string) []string {
	var out []string
	for _, s := range m.sources {
		source := localSource(s)
		if source == "" {
			continue
		}
		at := path.Join(dir, source)
		if at == ".." || strings.HasPrefix(at, "../") {
			continue // outside of the repository: terraform will refuse it
		}
		out = append(out, at)
	}
	return out
}

// Info is what is worth knowing of a root module before it is planned.
type Info struct {
	Backend             string // "" if it names none
	BackendPathRelative bool   // a local backend without an absolute path
	Cloud               bool   // a cloud block
	RequiredVersion     []string
	ModuleSources       []string // as written
	LockFile            bool     // .terraform.lock.hcl is committed
}

// Inspect reads a root module. The error is [ErrNoDir] if there is none.
func Inspect(t Tree, dir string) (Info, error) {
	m, err := readModule(t, path.Clean(dir))
	if err != nil {
		return Info{}, err
	}
	return Info{
		Backend: m.backend, BackendPathRelative: m.relative, Cloud: m.cloud,
		RequiredVersion: m.required, ModuleSources: m.sources, LockFile: m.lockFile,
	}, nil
}
