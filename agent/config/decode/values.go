package decode

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// ReadValues reads a map of values of any type that may be secrets; its names are those of variables. Marks are taken off, since nothing that
// writes a var file knows them; what was secret is in [Reader.Secrets], and secret are the names, sorted, of which the value or a part was.
func ReadValues(l *Reader, a Attributes, name string) (vars map[string]cty.Value, secret []string) {
	v, ok := l.Eval(a.Get(name), cty.DynamicPseudoType)
	if !ok || !v.IsKnown() && !v.IsMarked() {
		return nil, nil
	}
	if v.IsMarked() || !v.IsKnown() {
		SecretKeys(l, a, name)
		return nil, nil
	}
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		l.Fault(a.At(name), "Wrong type", `%s must be a map: { region = "us-east-1" }.`, name)
		return nil, nil
	}
	vars = map[string]cty.Value{}
	for variable, value := range v.AsValueMap() {
		if !hclsyntax.ValidIdentifier(variable) {
			l.Fault(a.Key(name, variable), "Invalid name", "%q cannot be the name of a Terraform variable.", variable)
			continue
		}
		if value.ContainsMarked() {
			secret = append(secret, variable)
		}
		value, _ = value.UnmarkDeep()
		// What could not be read here (see MissingCredentialsWarn), or is not known yet, would be no JSON.
		known, err := cty.Transform(value, func(_ cty.Path, v cty.Value) (cty.Value, error) {
			if !v.IsKnown() {
				return cty.StringVal(""), nil
			}
			return v, nil
		})
		if err != nil {
			// Lists want one type for all elements, which the stand-in may not have.
			known = cty.StringVal("")
		}
		vars[variable] = known
	}
	slices.Sort(secret)
	return vars, secret
}
