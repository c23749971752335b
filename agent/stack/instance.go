package stack

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// here stands for the directory that the commit will be checked out into, which is not known. No file's name holds a zero byte.
const here = "/\x00"

// instance is a module as it is called from one place: what its expressions are depends on what it is given.
type instance struct {
	budget    *budget
	module    *module
	root      string           // where the root module really lies: there terraform is run
	inputs    map[string]value // what its variables are given
	workspace string           // empty: not known
	locals    map[string]value // those that were looked at; the zero value while one is
}

// constants are the texts that an expression can be; all false if it can be something that is not known.
func (in *instance) constants(x hclsyntax.Expression, names bindings) []text {
	if x == nil {
		return nil
	}
	texts := in.eval(x, names).strings()
	for _, t := range texts {
		if t.open {
			return nil
		}
	}
	return texts
}

// traverse is what a name stands for.
func (in *instance) traverse(t hcl.Traversal, names bindings) value {
	if v, bound := names[t.RootName()]; bound {
		return in.steps(v, t[1:])
	}
	if len(t) < 2 {
		return unknown
	}
	attr, ok := t[1].(hcl.TraverseAttr)
	if !ok {
		return unknown
	}
	v := unknown
	switch t.RootName() + "." + attr.Name {
	case "path.module":
		v = constant(in.modulePath())
	case "path.root":
		v = constant(".")
	case "path.cwd":
		v = constant(path.Join(here, in.root))
	case "terraform.workspace":
		if in.workspace != "" {
			v = constant(in.workspace)
		}
	default:
		switch t.RootName() {
		case "local":
			v = in.local(attr.Name)
		case "var":
			v = in.variable(attr.Name)
		}
	}
	return in.steps(v, t[2:])
}

// modulePath is the module's directory as seen from the root module's, always with dots in front so that it is known for a path.
func (in *instance) modulePath() string {
	rel, err := filepath.Rel("/"+in.root, "/"+in.module.dir)
	switch {
	case err != nil || rel == ".":
		return "."
	case outside(rel):
		return filepath.ToSlash(rel)
	}
	return "./" + filepath.ToSlash(rel)
}

func (in *instance) local(name string) value {
	if v, known := in.locals[name]; known {
		return v // that which is looked at now, in a circle, is nothing
	}
	if in.locals == nil {
		in.locals = map[string]value{}
	}
	in.locals[name] = unknown
	v := in.oneOf(in.module.locals[name])
	in.locals[name] = v
	return v
}

func (in *instance) variable(name string) value {
	if v, given := in.inputs[name]; given {
		return v
	}
	return in.oneOf(in.module.defaults[name])
}

// oneOf is what one of several expressions can be.
func (in *instance) oneOf(list []hclsyntax.Expression) value {
	if len(list) == 0 {
		return unknown
	}
	out := value{}
	for _, x := range list {
		out = out.or(in.budget, in.eval(x, nil))
	}
	return out
}

// absolute is a path as terraform sees it from where it is run.
func (in *instance) absolute(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(here, in.root, p)
}

// place is where in the repository a path leads to; false if that is not in the repository.
func (in *instance) place(p string) (string, bool) {
	if strings.HasPrefix(p, "~") {
		return "", false // somebody's home
	}
	at := in.absolute(p)
	if at == here {
		return ".", true
	}
	return strings.CutPrefix(at, here+"/")
}

// bind adds to names what each is within a block that is made for each of something.
func (in *instance) bind(names bindings, over hclsyntax.Expression, key, val string) bindings {
	if over == nil {
		return names
	}
	v := in.eval(over, names)
	out := bindings{}
	for name, v := range names {
		out[name] = v
	}
	if val == "" { // each and the iterators of dynamic blocks: objects
		out[key] = value{fields: map[string]value{"key": v.keys(in.budget), "value": v.elements(in.budget)}}
		return out
	}
	out[val] = v.elements(in.budget)
	if key != "" {
		out[key] = v.keys(in.budget)
	}
	return out
}

// maxKey bounds the text by which the ways to call a module are told apart, in bytes.
const maxKey = 64 << 10

// given is what a call gives to the variables of a module, and a text that tells two such apart; empty if that would be too long.
func (in *instance) given(c call) (inputs map[string]value, key string) {
	names := in.bind(nil, c.each, "each", "")
	inputs = make(map[string]value, len(c.inputs))
	for name, x := range c.inputs {
		inputs[name] = in.eval(x, names)
	}
	for _, late := range in.module.late[c.name] {
		names := in.bind(nil, late.each, "each", "")
		for name, x := range late.inputs {
			inputs[name] = inputs[name].or(in.budget, in.eval(x, names))
		}
	}
	var out strings.Builder
	if !(value{fields: inputs}).write(&out, in.budget) {
		return inputs, ""
	}
	return inputs, out.String()
}

// write writes equal values alike, and reports whether it could.
func (v value) write(out *strings.Builder, b *budget) bool {
	if !b.spend(1+len(v.texts)+len(v.fields)) || out.Len() > maxKey {
		return false
	}
	for _, t := range v.texts {
		fmt.Fprintf(out, "%q", t.s)
		if t.open {
			out.WriteString("...")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.fields)) {
		fmt.Fprintf(out, "{%q", name)
		if !v.fields[name].write(out, b) {
			return false
		}
		out.WriteByte('}')
	}
	for _, e := range v.list {
		out.WriteByte('[')
		if !e.write(out, b) {
			return false
		}
		out.WriteByte(']')
	}
	if v.any {
		out.WriteByte('?')
	}
	return true
}
