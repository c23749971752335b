// Package varfile writes values of variables as terraform reads them from a file, and finds the texts in such a file: they are
// secrets as soon as one of the variables is. On a command line values would be in everybody's ps.
package varfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// ForApply lies beside a plan that was made with values of ephemeral variables: terraform keeps these out of plan files, and
// asks for them again at the apply. It holds them and nothing else, and is removed with the plan; its digest is in the summary.
const ForApply = "ephemeral.tfvars.json"

// Text is the content of a var file, in JSON.
func Text(vars map[string]cty.Value) ([]byte, error) {
	out := make(map[string]json.RawMessage, len(vars))
	for name, v := range vars {
		v, _ = v.UnmarkDeep()
		text, err := ctyjson.Marshal(v, v.Type())
		if err != nil {
			return nil, fmt.Errorf("rendering the variable %s: %w", name, err)
		}
		out[name] = text
	}
	text, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("rendering the variables: %w", err)
	}
	return text, nil
}

// ReadForApply are the texts in the values that lie beside a plan. The error is fs.ErrNotExist where there are none.
func ReadForApply(outDir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(outDir, ForApply))
	if err != nil {
		return nil, err
	}
	return Texts(text)
}

// Texts are the texts in the values of a var file.
func Texts(varFile []byte) ([]string, error) {
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
