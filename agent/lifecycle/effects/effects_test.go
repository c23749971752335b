package effects_test

import (
	"slices"
	"testing"

	"sallyport/agent/lifecycle/effects"
	"sallyport/store"
)

// A plan that changes the same resources in the same way does something else when its configuration is another: provisioners
// show nowhere else.
func TestAnotherConfigurationIsADifference(t *testing.T) {
	t.Parallel()
	plan := func(configuration string) *store.Plan {
		return &store.Plan{Configuration: configuration, Changes: []store.Change{{Address: "a.b", Actions: []string{"create"}}}}
	}
	for name, c := range map[string]struct {
		shown, fresh string
		want         []string
	}{
		"the same":                       {"c1", "c1", nil},
		"another":                        {"c1", "c2", []string{"the configuration, modules from elsewhere included, is not the same"}},
		"a plan of an earlier version's": {"", "c1", nil},
	} {
		if got := effects.Differences(plan(c.shown), plan(c.fresh)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
