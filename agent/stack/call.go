package stack

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"sallyport/agent/hclfile"
)

// visit is a module that is to be looked at: a directory, as it is called from one place.
type visit struct {
	dir    string // with symlinks
	inputs map[string]value
	key    string // of the inputs
}

// modules follows the calls of local modules from the root module on.
func (f *finder) modules(root string) error {
	f.root = root
	given, err := f.rootInputs()
	if err != nil {
		return err
	}
	for queue := []visit{{dir: root, inputs: given}}; len(queue) > 0; queue = queue[1:] {
		more, err := f.visit(queue[0])
		if err != nil {
			return err
		}
		queue = append(queue, more...)
		if f.All && len(f.order) >= maxModules {
			break
		}
	}
	if f.budget.left <= 0 {
		f.everything()
		f.strange = append(f.strange, "nobody can read so many expressions to their end")
		f.unknown(Unknown{File: f.dir, Text: "so much", Module: true})
	}
	sort.Strings(f.Dirs)
	f.Dirs = slices.Compact(f.Dirs)
	return nil
}

// visit looks at one module and returns what it calls.
func (f *finder) visit(v visit) ([]visit, error) {
	at, wrong, err := f.links.follow(v.dir)
	if err != nil {
		return nil, err
	}
	if v.dir != f.dir && len(f.order) > 0 && !slices.Contains(f.Dirs, v.dir) {
		f.Dirs = append(f.Dirs, v.dir)
	}
	if wrong != nil { // plainly missing: terraform will say so
		if LeadsWrong(wrong) {
			f.addFault(wrong.Error())
		}
		return nil, nil
	}
	if v, fresh := f.fresh(at, v); fresh {
		m, err := f.module(at)
		if err != nil || m == nil {
			return nil, err
		}
		return f.look(&instance{budget: f.budget, module: m, root: f.root, inputs: v.inputs, workspace: f.def.Workspace})
	}
	return nil, nil
}

// fresh reports whether a module was not called in this way before. Of too many ways to call it what they give is not known.
func (f *finder) fresh(at string, v visit) (visit, bool) {
	ways := f.calls[at]
	if ways == nil {
		ways = map[string]bool{}
		f.calls[at] = ways
	}
	if len(ways) >= maxCalls || v.key == "" && len(v.inputs) > 0 && len(f.order) > 0 {
		v.key = "?"
		for name := range v.inputs {
			v.inputs[name] = unknown
		}
	}
	if ways[v.key] {
		return v, false
	}
	ways[v.key] = true
	return v, true
}

// module reads a directory, once; nil if it is more than is looked at.
func (f *finder) module(at string) (*module, error) {
	if m := f.read[at]; m != nil {
		return m, nil
	}
	if len(f.order) >= maxModules {
		f.everything()
		f.strange = append(f.strange, "more modules than are looked at")
		return nil, nil
	}
	m, err := readModule(f.t, at, f.def.Engine)
	if errors.Is(err, ErrNoDir) && len(f.order) == 0 {
		return nil, fmt.Errorf("directory %s: %w", f.dir, err)
	}
	if err != nil && !errors.Is(err, ErrNoDir) {
		return nil, fmt.Errorf("module %s: %w", at, err)
	}
	for i := range m.files {
		if s := &m.files[i]; s.body != nil {
			m.sites = append(m.sites, sitesOf(s)...)
		}
	}
	f.read[at], f.order = m, append(f.order, m)
	for _, fault := range m.faults {
		f.addFault(fault)
	}
	return m, nil
}

// look finds what a module calls, and what its expressions read.
func (f *finder) look(in *instance) ([]visit, error) {
	var out []visit
	for _, c := range in.module.calls {
		sources := in.constants(c.source, nil)
		if len(sources) == 0 {
			f.everything()
			f.strange = append(f.strange, fmt.Sprintf("nobody can tell where module %s of %s comes from", c.name, c.file))
			f.unknown(Unknown{File: c.file, Line: c.line, Text: "the source of module " + strconv.Quote(c.name), Module: true})
			continue
		}
		inputs, key := in.given(c)
		for _, s := range sources {
			at := localSource(s.s)
			if at == "" {
				f.addRemote(in, c, s.s)
				continue
			}
			dir := path.Join(in.module.dir, at)
			if outside(dir) { // terraform will refuse it
				f.strange = append(f.strange, fmt.Sprintf("module %s of %s lies outside of the repository", c.name, c.file))
				continue
			}
			out = append(out, visit{dir: dir, inputs: inputs, key: key})
		}
	}
	return out, f.lookAtFiles(in)
}

// addRemote notes a module that is not in the repository.
func (f *finder) addRemote(in *instance, c call, source string) {
	if c.version != nil {
		version := "a version that nobody can tell"
		if known := in.constants(c.version, nil); len(known) > 0 {
			var all []string
			for _, v := range known {
				all = append(all, v.s)
			}
			version = strings.Join(all, " or ")
		}
		source += " " + version
	}
	if !slices.Contains(f.remote, source) {
		f.remote = append(f.remote, source)
	}
}

// unknown notes what cannot be followed, once.
func (f *finder) unknown(u Unknown) {
	if !slices.Contains(f.Unknown, u) {
		f.Unknown = append(f.Unknown, u)
	}
}

// rootInputs are the values of the root module's variables, as far as they stand in var files and in the definition.
func (f *finder) rootInputs() (map[string]value, error) {
	out := map[string]value{}
	names, err := NamesIn(f.t, f.root)
	if err != nil && !errors.Is(err, ErrNoDir) {
		return nil, err
	}
	var files []string
	for _, name := range []string{"terraform.tfvars", "terraform.tfvars.json"} {
		if slices.Contains(names, name) {
			files = append(files, path.Join(f.root, name))
		}
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".auto.tfvars") || strings.HasSuffix(name, ".auto.tfvars.json") {
			files = append(files, path.Join(f.root, name))
		}
	}
	for _, name := range f.def.VarFiles {
		if at := path.Join(f.root, name); !outside(at) {
			files = append(files, at)
		}
	}
	nothing := &instance{budget: f.budget, module: &module{dir: f.root}, root: f.root}
	for _, name := range files {
		src, err := f.t.ReadFile(name)
		if WrongFile(err) != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		file, _ := hclfile.Parse(src, name)
		if file == nil || file.Body == nil {
			continue
		}
		for name, x := range attributesOf(file.Body, src) {
			out[name] = nothing.eval(x, nil)
		}
	}
	for name, v := range f.def.Vars {
		out[name] = literal(v)
	}
	return out, nil
}
