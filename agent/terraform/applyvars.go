package terraform

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/zclconf/go-cty/cty"

	"sallyport/store/disk"
)

// ApplyVarsFile lies beside a plan that was made with values of ephemeral variables: terraform keeps these out of plan files, and
// asks for them again at the apply. It holds them and nothing else, and is removed with the plan; its digest is in the summary.
const ApplyVarsFile = "ephemeral.tfvars.json"

// applyVars are the values that the apply of this plan needs again, as a var file; nil if there are none. They become secrets before anything can print them. Files that
// terraform reads by itself, like terraform.tfvars, it reads again at the apply.
func (p *planner) applyVars(vars map[string]cty.Value) ([]byte, error) {
	values, err := p.valuesOf(vars, func(v declaredVar) bool { return v.Ephemeral })
	if err != nil || len(values) == 0 {
		return nil, err
	}
	text, err := varsText(values)
	if err != nil || p.o.Silence == nil {
		return text, err
	}
	secret, err := textsIn(text)
	if err == nil {
		p.o.Silence(secret)
	}
	return text, err
}

// valuesOf are the values that the plan gives to some of the variables that the root module declares, from the stack's var files and
// from what wins over these. Null is as good as none.
func (p *planner) valuesOf(vars map[string]cty.Value, which func(declaredVar) bool) (map[string]cty.Value, error) {
	var names []string
	for name, v := range p.declared {
		if which(v) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	values, err := p.fromVarFiles(names)
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
	if err := disk.WriteFile(filepath.Join(p.o.OutDir, ApplyVarsFile), text); err != nil {
		return fmt.Errorf("keeping the values of ephemeral variables for the apply: %w", err)
	}
	sum := sha256.Sum256(text)
	p.res.Plan.VarsDigest = hex.EncodeToString(sum[:])
	return nil
}

// ReadApplyVars are the texts in the values that lie beside a plan. The error is fs.ErrNotExist where there are none.
func ReadApplyVars(outDir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(outDir, ApplyVarsFile))
	if err != nil {
		return nil, err
	}
	return textsIn(text)
}

// textsIn are the texts in the values of a var file.
func textsIn(varFile []byte) ([]string, error) {
	var values any
	dec := json.NewDecoder(bytes.NewReader(varFile))
	dec.UseNumber()
	if err := dec.Decode(&values); err != nil {
		return nil, fmt.Errorf("reading the values of ephemeral variables: %w", err)
	}
	return textsOf(values), nil
}

func textsOf(value any) (out []string) {
	switch v := value.(type) {
	case string:
		out = append(out, v)
	case json.Number:
		out = append(out, v.String())
	case []any:
		for _, one := range v {
			out = append(out, textsOf(one)...)
		}
	case map[string]any:
		for _, one := range v {
			out = append(out, textsOf(one)...)
		}
	}
	return out
}
