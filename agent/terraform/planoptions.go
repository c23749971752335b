package terraform

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/planjson"
	"sallyport/agent/terraform/varfile"
	"sallyport/store"
)

// kindOptions are the options of a plan that is no plain one.
func (p *planner) kindOptions() []tfexec.PlanOption {
	var opts []tfexec.PlanOption
	for _, address := range p.o.Replace {
		opts = append(opts, tfexec.Replace(address))
	}
	for _, address := range p.o.Targets {
		opts = append(opts, tfexec.Target(address))
	}
	if p.o.RefreshOnly {
		opts = append(opts, tfexec.RefreshOnly(true))
	}
	if p.o.Destroy {
		opts = append(opts, tfexec.Destroy(true))
	}
	return opts
}

// vars are the stack's variables and those that a person gave, which win.
func (p *planner) vars() (map[string]cty.Value, error) {
	given, err := p.givenVars()
	if err != nil || len(given) == 0 {
		return p.o.Vars, err
	}
	vars := make(map[string]cty.Value, len(p.o.Vars)+len(given))
	maps.Copy(vars, p.o.Vars)
	maps.Copy(vars, given)
	return vars, nil
}

// givenVars reads values as terraform reads those of its -var: as they are for strings, numbers and bools, as an expression
// for everything else. A variable that the root module does not declare is an error: in a var file terraform only warns,
// and a slip of the hand would plan what nobody meant.
func (p *planner) givenVars() (map[string]cty.Value, error) {
	given := p.o.Given
	if len(given) == 0 {
		return nil, nil
	}
	variables, err := p.o.dir().Variables() // what does not parse has failed in init, with terraform's words
	if err != nil {
		return nil, err
	}
	out := make(map[string]cty.Value, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		declared, found := variables[name]
		if !found {
			hint := "it declares no variables"
			if names := slices.Sorted(maps.Keys(variables)); len(names) > 0 {
				hint = "it declares: " + strings.Join(names, ", ")
			}
			return nil, &diag.Error{Op: "plan", ExitCode: -1, Hint: hint, Err: fmt.Errorf("the root module has no variable %q", name)}
		}
		value, err := varfile.Given(declared.Type, given[name])
		if err != nil {
			return nil, &diag.Error{Op: "plan", ExitCode: -1, Hint: varfile.GivenHint,
				Err: fmt.Errorf("the value given for the variable %q of type %s is no expression", name, declared.Type)}
		}
		out[name] = value
	}
	return out, nil
}

// checkTargeted refuses a plan of what is not there: terraform finds no changes then, and that would pass for an all-clear.
func (p *planner) checkTargeted(state []string) error {
	for _, target := range p.o.Targets {
		there := slices.ContainsFunc(state, func(address string) bool { return planjson.Within(target, address) })
		if !there && !slices.ContainsFunc(p.res.Plan.Changes, func(c store.Change) bool { return planjson.Within(target, c.Address) }) {
			return &diag.Error{Op: "plan", ExitCode: -1, Err: fmt.Errorf("there is nothing at %s", target),
				Hint: "is that the whole address, the keys of its modules included? sallyport exec " + p.o.Stack + " -- state list shows them"}
		}
	}
	return nil
}

// checkReplaced refuses a plan that does not do what was asked for: terraform takes no notice of an address that it does
// not know, and a plain plan would pass for a replacement.
func (p *planner) checkReplaced() error {
	for _, address := range p.o.Replace {
		found := slices.ContainsFunc(p.res.Plan.Changes, func(c store.Change) bool {
			// What has vanished is only created; that brings a new one as well.
			return c.Address == address && slices.Contains(c.Actions, "create")
		})
		if !found {
			return &diag.Error{Op: "plan", ExitCode: -1, Err: fmt.Errorf("terraform does not replace %s", address),
				Hint: "is that the whole address, module and key included? sallyport exec " + p.o.Stack + " -- state list shows them"}
		}
	}
	return nil
}
