package diag

import (
	"strings"
	"testing"
)

func TestVersionsThatNobodyHas(t *testing.T) {
	for constraint, impossible := range map[string]bool{
		">= 5.0, < 3.0": true, "= 1.2.3, != 1.2.3": true, "~> 1.2, >= 2.0": true, "> 1.2.3, < 1.2.4": true, "< 0.0.0": true,
		">= 1.5": false, "~> 1.2": false, "1.5.7": false, ">= 1.5, < 2.0": false, "> 1.2.3, < 1.3": false, "< 1.0": false, "!= 1.11.4": false,
		"~> 1.14.0-alpha1": false, "nonsense": false, "": false,
	} {
		diags := []Diagnostic{{Severity: "error", Summary: "Unsupported Terraform Core version", Detail: "This configuration does not support Terraform version 1.11.4.",
			Code: "  required_version = \"" + constraint + "\""}}
		want := "wants another terraform"
		if impossible {
			want = "no version at all satisfies required_version = \"" + constraint + "\""
		}
		if got := hint(diags, ""); !strings.Contains(got, want) {
			t.Errorf("%s: %s", constraint, got)
		}
	}
}
