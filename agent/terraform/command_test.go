package terraform

import (
	"slices"
	"strings"
	"testing"
)

func TestWithoutColour(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"version":                    "version -no-color",
		"output -raw ip":             "output -no-color -raw ip",
		"import aws_eip.a eip-1":     "import -no-color aws_eip.a eip-1",
		"state list aws_eip.a":       "state list -no-color aws_eip.a",
		"state push -":               "state push -no-color -",
		"providers":                  "providers -no-color",
		"providers schema -json":     "providers schema -no-color -json",
		"metadata functions -json":   "metadata functions -no-color -json",
		"validate -json -no-color":   "validate -json -no-color",
		"providers -no-color schema": "providers -no-color schema",
	} {
		given := strings.Fields(args)
		before := slices.Clone(given)
		if got := strings.Join(withoutColour(given), " "); got != want {
			t.Errorf("%q became %q, not %q", args, got, want)
		}
		if !slices.Equal(given, before) {
			t.Errorf("%q was changed to %q", before, given)
		}
	}
}
