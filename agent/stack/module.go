package stack

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/hclfile"
	"sallyport/agent/repo"
)

// LockFile is the name of the file that pins providers.
const LockFile = ".terraform.lock.hcl"

// module is one directory as the engine reads it. It is the only reader of configuration in a commit: what belongs to a stack,
// which directories are roots, what a pull request brings along and what is told of a backend all come from it.
type module struct {
	dir      string
	files    []source // of configuration, in the order in which they are read
	calls    []call
	sites    []site
	late     map[string][]call                 // by name: what override files say of calls without saying where they lead
	locals   map[string][]hclsyntax.Expression // all that each may be: an override file can set one again
	defaults map[string][]hclsyntax.Expression // of variables, likewise
	backend  string
	relative bool // a local backend whose path is relative, or not given
	cloud    bool
	required []string
	lockFile bool
	readable bool     // at least one of its files is one, and not perhaps another engine's
	faults   []string // the files that cannot
}

// source is a file of configuration.
type source struct {
	name  string // relative to the repository's root
	src   []byte
	body  hcl.Body // nil: it cannot be parsed at all
	whole bool     // all of it was parsed
	wrong error    // it could not be read
	other bool     // perhaps another engine's

	override bool
}

// call is one call of a module, from configuration or from a test.
type call struct {
	name    string
	file    string
	line    int
	dir     string // of the module that calls; of a test, where it is run
	test    bool
	source  hclsyntax.Expression
	version hclsyntax.Expression // nil: none is given
	inputs  map[string]hclsyntax.Expression
	each    hclsyntax.Expression // what for_each goes over; nil: nothing
}

// readModule parses a directory's configuration as far as it can be read and parsed. The error is [ErrNoDir] if there is none; any
// other is of the tree.
func readModule(t Tree, dir string, engine hclfile.Engine) (*module, error) {
	m := &module{dir: dir, locals: map[string][]hclsyntax.Expression{}, defaults: map[string][]hclsyntax.Expression{}}
	names, err := NamesIn(t, dir)
	if err != nil {
		return m, err
	}
	left := hclfile.MaxWords
	for _, name := range names {
		m.lockFile = m.lockFile || name == LockFile
	}
	for _, f := range hclfile.Files(names, engine) {
		s := source{name: path.Join(dir, f.Name), other: f.Tofu && engine != hclfile.Tofu, override: f.Override}
		if err := m.readFile(t, &s, &left); err != nil {
			return m, err
		}
		m.files = append(m.files, s)
	}
	switch {
	case len(m.files) > 0:
		return m, nil
	case slices.Contains(names, TerragruntFile):
		return m, &unitError{dir}
	}
	return m, ErrNoDir
}

// NamesIn are the names of the files in a directory. The error is [ErrNoDir] if it is none; any other is of the tree.
func NamesIn(t Tree, dir string) ([]string, error) {
	entries, err := t.ReadDir(dir)
	if WrongFile(err) != nil {
		return nil, ErrNoDir
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// readFile adds a file. What is wrong with one that is perhaps another engine's is no fault.
func (m *module) readFile(t Tree, s *source, left *int) error {
	data, err := t.ReadFile(s.name)
	if wrong := WrongFile(err); wrong != nil {
		s.wrong = wrong
		if !s.other {
			m.faults = append(m.faults, wrong.Error())
			m.readable = m.readable || errors.Is(wrong, repo.ErrTooLarge) // terraform can, and it is configuration
		}
		return nil
	}
	if err != nil {
		return err
	}
	s.src = data
	m.readable = m.readable || !s.other
	words, err := hclfile.Check(data, s.name, *left)
	if *left -= words; err != nil {
		if !s.other {
			m.faults = append(m.faults, fmt.Sprintf("%s %v", s.name, err))
		}
		return nil
	}
	// Diagnostics are not ours to report: terraform will, when it plans. What parsed is used.
	file, diags := hclfile.Parse(data, s.name)
	if file == nil || file.Body == nil {
		return nil
	}
	s.body, s.whole = file.Body, !diags.HasErrors()
	m.read(s)
	return nil
}

func (m *module) read(s *source) {
	top, _, diags := s.body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "module", LabelNames: []string{"name"}}, {Type: "terraform"}, {Type: "locals"}, {Type: "variable", LabelNames: []string{"name"}},
	}})
	if top == nil {
		return
	}
	s.whole = s.whole && !diags.HasErrors()
	for _, block := range top.Blocks {
		switch block.Type {
		case "module":
			m.addCall(callOf(block, s, m.dir))
		case "terraform":
			if !s.other { // of another engine perhaps: the modules that it calls may count, its backend must not
				m.settings(block.Body)
			}
		case "locals":
			for name, a := range attributesOf(block.Body, s.src) {
				m.locals[name] = append(m.locals[name], a)
			}
		case "variable":
			if x := attributesOf(block.Body, s.src)["default"]; x != nil {
				m.defaults[block.Labels[0]] = append(m.defaults[block.Labels[0]], x)
			}
		}
	}
}

// addCall adds a call, or what is said of one anew.
func (m *module) addCall(c call) {
	if c.source != nil {
		m.calls = append(m.calls, c)
		return
	}
	if m.late == nil {
		m.late = map[string][]call{}
	}
	m.late[c.name] = append(m.late[c.name], c)
}

// attributesOf are the attributes of a body, whatever blocks stand beside them.
func attributesOf(body hcl.Body, src []byte) map[string]hclsyntax.Expression {
	attributes, _ := body.JustAttributes()
	out := make(map[string]hclsyntax.Expression, len(attributes))
	for name, a := range attributes {
		if x := hclfile.Native(a.Expr, src); x != nil {
			out[name] = x
		}
	}
	return out
}

func callOf(block *hcl.Block, s *source, dir string) call {
	inputs := attributesOf(block.Body, s.src)
	c := call{
		file: s.name, line: block.DefRange.Start.Line, dir: dir,
		source: inputs["source"], version: inputs["version"], each: inputs["for_each"], inputs: inputs,
	}
	if len(block.Labels) > 0 {
		c.name = block.Labels[0]
	}
	for _, own := range []string{"source", "version", "for_each", "count", "providers", "depends_on"} {
		delete(inputs, own)
	}
	return c
}

// testCalls are the calls of modules by the tests in a directory. They are run from it, or from the one above where it is that
// which tests lie in by custom.
func testCalls(t Tree, dir string, engine hclfile.Engine) ([]call, error) {
	names, err := NamesIn(t, dir)
	if errors.Is(err, ErrNoDir) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var calls []call
	left := hclfile.MaxWords
	for _, name := range hclfile.Tests(names, engine) {
		s := &source{name: path.Join(dir, name)}
		data, err := t.ReadFile(s.name)
		if WrongFile(err) != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		words, err := hclfile.Check(data, name, left)
		if left -= words; err != nil {
			continue
		}
		file, _ := hclfile.Parse(data, s.name)
		if file == nil || file.Body == nil {
			continue
		}
		s.src = data
		calls = append(calls, callsOfTest(file.Body, s, dir)...)
	}
	return calls, nil
}

func callsOfTest(body hcl.Body, s *source, dir string) (calls []call) {
	top, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "run", LabelNames: []string{"name"}}}})
	if top == nil {
		return nil
	}
	for _, run := range top.Blocks {
		inner, _, _ := run.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "module"}}})
		if inner == nil {
			continue
		}
		for _, block := range inner.Blocks {
			c := callOf(block, s, dir)
			c.test = true
			calls = append(calls, c)
			if path.Base(dir) == "tests" {
				c.dir = path.Dir(dir)
				calls = append(calls, c)
			}
		}
	}
	return calls
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

// localSource is a module source that lies in the repository, with slashes as terraform makes of backslashes; empty of others.
func localSource(source string) string {
	at := strings.ReplaceAll(source, `\`, "/")
	if source == "." || source == ".." || strings.HasPrefix(at, "./") || strings.HasPrefix(at, "../") {
		return at
	}
	return ""
}

// outside reports whether a path, relative to the repository's root, leaves it.
func outside(p string) bool { return p == ".." || strings.HasPrefix(p, "../") }

// Info is what is worth knowing of a root module before it is planned.
type Info struct {
	Backend             string // "" if it names none
	BackendPathRelative bool   // a local backend without an absolute path
	Cloud               bool   // a cloud block
	RequiredVersion     []string
	ModuleSources       []string // as far as they are constant
	LockFile            bool     // .terraform.lock.hcl is committed
}

// Inspect reads a root module. The error is [ErrNoDir] if there is none.
func Inspect(t Tree, d Definition) (Info, error) {
	m, err := readModule(t, path.Clean(d.Dir), d.Engine)
	if err != nil {
		return Info{}, err
	}
	info := Info{
		Backend: m.backend, BackendPathRelative: m.relative, Cloud: m.cloud,
		RequiredVersion: m.required, LockFile: m.lockFile,
	}
	in := &instance{budget: newBudget(), module: m}
	for _, c := range m.calls {
		for _, text := range in.constants(c.source, nil) {
			info.ModuleSources = append(info.ModuleSources, text.s)
		}
	}
	sort.Strings(info.ModuleSources)
	return info, nil
}
