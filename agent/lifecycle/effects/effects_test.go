package effects_test

import (
	"slices"
	"testing"

	"sallyport/agent/lifecycle/effects"
	"sallyport/store"
)

// The same resource with the same actions is something else if it is imported first, and so is an action with another trigger.
func TestEffectsThatAreNoActionsAreDifferences(t *testing.T) {
	plan := func(c store.Change) *store.Plan { return &store.Plan{Changes: []store.Change{c}} }
	for name, c := range map[string]struct{ shown, fresh store.Change }{
		"imported":        {store.Change{Address: "a.b", Actions: []string{"update"}}, store.Change{Address: "a.b", Actions: []string{"update"}, Importing: true}},
		"another trigger": {store.Change{Address: "a.b", Actions: []string{"invoke"}, Trigger: "x"}, store.Change{Address: "a.b", Actions: []string{"invoke"}, Trigger: "y"}},
		"unknown":         {store.Change{Address: "a.b", Actions: []string{"burn"}}, store.Change{Address: "a.b", Actions: []string{"burn"}, Unknown: true}},
	} {
		if got := effects.Differences(plan(c.shown), plan(c.fresh)); len(got) != 1 {
			t.Errorf("%s: %q", name, got)
		}
		if got := effects.Differences(plan(c.fresh), plan(c.fresh)); got != nil {
			t.Errorf("%s, twice the same: %q", name, got)
		}
	}
}

// What is imported is in the state afterwards, whatever else is done to it.
func TestImportsGrowTheState(t *testing.T) {
	p := &store.Plan{Changes: []store.Change{
		{Actions: []string{"import"}, Importing: true}, {Actions: []string{"update"}, Importing: true}, {Actions: []string{"import"}}, {Actions: []string{"create", "forget"}}, {Actions: []string{"invoke"}},
	}}
	if got := effects.Grown(p); got != 3 {
		t.Errorf("the state grows by %d", got)
	}
}

// A plan that changes the same resources in the same way does something else when its configuration is another: provisioners
// show nowhere else.
func TestAnotherConfigurationIsADifference(t *testing.T) {
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
