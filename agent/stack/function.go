package stack

import (
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// call is what a function makes of its arguments, of those functions with which people put paths together.
func (in *instance) call(x *hclsyntax.FunctionCallExpr, names bindings) value {
	if len(x.Args) == 0 {
		return unknown
	}
	args := in.evalAll(x.Args, names)
	switch strings.TrimPrefix(x.Name, "core::") {
	case "toset", "tolist", "tomap", "tostring", "nonsensitive", "sensitive", "pathexpand", "trimspace", "distinct", "sort":
		if len(args) == 1 {
			return args[0]
		}
	case "abspath":
		return in.each(args[0], in.absolute)
	case "dirname":
		return in.each(args[0], path.Dir)
	case "basename":
		return in.each(args[0], path.Base)
	case "lower":
		return in.each(args[0], strings.ToLower)
	case "upper":
		return in.each(args[0], strings.ToUpper)
	case "trimprefix", "trimsuffix", "replace":
		return in.trimmed(strings.TrimPrefix(x.Name, "core::"), args)
	case "coalesce", "try", "merge":
		out := value{}
		for _, a := range args {
			out = out.or(in.budget, a)
		}
		return out
	case "concat", "setunion":
		out := value{list: []value{}}
		for _, a := range args {
			out = out.or(in.budget, a)
		}
		return out
	case "lookup":
		out := in.index(args[0], args[min(1, len(args)-1)])
		for _, a := range args[min(2, len(args)):] {
			out = out.or(in.budget, a)
		}
		return out
	case "element", "one":
		return args[0].elements(in.budget)
	case "keys":
		return value{list: []value{args[0].keys(in.budget)}}
	case "values":
		return value{list: []value{args[0].elements(in.budget)}}
	case "join":
		if len(args) == 2 && args[1].list != nil && !args[1].any && !x.ExpandFinal {
			return joined(in.budget, between(args[0], args[1].list))
		}
	case "format":
		return in.format(args, x.ExpandFinal)
	}
	return unknown
}

// each is what a function makes of each text. Of how a text begins nothing follows for what it makes of the whole.
func (in *instance) each(v value, f func(string) string) value {
	out := value{}
	for _, t := range v.strings() {
		if t.open || !in.budget.spend(1+len(t.s)/64) {
			return unknown
		}
		out.texts = with(out.texts, text{s: f(t.s)})
	}
	return out
}

// trimmed takes something out of texts.
func (in *instance) trimmed(how string, args []value) value {
	var given []string
	for _, a := range args[1:] {
		texts := a.strings()
		if len(texts) != 1 || texts[0].open {
			return unknown
		}
		given = append(given, texts[0].s)
	}
	switch {
	case how == "trimprefix" && len(given) == 1:
		return in.each(args[0], func(s string) string { return strings.TrimPrefix(s, given[0]) })
	case how == "trimsuffix" && len(given) == 1:
		return in.each(args[0], func(s string) string { return strings.TrimSuffix(s, given[0]) })
	case how == "replace" && len(given) == 2 && len(given[1]) <= len(given[0]) && !strings.HasPrefix(given[0], "/"): // else a pattern
		return in.each(args[0], func(s string) string { return strings.ReplaceAll(s, given[0], given[1]) })
	}
	return unknown
}

func between(separator value, list []value) (out []value) {
	for i, v := range list {
		if i > 0 {
			out = append(out, separator)
		}
		out = append(out, v)
	}
	return out
}

// format puts texts in the places of %s in another.
func (in *instance) format(args []value, expanded bool) value {
	spec := args[0].strings()
	if len(spec) != 1 || spec[0].open || expanded {
		return unknown
	}
	var parts []value
	rest := args[1:]
	for i, piece := range strings.Split(spec[0].s, "%s") {
		if i > 0 {
			if len(rest) == 0 {
				return unknown
			}
			parts, rest = append(parts, rest[0]), rest[1:]
		}
		if strings.Contains(piece, "%") {
			parts = append(parts, unknown)
			break
		}
		parts = append(parts, constant(piece))
	}
	return joined(in.budget, parts)
}
