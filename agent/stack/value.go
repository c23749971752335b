package stack

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Whoever can push can write expressions that would take days, or all memory, to evaluate. So nothing is evaluated as terraform
// does it: only texts are followed, through what names and joins them, and each step is counted.

const (
	maxTexts = 16   // that one expression can be
	maxText  = 4096 // bytes of one
	// maxSteps bounds the work for all expressions of a stack. What is left over then is not known.
	maxSteps = 1 << 20
)

// budget counts down.
type budget struct{ left int }

func newBudget() *budget { return &budget{maxSteps} }

// spend takes steps, and reports whether there are any left.
func (b *budget) spend(n int) bool {
	b.left -= n
	return b.left > 0
}

// text is what a string can be, or how it begins.
type text struct {
	s    string
	open bool // more follows that is not known
	up   bool // what follows leads, as far as it is written, to a directory above
}

// value is all that an expression can be. The zero value can be nothing.
type value struct {
	texts  []text
	fields map[string]value // of an object or map
	list   []value
	any    bool // something else as well, that is not known
}

var unknown = value{any: true}

func constant(s string) value { return value{texts: []text{{s: s}}} }

// strings are the texts that a value can be.
func (v value) strings() []text {
	if v.any || v.fields != nil || v.list != nil {
		return append(v.texts[:len(v.texts):len(v.texts)], text{open: true})
	}
	return v.texts
}

// or is what is one or the other.
func (v value) or(b *budget, other value) value {
	if !b.spend(1 + len(v.texts) + len(other.texts) + len(other.fields) + len(other.list)) {
		return unknown
	}
	out := value{any: v.any || other.any, texts: v.texts, fields: v.fields, list: v.list}
	for _, t := range other.texts {
		out.texts = with(out.texts, t)
	}
	if len(out.texts) > maxTexts {
		return unknown
	}
	if other.fields != nil {
		out.fields = make(map[string]value, len(v.fields)+len(other.fields))
		b.spend(len(v.fields))
		for k, f := range v.fields {
			out.fields[k] = f
		}
		for k, f := range other.fields {
			if mine, both := out.fields[k]; both {
				f = mine.or(b, f)
			}
			out.fields[k] = f
		}
	}
	if other.list != nil {
		b.spend(len(v.list))
		out.list = append(v.list[:len(v.list):len(v.list)], other.list...)
	}
	return out
}

func with(texts []text, t text) []text {
	for _, have := range texts {
		if have == t {
			return texts
		}
	}
	return append(texts[:len(texts):len(texts)], t)
}

// elements is what an element of a list, or a value of a map, can be.
func (v value) elements(b *budget) value {
	out := value{any: v.any || v.fields == nil && v.list == nil}
	for _, e := range v.list {
		out = out.or(b, e)
	}
	for _, e := range v.fields {
		out = out.or(b, e)
	}
	return out
}

// keys is what a key of a map, or an element of a set, can be.
func (v value) keys(b *budget) value {
	out := value{any: v.any || v.fields == nil && v.list == nil}
	for _, e := range v.list {
		out = out.or(b, e)
	}
	for k := range v.fields {
		out = out.or(b, constant(k))
	}
	return out
}

// field is a field of an object, or what can be one.
func (v value) field(name string) value {
	f, found := v.fields[name]
	switch {
	case !found:
		return unknown
	case v.any:
		f.any = true
	}
	return f
}

// joined puts texts one after the other.
func joined(b *budget, parts []value) value {
	out := []text{{}}
	for _, part := range parts {
		var next []text
		for _, begin := range out {
			for _, more := range part.strings() {
				t, ok := begin.then(b, more)
				if !ok {
					return unknown
				}
				if next = with(next, t); len(next) > maxTexts {
					return unknown
				}
			}
		}
		out = next
	}
	return value{texts: out}
}

// then is a text with another one behind it.
func (t text) then(b *budget, more text) (text, bool) {
	if !b.spend(1 + (len(t.s)+len(more.s))/64) {
		return text{}, false
	}
	if t.open {
		t.up = t.up || more.up || strings.Contains(more.s, "..")
		return t, true
	}
	if len(t.s)+len(more.s) > maxText {
		return text{}, false
	}
	return text{t.s + more.s, more.open, more.up}, true
}

// bindings are names that hold within a part of the configuration: each, and those of for expressions.
type bindings map[string]value

// eval is what an expression can be.
func (in *instance) eval(x hclsyntax.Expression, names bindings) value {
	if !in.budget.spend(1) {
		return unknown
	}
	switch x := x.(type) {
	case *hclsyntax.LiteralValueExpr:
		return literal(x.Val)
	case *hclsyntax.ParenthesesExpr:
		return in.eval(x.Expression, names)
	case *hclsyntax.TemplateWrapExpr:
		return in.eval(x.Wrapped, names)
	case *hclsyntax.ObjectConsKeyExpr:
		if word := hcl.ExprAsKeyword(x.Wrapped); word != "" && !x.ForceNonLiteral {
			return constant(word)
		}
		return in.eval(x.Wrapped, names)
	case *hclsyntax.TemplateExpr:
		return joined(in.budget, in.evalAll(x.Parts, names))
	case *hclsyntax.ConditionalExpr:
		return in.eval(x.TrueResult, names).or(in.budget, in.eval(x.FalseResult, names))
	case *hclsyntax.TupleConsExpr:
		return value{list: append([]value{}, in.evalAll(x.Exprs, names)...)}
	case *hclsyntax.ObjectConsExpr:
		return in.object(x, names)
	case *hclsyntax.ScopeTraversalExpr:
		return in.traverse(x.Traversal, names)
	case *hclsyntax.RelativeTraversalExpr:
		return in.steps(in.eval(x.Source, names), x.Traversal)
	case *hclsyntax.IndexExpr:
		return in.index(in.eval(x.Collection, names), in.eval(x.Key, names))
	case *hclsyntax.FunctionCallExpr:
		return in.call(x, names)
	}
	return unknown
}

func (in *instance) evalAll(list []hclsyntax.Expression, names bindings) []value {
	out := make([]value, len(list))
	for i, x := range list {
		out[i] = in.eval(x, names)
	}
	return out
}

// literal is a value that stands in the configuration, or that it is given.
func literal(v cty.Value) value {
	v, _ = v.UnmarkDeep()
	if v.IsNull() || !v.IsKnown() {
		return unknown
	}
	if s, err := convert.Convert(v, cty.String); err == nil && !s.IsNull() && s.IsKnown() {
		if len(s.AsString()) > maxText {
			return unknown
		}
		return constant(s.AsString())
	}
	if !v.CanIterateElements() || v.LengthInt() > maxSteps/64 {
		return unknown
	}
	out := value{}
	for it := v.ElementIterator(); it.Next(); {
		key, element := it.Element()
		if v.Type().IsObjectType() || v.Type().IsMapType() {
			if out.fields == nil {
				out.fields = map[string]value{}
			}
			out.fields[key.AsString()] = literal(element)
			continue
		}
		out.list = append(out.list, literal(element))
	}
	return out
}

func (in *instance) object(x *hclsyntax.ObjectConsExpr, names bindings) value {
	out := value{fields: map[string]value{}}
	for _, item := range x.Items {
		v := in.eval(item.ValueExpr, names)
		for _, key := range in.eval(item.KeyExpr, names).strings() {
			if key.open {
				out.any = true // of any name
				continue
			}
			if have, twice := out.fields[key.s]; twice {
				v = have.or(in.budget, v)
			}
			out.fields[key.s] = v
		}
	}
	return out
}

// steps follows names and indices into a value.
func (in *instance) steps(v value, path hcl.Traversal) value {
	for _, step := range path {
		switch step := step.(type) {
		case hcl.TraverseAttr:
			v = v.field(step.Name)
		case hcl.TraverseIndex:
			v = in.index(v, literal(step.Key))
		default:
			return unknown
		}
	}
	return v
}

func (in *instance) index(v, key value) value {
	if v.list != nil {
		return v.elements(in.budget)
	}
	out := value{}
	for _, k := range key.strings() {
		if k.open {
			return v.elements(in.budget)
		}
		out = out.or(in.budget, v.field(k.s))
	}
	return out
}
