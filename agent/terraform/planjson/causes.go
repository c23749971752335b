package planjson

import (
	"slices"
	"strings"

	"sallyport/store"
)

// follow notes which updates and replacements have recreated objects as their only cause. It is proven, not guessed: every
// attribute that changes gets a value that only the apply will know, and its expression leads to a recreated object. What
// goes through locals cannot be followed, since terraform's JSON does not have them.
func (p *Plan) follow(changes []store.Change) {
	if p.config == nil {
		return
	}
	diffs := map[string]resourceChange{}
	for _, rc := range p.resources {
		if rc.Deposed == "" {
			diffs[rc.Address] = rc
		}
	}
	t := tracer{root: p.config, recreated: map[string]string{}}
	for _, c := range changes {
		if c.Class == store.ClassRecreate {
			modules, resource := configAddress(c.Address)
			t.recreated[scope(modules, resource)] = c.Address
		}
	}
	for i, c := range changes {
		if rc, ok := diffs[c.Address]; ok && c.Class != store.ClassRecreate {
			changes[i].Follows = t.causes(c, rc)
		}
	}
}

// moduleConfig is the part of a module's configuration that says what refers to what.
type moduleConfig struct {
	Resources []struct {
		Address     string         `json:"address"` // in its module, without indexes
		Expressions map[string]any `json:"expressions"`
	} `json:"resources"`
	Outputs map[string]struct {
		Expression any `json:"expression"`
	} `json:"outputs"`
	Calls map[string]struct {
		Expressions map[string]any `json:"expressions"`
		Module      *moduleConfig  `json:"module"`
	} `json:"module_calls"`
}

// tracer finds out which recreated objects an expression leads to.
type tracer struct {
	root      *moduleConfig
	recreated map[string]string // by scope: the object's address
}

// causes are the recreated objects that a change has as its only cause; nil if it has, or may have, another one.
func (t tracer) causes(c store.Change, rc resourceChange) []string {
	update := slices.Equal(c.Actions, []string{"update"})
	replace := len(c.Actions) == 2 && c.Destroys() && rc.ActionReason == "replace_because_cannot_update" && len(rc.diff.Forces) > 0
	if !update && !replace || len(rc.diff.Known) > 0 || c.Previous != "" {
		return nil
	}
	modules, resource := configAddress(c.Address)
	expressions := t.expressions(modules, resource)
	var all []string
	for _, name := range rc.diff.Later {
		expression, written := expressions[name]
		if !written {
			continue // the provider fills it in
		}
		found := t.leads(modules, expression, 0)
		if len(found) == 0 {
			return nil
		}
		all = append(all, found...)
	}
	for _, name := range rc.diff.Forces {
		if _, written := expressions[name]; !written || !slices.Contains(rc.diff.Later, name) {
			return nil
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// module is the configuration of a module, by the names of the calls that lead to it; nil if there is none.
func (t tracer) module(path []string) *moduleConfig {
	m := t.root
	for _, name := range path {
		if m == nil {
			return nil
		}
		m = m.Calls[name].Module
	}
	return m
}

// expressions are the arguments of a resource as the configuration has them; nil if they are not known.
func (t tracer) expressions(modules []string, resource string) map[string]any {
	m := t.module(modules)
	if m == nil {
		return nil
	}
	for _, r := range m.Resources {
		if r.Address == resource {
			return r.Expressions
		}
	}
	return nil
}

// leads lists the recreated objects that an expression refers to, directly or through variables and outputs of modules.
func (t tracer) leads(modules []string, expression any, depth int) []string {
	if depth > maxTrace {
		return nil
	}
	var found []string
	for _, ref := range references(expression) {
		parts := strings.Split(withoutIndexes(ref), ".")
		switch {
		case len(parts) < 2:
		case parts[0] == "var" && len(modules) > 0:
			parent, name := modules[:len(modules)-1], modules[len(modules)-1]
			if m := t.module(parent); m != nil {
				found = append(found, t.leads(parent, m.Calls[name].Expressions[parts[1]], depth+1)...)
			}
		case parts[0] == "module" && len(parts) > 2:
			child := append(slices.Clone(modules), parts[1])
			if m := t.module(child); m != nil {
				found = append(found, t.leads(child, m.Outputs[parts[2]].Expression, depth+1)...)
			}
		default:
			if address, ok := t.recreated[scope(slices.Clone(modules), parts[0]+"."+parts[1])]; ok {
				found = append(found, address)
			}
		}
	}
	return found
}

// scope is the key of a resource in its module.
func scope(modules []string, resource string) string {
	return strings.Join(append(modules, resource), "\x00")
}

// maxTrace bounds how many modules an expression is followed through.
const maxTrace = 20

// references collects what an expression, or the expressions of a nested block, refer to.
func references(expression any) []string {
	var found []string
	switch e := expression.(type) {
	case []any:
		for _, part := range e {
			found = append(found, references(part)...)
		}
	case map[string]any:
		for name, part := range e {
			list, ok := part.([]any)
			if name != "references" || !ok {
				if name != "constant_value" {
					found = append(found, references(part)...)
				}
				continue
			}
			for _, ref := range list {
				if s, ok := ref.(string); ok {
					found = append(found, s)
				}
			}
		}
	}
	return found
}
