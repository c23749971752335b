// Package foreach says what the for_each of a block makes of it: one element for each key of a map, or of a set of strings, as in
// Terraform.
//
// A block without for_each has one element, which is nil. Every other has a key that is part of a stack's name. What is wrong is told
// where it is written: at the key if the map or the set is written out, in the block or as a local, else at for_each.
package foreach

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/naming"
)

// Name is the attribute.
const Name = "for_each"

// maxElements bounds what one block makes: each is a stack, or one for each directory.
const maxElements = 500

// Of are the elements that a block is made for, in the order of their keys; none where for_each is wrong, which was told.
func Of(l *decode.Reader, a decode.Attributes) []*decode.Each {
	attr := a.Own[Name]
	if attr == nil {
		return []*decode.Each{nil}
	}
	v, ok := decode.OrNull(l, attr, cty.DynamicPseudoType)
	if !ok {
		return nil
	}
	if v.IsMarked() || !v.IsKnown() || v.Type().IsSetType() && v.ContainsMarked() {
		l.Fault(attr.Expr.Range(), "Secret in the open", "The keys of for_each are shown to people, so they may not come from env, file or credential; its values may.")
		return nil
	}
	values, good := elementsOf(l, attr, v)
	if !good {
		return nil
	}
	if len(values) == 0 || len(values) > maxElements {
		l.Fault(attr.Expr.Range(), "Invalid for_each", "for_each has %d elements, and takes 1 to %d: a block for which nothing is made is taken out instead.", len(values), maxElements)
		return nil
	}
	places, good := written(l, attr)
	var out []*decode.Each
	for _, key := range slices.Sorted(maps.Keys(values)) {
		at, known := places[key]
		if !known {
			at = attr.Expr.Range()
		}
		if !naming.ValidStack(key) {
			l.Fault(at, "Invalid name", "A key of for_each is a part of a stack's name and %s; %q does not.", naming.StackRule, key)
			good = false
		}
		out = append(out, &decode.Each{Key: key, Value: values[key], At: places[key], Of: len(values)})
	}
	if !good {
		return nil
	}
	return out
}

const takes = `for_each must be a map like { prod = { size = 3 } }, or a set of strings: toset(["staging", "prod"]).`

// elementsOf are the elements of a value by key.
func elementsOf(l *decode.Reader, attr *hcl.Attribute, v cty.Value) (map[string]cty.Value, bool) {
	t := v.Type()
	switch {
	case v.IsNull():
	case t.IsObjectType(), t.IsMapType():
		return v.AsValueMap(), true
	case t.IsSetType() && v.LengthInt() == 0:
		return nil, true
	case t.IsSetType() && t.ElementType() == cty.String:
		out := map[string]cty.Value{}
		for _, e := range v.AsValueSlice() {
			if e.IsNull() {
				l.Fault(attr.Expr.Range(), "Wrong type", "for_each must be a set of strings: null is none.")
				return nil, false
			}
			out[e.AsString()] = e
		}
		return out, true
	}
	l.Fault(attr.Expr.Range(), "Wrong type", "%s", takes)
	return nil, false
}

// written are the places of the keys, where they are written out. A key that is written twice would quietly be the second alone.
func written(l *decode.Reader, attr *hcl.Attribute) (map[string]hcl.Range, bool) {
	places, good := map[string]hcl.Range{}, true
	note := func(expr hcl.Expression) {
		v, diags := expr.Value(nil)
		if diags.HasErrors() || v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
			return
		}
		first, twice := places[v.AsString()]
		if twice {
			l.Fault(expr.Range(), "Duplicate key", "for_each has %q at %s already.", v.AsString(), decode.Place(first))
			good = false
			return
		}
		places[v.AsString()] = expr.Range()
	}
	expr := decode.LocalOf(l, attr.Expr)
	if pairs, diags := hcl.ExprMap(expr); !diags.HasErrors() {
		for _, p := range pairs {
			note(p.Key)
		}
	} else if call, diags := hcl.ExprCall(expr); !diags.HasErrors() && call.Name == "toset" && len(call.Arguments) == 1 {
		if elements, diags := hcl.ExprList(decode.LocalOf(l, call.Arguments[0])); !diags.HasErrors() {
			for _, e := range elements {
				note(e)
			}
		}
	}
	return places, good
}
