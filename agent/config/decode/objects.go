package decode

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Object is one { name = "text" } of an attribute.
type Object struct {
	Text map[string]string
	At   hcl.Range
}

// Objects reads an attribute that holds one object of strings, or a list of them. Names that it does not know are faults.
func (l *Reader) Objects(a Attributes, name string, known ...string) []Object {
	v, ok := l.Shown(a.Get(name), cty.DynamicPseudoType)
	if !ok {
		return nil
	}
	isObject := func(t cty.Type) bool { return t.IsObjectType() || t.IsMapType() }
	values := []cty.Value{v}
	if v.Type().IsTupleType() || v.Type().IsListType() {
		values = v.AsValueSlice()
	}
	var out []Object
	for i, value := range values {
		at := a.At(name)
		if len(values) > 1 || !isObject(v.Type()) {
			at = a.Element(name, i)
		}
		if !isObject(value.Type()) || value.IsNull() {
			l.Fault(at, "Wrong type", "%s must be { %s = ... }, or a list of such.", name, known[0])
			continue
		}
		if o, ok := l.object(value, at, name, known); ok {
			out = append(out, o)
		}
	}
	return out
}

func (l *Reader) object(v cty.Value, at hcl.Range, name string, known []string) (Object, bool) {
	o := Object{Text: map[string]string{}, At: at}
	good := true
	for key, value := range v.AsValueMap() {
		text, err := convert.Convert(value, cty.String)
		switch {
		case !slices.Contains(known, key):
			l.Fault(at, "Unsupported argument", "%s does not know %q, but %s.", name, key, OrList(known))
			good = false
		case err != nil:
			l.Fault(at, "Wrong type", "%s of %s must be a string.", key, name)
			good = false
		case !text.IsNull():
			o.Text[key] = text.AsString()
		}
	}
	return o, good
}
