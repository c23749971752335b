package hclfile

import (
	"bytes"
	"encoding/json"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Template parses a text as a template, which may be the file that templatefile reads or a string of configuration in JSON. What
// is refused unread is nil.
func Template(src []byte, name string, at hcl.Pos) hclsyntax.Expression {
	words := wordsOf(src)
	if words > MaxWords {
		return nil
	}
	if words > maxNesting/2 {
		tokens, _ := hclsyntax.LexTemplate(src, "", hcl.InitialPos)
		if nestedIn(tokens) > maxNesting {
			return nil
		}
	}
	x, diags := hclsyntax.ParseTemplate(src, name, at)
	if diags.HasErrors() {
		return nil
	}
	return x
}

// Native is an expression as it would be in a file that is not JSON: of JSON, a string is a template, and lists and objects are
// made of those. src is the file that it stands in. Nil: it cannot be read.
func Native(x hcl.Expression, src []byte) hclsyntax.Expression {
	if native, ok := x.(hclsyntax.Expression); ok {
		return native
	}
	raw := bytes.TrimSpace(x.Range().SliceBytes(src))
	if len(raw) == 0 {
		return nil
	}
	switch raw[0] {
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return nil
		}
		return Template([]byte(text), x.Range().Filename, x.Range().Start)
	case '[':
		list := &hclsyntax.TupleConsExpr{SrcRange: x.Range()}
		items, _ := hcl.ExprList(x)
		for _, item := range items {
			list.Exprs = append(list.Exprs, orNull(Native(item, src), item))
		}
		return list
	case '{':
		object := &hclsyntax.ObjectConsExpr{SrcRange: x.Range()}
		pairs, _ := hcl.ExprMap(x)
		for _, p := range pairs {
			object.Items = append(object.Items, hclsyntax.ObjectConsItem{
				KeyExpr: orNull(Native(p.Key, src), p.Key), ValueExpr: orNull(Native(p.Value, src), p.Value),
			})
		}
		return object
	}
	value, diags := x.Value(nil)
	if diags.HasErrors() {
		return nil
	}
	return &hclsyntax.LiteralValueExpr{Val: value, SrcRange: x.Range()}
}

// orNull keeps a place in a list for what cannot be read.
func orNull(x hclsyntax.Expression, from hcl.Expression) hclsyntax.Expression {
	if x == nil {
		return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: from.Range()}
	}
	return x
}
