package terraform

import (
	"fmt"
	"path/filepath"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// mirrorConfig is a CLI configuration that knows one mirror of providers, and no registry: in a closed network the attempt
// to reach one costs minutes. Without a mirror it is empty.
func mirrorConfig(mirror string) []byte {
	if mirror == "" {
		return nil
	}
	kind, key := "network_mirror", "url"
	if filepath.IsAbs(mirror) {
		kind, key = "filesystem_mirror", "path"
	}
	value := hclwrite.TokensForValue(cty.StringVal(mirror)).Bytes()
	return fmt.Appendf(nil, "provider_installation {\n  %s {\n    %s = %s\n  }\n}\n", kind, key, value)
}
