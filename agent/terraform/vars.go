package terraform

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/terraform/private"
	"sallyport/agent/terraform/varfile"
	"sallyport/notify/redact"
)

// The files that a plan generates in its OutDir.
const (
	varsFile    = "sallyport.tfvars.json"
	backendFile = "sallyport.tfbackend"
	rcFile      = "terraform.rc"
)

// writeVars writes the stack's variables as a var file; the path is empty if there are none. On a command line they
// would be in everybody's ps.
func writeVars(dir string, vars map[string]cty.Value) (string, error) {
	if len(vars) == 0 {
		return "", nil
	}
	text, err := varfile.Text(vars)
	if err != nil {
		return "", err
	}
	return private.Replace(filepath.Join(dir, varsFile), text)
}

// writeBackendConfig writes backend_config as a file for init; the path is empty if there is none.
func writeBackendConfig(dir string, config map[string]redact.Secret) (string, error) {
	if len(config) == 0 {
		return "", nil
	}
	file := hclwrite.NewEmptyFile()
	plain := revealAll(config)
	for _, name := range slices.Sorted(maps.Keys(plain)) {
		file.Body().SetAttributeValue(name, cty.StringVal(plain[name]))
	}
	return private.Replace(filepath.Join(dir, backendFile), file.Bytes())
}

// revealAll are the values that a map holds, in clear.
func revealAll(m map[string]redact.Secret) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = v.Reveal()
	}
	return out
}
