package declared

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Address is that of one resource instance, as terraform's -replace takes it, or of what its -target takes.
type Address struct {
	modules    []step
	kind, name string // empty: all of the module
	key        string // as it stands in brackets; empty: none
	all        bool   // without a key it is of all instances
}

// step is a module on the way to a resource.
type step struct{ name, key string }

// errNoAddress is the address of nothing that can be replaced.
var errNoAddress = errors.New("is not the address of a resource")

// ParseTarget reads what a plan can be confined to: a module or a managed resource, all instances of it or one.
func ParseTarget(text string) (Address, error) {
	a, err := parse(text)
	a.all = true
	return a, err
}

// ParseAddress reads the address of a managed resource's instance: TYPE.NAME, with [KEY] behind it where there are several, and behind
// module.NAME. for each module on the way.
func ParseAddress(text string) (Address, error) {
	a, err := parse(text)
	if err == nil && a.kind == "" {
		return Address{}, errNoAddress
	}
	return a, err
}

// parse reads an address of either kind.
func parse(text string) (Address, error) {
	at, diags := hclsyntax.ParseTraversalAbs([]byte(text), "address", hcl.InitialPos)
	if diags.HasErrors() {
		return Address{}, errNoAddress
	}
	var a Address
	r := &reader{rest: at}
	word, ok := r.word()
	for ok && word == "module" {
		var m step
		if m.name, ok = r.word(); ok {
			m.key, ok = r.key()
			a.modules = append(a.modules, m)
		}
		if ok && len(r.rest) == 0 {
			return a, nil
		}
		if ok {
			word, ok = r.word()
		}
	}
	if ok && (word == "data" || word == "ephemeral") {
		return Address{}, fmt.Errorf("is of something that terraform reads, and %w", errNoAddress)
	}
	a.kind = word
	if ok {
		a.name, ok = r.word()
	}
	if ok {
		a.key, ok = r.key()
	}
	if !ok || len(r.rest) > 0 {
		return Address{}, errNoAddress
	}
	return a, nil
}

// reader takes an address apart.
type reader struct{ rest hcl.Traversal }

// word is the next name.
func (r *reader) word() (string, bool) {
	if len(r.rest) == 0 {
		return "", false
	}
	var name string
	switch t := r.rest[0].(type) {
	case hcl.TraverseRoot:
		name = t.Name
	case hcl.TraverseAttr:
		name = t.Name
	default:
		return "", false
	}
	r.rest = r.rest[1:]
	return name, true
}

// key is the key that stands next, in brackets; empty if none does. It is false of a key that terraform has no instances by.
func (r *reader) key() (string, bool) {
	if len(r.rest) == 0 {
		return "", true
	}
	index, ok := r.rest[0].(hcl.TraverseIndex)
	if !ok {
		return "", true
	}
	r.rest = r.rest[1:]
	switch {
	case index.Key.Type() == cty.String:
		return quoted(index.Key.AsString()), true
	case index.Key.Type() == cty.Number && index.Key.AsBigFloat().IsInt() && index.Key.AsBigFloat().Sign() >= 0:
		return index.Key.AsBigFloat().Text('f', 0), true
	}
	return "", false
}

// quoted is a key as terraform writes it.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case (r == '$' || r == '%') && strings.HasPrefix(s[i+1:], "{"):
			b.WriteString(string(r) + string(r))
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteToASCII(string(r)), `"`))
		}
	}
	return b.String() + `"`
}

// String is the address as terraform writes it.
func (a Address) String() string { return a.Resource() + inBrackets(a.key) }

// Resource is the address without the key of the instance.
func (a Address) Resource() string {
	text := ""
	for _, m := range a.modules {
		text += "module." + m.name + inBrackets(m.key) + "."
	}
	if a.kind == "" {
		return strings.TrimSuffix(text, ".")
	}
	return text + a.kind + "." + a.name
}

// Bare is the address without any key: that of all instances of a resource.
func (a Address) Bare() string {
	bare := Address{kind: a.kind, name: a.name}
	for _, m := range a.modules {
		bare.modules = append(bare.modules, step{name: m.name})
	}
	return bare.Resource()
}

func inBrackets(key string) string {
	if key == "" {
		return ""
	}
	return "[" + key + "]"
}
