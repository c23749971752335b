package packer

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// IsHCL reports whether a template is written in HCL: its variables then have types.
func IsHCL(template string) bool { return !strings.HasSuffix(template, ".json") || isHCLJSON(template) }

func isHCLJSON(template string) bool { return strings.HasSuffix(template, ".pkr.json") }

// writeVars writes the variables of a build and returns their digest; empty if there are none. Templates in JSON know
// strings only.
func writeVars(dir, template string, vars map[string]cty.Value) (string, error) {
	if len(vars) == 0 {
		return "", nil
	}
	out := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		v := vars[name]
		if !IsHCL(template) {
			text, err := convert.Convert(v, cty.String)
			if err != nil || text.IsNull() {
				return "", fmt.Errorf("the variable %s is no string, and a template in JSON knows nothing else", name)
			}
			v = text
		}
		raw, err := ctyjson.SimpleJSONValue{Value: v}.MarshalJSON()
		if err != nil {
			return "", fmt.Errorf("writing the variable %s: %w", name, err)
		}
		out[name] = raw
	}
	text, err := json.Marshal(out)
	if err != nil {
		return "", fmt.Errorf("writing the variables: %w", err)
	}
	file := filepath.Join(dir, varsFile)
	if err := writePrivate(file, text); err != nil {
		return "", fmt.Errorf("writing the variables: %w", err)
	}
	return copyFile(file, "", 0)
}

// writePrivate makes a durable file for this user alone.
func writePrivate(file string, text []byte) error {
	return renameio.WriteFile(file, text, 0o600, renameio.WithStaticPermissions(0o600))
}
