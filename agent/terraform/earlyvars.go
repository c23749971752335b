package terraform

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/private"
	"sallyport/agent/terraform/rootmodule"
	"sallyport/agent/terraform/varfile"
)

// earlyVarsFile is generated into a root module of a tool that evaluates variables before it plans: in sources of modules, backends, the
// encryption of states and plans. Then each of its commands needs their values, and takes them from files of such names. It comes
// after the repository's own of that kind, and goes with the checkout.
const earlyVarsFile = "~sallyport.auto.tfvars.json"

// writeEarlyVars writes them. Ephemeral ones cannot be needed early.
func writeEarlyVars(p *planner) error {
	if !p.o.Tool.EarlyVars() {
		return nil
	}
	vars, err := p.vars()
	if err != nil {
		return err
	}
	values, err := p.valuesOf(vars, func(v rootmodule.Variable) bool { return !v.Ephemeral })
	if err != nil || len(values) == 0 {
		return err
	}
	text, err := varfile.Text(values)
	if err != nil {
		return err
	}
	err = private.Create(filepath.Join(p.o.WorkDir, earlyVarsFile), text)
	if errors.Is(err, fs.ErrExist) {
		return &diag.Error{Op: "init", ExitCode: -1, Hint: "rename it",
			Err: fmt.Errorf("the repository holds a file %s, whose name is that of a file which the agent makes", earlyVarsFile)}
	}
	if err != nil {
		return fmt.Errorf("writing the variables into the checkout: %w", err)
	}
	return nil
}
