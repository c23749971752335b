// Package cliconfig writes the configuration of terraform's command line (.terraformrc) that a plan gets in the place of one that
// somebody has at home: with a mirror of providers, or without credentials for other hosts.
package cliconfig

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/hint"
)

// withoutSecrets are what of a configuration of terraform's command line lends nobody anything: where providers come from and are kept.
// All else goes, whatever it is: credentials are words of their own in each tool and version (credentials, credentials_helper,
// OpenTofu's oci_credentials).
var withoutSecrets = []string{
	"provider_installation", "host", "plugin_cache_dir", "plugin_cache_may_break_dependency_lock_file",
	"disable_checkpoint", "disable_checkpoint_signature", "registry_protocols",
}

// WithoutCredentials is such a configuration without them. One that cannot be taken apart is refused.
func WithoutCredentials(text []byte) ([]byte, error) {
	file, diags := hclwrite.ParseConfig(text, "cli_config_file", hcl.InitialPos)
	if diags.HasErrors() {
		return nil, hint.Refuse("write blocks as terraform's documentation does, or say secrets_to_previews = true in the block of the repository's site (github, gitlab, gitea)",
			"this plan must not have the credentials in terraform's cli_config_file, and they cannot be told from the rest: %s", diags[0].Summary)
	}
	lends := func(name string) bool { // the parser of these files takes no notice of case
		return !slices.ContainsFunc(withoutSecrets, func(word string) bool { return strings.EqualFold(word, name) })
	}
	for name := range file.Body().Attributes() {
		if lends(name) {
			file.Body().RemoveAttribute(name)
		}
	}
	for _, block := range file.Body().Blocks() {
		if lends(block.Type()) {
			file.Body().RemoveBlock(block)
		}
	}
	return file.Bytes(), nil
}

// Mirror is a CLI configuration that knows one mirror of providers, and no registry: in a closed network the attempt
// to reach one costs minutes. Without a mirror it is empty.
func Mirror(mirror string) []byte {
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
