package decode

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// locals are the values that a configuration names.
type locals struct {
	written map[string]*hcl.Attribute
	values  map[string]cty.Value
	broken  map[string]bool // what is wrong with them was told
	asked   []string        // those that are being evaluated, each for the next
}

func (k locals) clone() locals {
	return locals{written: k.written, values: maps.Clone(k.values), broken: maps.Clone(k.broken)}
}

// UseLocals takes the locals of these blocks, which are evaluated when something refers to them.
func UseLocals(l *Reader, blocks hcl.Blocks) {
	l.locals = locals{written: map[string]*hcl.Attribute{}, values: map[string]cty.Value{}, broken: map[string]bool{}}
	for _, b := range blocks {
		attrs, diags := b.Body.JustAttributes()
		l.Add(diags)
		for _, attr := range inOrder(attrs) {
			if first := l.locals.written[attr.Name]; first != nil {
				l.Fault(attr.NameRange, "Duplicate local", "There is a local %q at %s already.", attr.Name, Place(first.NameRange))
				continue
			}
			l.locals.written[attr.Name] = attr
		}
	}
}

// EveryLocal evaluates all locals, so that what is wrong with one that nothing refers to is told as well.
func EveryLocal(l *Reader) {
	for _, attr := range inOrder(l.locals.written) {
		local(l, attr.Name, attr.NameRange)
	}
}

// inOrder are attributes in the order of files and lines.
func inOrder(attrs map[string]*hcl.Attribute) []*hcl.Attribute {
	return slices.SortedFunc(maps.Values(attrs), func(a, b *hcl.Attribute) int {
		switch {
		case before(&a.NameRange, &b.NameRange):
			return -1
		case before(&b.NameRange, &a.NameRange):
			return 1
		}
		return 0
	})
}

// LocalOf is what is written for the local that an expression is, and for the one that this is, and so on; the expression itself if it is
// no local.
func LocalOf(l *Reader, expr hcl.Expression) hcl.Expression {
	for range len(l.locals.written) {
		t, diags := hcl.AbsTraversalForExpr(expr)
		if diags.HasErrors() || len(t) != 2 || t.RootName() != "local" || l.locals.written[second(t)] == nil {
			break
		}
		expr = l.locals.written[second(t)].Expr
	}
	return expr
}

// local reports whether a local that is referred to has a value, and sees to it that it does.
func local(l *Reader, name string, at hcl.Range) bool {
	k := &l.locals
	attr := k.written[name]
	if _, known := k.values[name]; known {
		return true
	}
	switch i := slices.Index(k.asked, name); {
	case k.broken[name]:
		return false
	case attr == nil:
		unknownLocal(l, name, at)
		return false
	case i >= 0:
		circle := append(slices.Clone(k.asked[i:]), name)
		l.Fault(k.written[name].NameRange, "Cycle of locals", "The value of each of these is part of the one before: %s.", strings.Join(circle, " -> "))
		for _, name := range circle {
			k.broken[name] = true
		}
		return false
	}
	k.asked = append(k.asked, name)
	scope := l.scope
	l.scope = Scope{} // each and dir are those of a block
	v, good := cty.NilVal, resolves(l, attr.Expr)
	if good {
		var diags hcl.Diagnostics
		v, diags = attr.Expr.Value(context(l))
		l.Add(diags)
		good = !diags.HasErrors()
	}
	l.scope, k.asked = scope, k.asked[:len(k.asked)-1]
	if !good {
		k.broken[name] = true
		return false
	}
	k.values[name] = v
	return true
}

func unknownLocal(l *Reader, name string, at hcl.Range) {
	names := slices.Sorted(maps.Keys(l.locals.written))
	switch {
	case name == "":
		l.Fault(at, "Unknown local", "Write local.NAME, with the name of one of the locals.")
	case len(names) == 0:
		l.Fault(at, "Unknown local", "There is no local %q: there is no locals block.", name)
	default:
		l.Fault(at, "Unknown local", "There is no local %q, but %s.", name, OrList(names[:min(len(names), 20)]))
	}
}
