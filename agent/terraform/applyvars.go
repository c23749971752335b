package terraform

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/terraform/rootmodule"
	"sallyport/agent/terraform/varfile"
	"sallyport/store/disk"
)

// applyVars are the values that the apply of this plan needs again, as a var file; nil if there are none. They become secrets before
// anything can print them. Files that terraform reads by itself, like terraform.tfvars, it reads again at the apply.
func (p *planner) applyVars(vars map[string]cty.Value) ([]byte, error) {
	values, err := p.valuesOf(vars, func(v rootmodule.Variable) bool { return v.Ephemeral })
	if err != nil || len(values) == 0 {
		return nil, err
	}
	text, err := varfile.Text(values)
	if err != nil || p.o.Silence == nil {
		return text, err
	}
	secret, err := varfile.Texts(text)
	if err == nil {
		p.o.Silence(secret)
	}
	return text, err
}

// valuesOf are the values that the plan gives to some of the variables that the root module declares, from the stack's var files and
// from what wins over these. Null is as good as none.
func (p *planner) valuesOf(vars map[string]cty.Value, which func(rootmodule.Variable) bool) (map[string]cty.Value, error) {
	var names []string
	for name, v := range p.declared {
		if which(v) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	values, err := p.o.dir().FromVarFiles(p.o.VarFiles, names)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if v, given := vars[name]; given {
			values[name] = v
		}
	}
	maps.DeleteFunc(values, func(_ string, v cty.Value) bool { return v.IsNull() })
	return values, nil
}

// keepApplyVars writes them beside the plan, unless that is one which is never applied.
func keepApplyVars(p *planner, text []byte) error {
	if text == nil || p.o.Preview {
		return nil
	}
	if err := disk.WriteFile(filepath.Join(p.o.OutDir, varfile.ForApply), text); err != nil {
		return fmt.Errorf("keeping the values of ephemeral variables for the apply: %w", err)
	}
	sum := sha256.Sum256(text)
	p.res.Plan.VarsDigest = hex.EncodeToString(sum[:])
	return nil
}
