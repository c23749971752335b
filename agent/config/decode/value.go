package decode

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"sallyport/notify/redact"
)

// Attributes are those of one block, over those of the defaults block where it has any. An attribute that stands in both
// is wholly the block's own: nothing is merged.
type Attributes struct {
	Own, Base             hcl.Attributes
	OwnBlocks, BaseBlocks hcl.Blocks
	Header                hcl.Range // of the block, to point at what is missing
	// Known are those that the block can have, with their defaults and words.
	Known []Attribute
}

// Block takes a block apart by its shape. One that is not there has nothing in it, and everything as it is by default.
func (l *Reader) Block(b *hcl.Block, s Shape) Attributes {
	a := Attributes{Known: s.Attributes}
	if b != nil {
		content := l.Content(b.Body, s)
		a.Own, a.OwnBlocks, a.Header = content.Attributes, content.Blocks, b.DefRange
	}
	return a
}

// known is what the shape says of an attribute; the zero value for one that it does not have.
func (a Attributes) known(name string) Attribute {
	if i := slices.IndexFunc(a.Known, func(k Attribute) bool { return k.Name == name }); i >= 0 {
		return a.Known[i]
	}
	return Attribute{}
}

// standard is what stands where an attribute is missing; cty.NilVal if nothing does.
func (a Attributes) standard(name string) cty.Value { return written(a.known(name).Default) }

// written is what a text of an attribute's shape stands for; cty.NilVal for none.
func written(text string) cty.Value {
	if text == "" {
		return cty.NilVal
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), "shape", hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal
	}
	v, _ := expr.Value(nil)
	return v
}

// Preset is the default of an attribute that is a string, in dst, if it has one.
func (a Attributes) Preset(name string, dst *string) {
	if v := a.standard(name); v != cty.NilVal && v.Type() == cty.String {
		*dst = v.AsString()
	}
}

// Blocks are those of a type that the block has itself, else those of defaults.
func (a Attributes) Blocks(kind string) hcl.Blocks {
	if own := OfType(a.OwnBlocks, kind); len(own) > 0 {
		return own
	}
	return OfType(a.BaseBlocks, kind)
}

// Get returns the attribute or nil.
func (a Attributes) Get(name string) *hcl.Attribute {
	if attr := a.Own[name]; attr != nil {
		return attr
	}
	return a.Base[name]
}

// At is the place of the attribute's value, or the block's header.
func (a Attributes) At(name string) hcl.Range {
	if attr := a.Get(name); attr != nil {
		return attr.Expr.Range()
	}
	return a.Header
}

// Element is the place of the i-th element of a list, or of the whole if it is not written as a list.
func (a Attributes) Element(name string, i int) hcl.Range {
	if attr := a.Get(name); attr != nil {
		if exprs, diags := hcl.ExprList(attr.Expr); !diags.HasErrors() && i < len(exprs) {
			return exprs[i].Range()
		}
	}
	return a.At(name)
}

// Key is the place of a key of a map, or of the whole.
func (a Attributes) Key(name, key string) hcl.Range {
	if attr := a.Get(name); attr != nil {
		pairs, diags := hcl.ExprMap(attr.Expr)
		if !diags.HasErrors() {
			for _, p := range pairs {
				v, diags := p.Key.Value(nil)
				if !diags.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() && !v.IsMarked() && v.AsString() == key {
					return p.Key.Range()
				}
			}
		}
	}
	return a.At(name)
}

// Eval evaluates an attribute and converts it; want may be cty.DynamicPseudoType. It reports false for what is absent, null
// or faulty (and says what is wrong).
func (l *Reader) Eval(attr *hcl.Attribute, want cty.Type) (cty.Value, bool) {
	v, ok := OrNull(l, attr, want)
	if !ok || v.IsNull() {
		return cty.NilVal, false
	}
	return v, true
}

// OrNull is Eval for who takes null for a value: it reports false for what is absent or faulty alone.
func OrNull(l *Reader, attr *hcl.Attribute, want cty.Type) (cty.Value, bool) {
	if attr == nil || !resolves(l, attr.Expr) {
		return cty.NilVal, false
	}
	v, diags := attr.Expr.Value(context(l))
	l.Add(diags)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	v, err := convert.Convert(v, want)
	if err != nil {
		l.Fault(attr.Expr.Range(), "Wrong type", "%s must be %s: %s.", attr.Name, typeName(want), err)
		return cty.NilVal, false
	}
	return v, true
}

// typeName says a type in the words of somebody who writes configurations.
func typeName(t cty.Type) string {
	switch {
	case t == cty.String:
		return "a string"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	case t.IsListType():
		return "a list of strings"
	case t.IsMapType():
		return "a map of strings"
	}
	return "a value"
}

// Shown evaluates an attribute that people get to see, in which a secret has no place. What it returns is known: what comes of a
// directory that is not known yet counts as absent.
func (l *Reader) Shown(attr *hcl.Attribute, want cty.Type) (cty.Value, bool) {
	v, ok := l.Eval(attr, want)
	if !ok {
		return v, false
	}
	if notYetKnown(v) {
		return cty.NilVal, false
	}
	if v.ContainsMarked() || !v.IsWhollyKnown() {
		l.Fault(attr.Expr.Range(), "Secret in the open",
			"%s is shown to people and kept in the history, so it may not come from env, file or credential, whose values are secrets. Write it here.", attr.Name)
		return cty.NilVal, false
	}
	return v, true
}

// String reads a string into dst and reports whether there was one. Without one dst has the default, if the shape has any: that
// holds for the methods below, too.
func (l *Reader) String(a Attributes, name string, dst *string) bool {
	a.Preset(name, dst)
	v, ok := l.Shown(a.Get(name), cty.String)
	if ok {
		*dst = v.AsString()
	}
	return ok
}

// Bool reads true or false.
func (l *Reader) Bool(a Attributes, name string, dst *bool) bool {
	if v := a.standard(name); v != cty.NilVal && v.Type() == cty.Bool {
		*dst = v.True()
	}
	v, ok := l.Shown(a.Get(name), cty.Bool)
	if ok {
		*dst = v.True()
	}
	return ok
}

// Strings reads a list of strings, none of them null.
func (l *Reader) Strings(a Attributes, name string, dst *[]string) bool {
	v, ok := l.Shown(a.Get(name), cty.List(cty.String))
	if !ok {
		return false
	}
	list := []string{}
	for i, e := range v.AsValueSlice() {
		if e.IsNull() {
			l.Fault(a.Element(name, i), "Wrong type", "%s must be a list of strings: null is none.", name)
			return false
		}
		list = append(list, e.AsString())
	}
	*dst = list
	return true
}

// OneOf reads one of the words that the shape lists.
func (l *Reader) OneOf(a Attributes, name string, dst *string) bool {
	a.Preset(name, dst)
	var word string
	words := a.known(name).Choices
	if !l.String(a, name, &word) {
		return false
	}
	for _, w := range words {
		if w == word {
			*dst = word
			return true
		}
	}
	l.Fault(a.At(name), "Invalid value", "%s must be %s, not %q.", name, OrList(words), word)
	return false
}

// Secret reads a string that may be a secret. literal reports that it stands in the file itself. An absent one, and one that cannot be
// read here (a warning then), leaves dst empty and present says which.
func (l *Reader) Secret(a Attributes, name string, dst *redact.Secret) (present bool) {
	attr := a.Get(name)
	v, ok := l.Eval(attr, cty.String)
	if !ok {
		return false
	}
	if notYetKnown(v) {
		l.Fault(a.At(name), "Misplaced dir", "%s may not come from dir here: what it is has to be known before the repository is.", name)
		return true
	}
	marked := v.IsMarked()
	v, _ = v.UnmarkDeep()
	if !v.IsKnown() {
		return true
	}
	text := v.AsString()
	if text == "" {
		l.Fault(a.At(name), "Empty secret", "%s is empty.", name)
		return true
	}
	if !marked {
		l.Warn(a.At(name), `%s stands in the configuration itself; credential("...") or file("...") keeps it out`, name)
	}
	l.keep(text)
	*dst = redact.NewSecret(text)
	return true
}

// HeaderSecret reads a secret that is sent in a header of HTTP, where white space has no place.
func (l *Reader) HeaderSecret(a Attributes, name string, dst *redact.Secret) (present bool) {
	present = l.Secret(a, name, dst)
	if strings.ContainsFunc(dst.Reveal(), func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		l.Fault(a.At(name), "Invalid token", "%s holds white space or control characters, as a file with more than the token in it would give.", name)
	}
	return present
}

// SecretMap reads a map of strings that may be secrets. Keys are never secrets; secret are those, sorted, whose values came from env,
// file or credential, wholly or in part.
func (l *Reader) SecretMap(a Attributes, name string) (m map[string]redact.Secret, secret []string) {
	v, ok := l.Eval(a.Get(name), cty.Map(cty.String))
	if !ok || !v.IsKnown() && !v.IsMarked() {
		return nil, nil
	}
	if v.IsMarked() || !v.IsKnown() {
		SecretKeys(l, a, name)
		return nil, nil
	}
	m = make(map[string]redact.Secret, v.LengthInt())
	for k, e := range v.AsValueMap() {
		if e.IsMarked() {
			secret = append(secret, k)
		}
		e, _ = e.Unmark()
		switch {
		case !e.IsKnown():
			m[k] = redact.Secret{}
		case e.IsNull():
			l.Fault(a.Key(name, k), "Wrong type", "%s must be a map of strings: %s is null.", name, k)
		case strings.ContainsRune(e.AsString(), 0):
			l.Fault(a.Key(name, k), "Invalid value", "The value of %s holds a zero byte.", k)
		default:
			m[k] = redact.NewSecret(e.AsString())
		}
	}
	slices.Sort(secret)
	return m, secret
}

// SecretKeys faults a map whose names come from a function.
func SecretKeys(l *Reader, a Attributes, name string) {
	l.Fault(a.At(name), "Secret in the open", "The names in %s are shown to people, so they may not come from env, file or credential; its values may.", name)
}

// OrList is `"a", "b" or "c"`.
func OrList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}
