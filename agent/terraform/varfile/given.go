package varfile

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// GivenHint says how a value is written that is no text.
const GivenHint = `write it as in a .tfvars file: ["a", "b"] or { a = 1 }`

// Given reads a value that a person gives, as terraform reads those of its -var: as it is for a string, a number and a bool, given as
// the type of the variable is written, and as an expression for everything else. The error quotes the value, which may be a secret:
// it must not be shown.
func Given(kind, text string) (cty.Value, error) {
	switch strings.TrimSpace(kind) {
	case "", "string", "number", "bool":
		return cty.StringVal(text), nil // terraform makes a number of "3" by itself
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), "var", hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	value, diags := expr.Value(nil)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	return value, nil
}
