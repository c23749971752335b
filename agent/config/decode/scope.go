package decode

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/notify/words"
)

// A Scope is what the expressions of one block may refer to besides locals.
type Scope struct {
	Each *Each // what for_each made the block for; nil: there is no for_each
	// Dir is the stack's directory: unknown where a repository has to be read first, nil where it is nobody's.
	Dir cty.Value
}

// Each is one element of a for_each.
type Each struct {
	Key   string
	Value cty.Value
	At    hcl.Range // where the element is written, as far as that can be told
	Of    int       // how many elements there are
}

// NotYet is a directory that is known only when a repository has been read.
func NotYet() cty.Value { return cty.UnknownVal(cty.String) }

// In reads something in a scope.
func In(l *Reader, s Scope, read func()) {
	before := l.scope
	l.scope = s
	read()
	l.scope = before
}

// Fixed reads what must be known before a repository is read, and why.
func Fixed(l *Reader, why string, read func()) {
	before := l.fixed
	l.fixed = why
	read()
	l.fixed = before
}

// Later reports whether something that read reads comes of a directory that is not known yet.
func Later(l *Reader, read func()) bool {
	before := l.later
	l.later = false
	read()
	later := l.later
	l.later = before || later
	return later
}

// Refers reports whether an attribute is written with a variable of this name.
func (a Attributes) Refers(name, variable string) bool {
	attr := a.Get(name)
	return attr != nil && slices.ContainsFunc(attr.Expr.Variables(), func(t hcl.Traversal) bool { return t.RootName() == variable })
}

// notYetKnown reports whether a value, or a part of it, comes of a directory that is not known yet. What cannot be known because a secret
// is missing has a secret's mark.
func notYetKnown(v cty.Value) bool { return !v.ContainsMarked() && !v.IsWhollyKnown() }

// context is what expressions are evaluated with.
func context(l *Reader) *hcl.EvalContext {
	vars := map[string]cty.Value{}
	if len(l.locals.values) > 0 {
		vars["local"] = cty.ObjectVal(l.locals.values)
	}
	if e := l.scope.Each; e != nil {
		vars["each"] = cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(e.Key), "value": e.Value})
	}
	if l.scope.Dir != cty.NilVal {
		vars["dir"] = l.scope.Dir
	}
	return &hcl.EvalContext{Variables: vars, Functions: l.functions}
}

// resolves reports whether an expression may be evaluated: all that it refers to is there. What is not is told, unless it has been.
func resolves(l *Reader, expr hcl.Expression) bool {
	good := true
	for _, t := range expr.Variables() {
		good = resolvesOne(l, t) && good
	}
	return good
}

func resolvesOne(l *Reader, t hcl.Traversal) bool {
	at := t.SourceRange()
	switch name, step := t.RootName(), second(t); name {
	case "local":
		return local(l, step, at)
	case "each":
		switch {
		case l.scope.Each == nil:
			l.Fault(at, "Misplaced each", "each.key and each.value are what a for_each gives to its own block, and there is none here.")
		case step != "key" && step != "value":
			l.Fault(at, "Unknown each", "There is no each.%s, but each.key and each.value.", step)
		default:
			return true
		}
	case "dir":
		switch {
		case l.scope.Dir == cty.NilVal:
			l.Fault(at, "Misplaced dir", "dir is the directory of a stack, and is known in stack, stacks and defaults blocks, but in the dir of a stack itself and in for_each.")
		case !l.scope.Dir.IsKnown() && l.fixed != "":
			l.Fault(at, "Misplaced dir", "dir may not be referred to here: %s.", l.fixed)
		default:
			l.later = l.later || !l.scope.Dir.IsKnown()
			return true
		}
	default:
		l.Fault(at, "Unknown variable", "There is no variable %q. A configuration has local.NAME, each.key and each.value of a for_each, and dir.", name)
	}
	return false
}

// second is the name after the first dot; empty if there is none.
func second(t hcl.Traversal) string {
	if len(t) < 2 {
		return ""
	}
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		return step.Name
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String && step.Key.IsKnown() {
			return step.Key.AsString()
		}
	}
	return ""
}

// elements are those of a for_each for which a fault was met.
type elements struct {
	keys []string
	last *Each
}

// noteElement notes that a fault was met for the element that is being read.
func noteElement(l *Reader, fault string) {
	each := l.scope.Each
	if each == nil {
		return
	}
	e := l.elements[fault]
	if e == nil {
		e = &elements{}
		l.elements[fault] = e
	}
	if !slices.Contains(e.keys, each.Key) {
		e.keys, e.last = append(e.keys, each.Key), each
	}
}

// String says for which elements it holds; nothing if it does for all.
func (e *elements) String() string {
	switch {
	case e == nil || len(e.keys) == e.last.Of:
		return ""
	case len(e.keys) == 1 && e.last.At.Filename != "":
		return fmt.Sprintf(" Here each.key is %q, at %s.", e.keys[0], Place(e.last.At))
	}
	return fmt.Sprintf(" Here each.key is %s.", words.List(e.keys, 5))
}
