package lifecycle_test

import (
	"strings"
	"testing"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

// People are asked about whatever changes something, and about nothing where an apply may have left something half-made.
func TestAfterPlan(t *testing.T) {
	half := lifecycle.Interrupted{Run: 4, Open: []string{"a.b"}}
	for name, c := range map[string]struct {
		mode   config.Mode
		empty  bool
		before lifecycle.Interrupted
		to     store.Status
		warns  string
	}{
		"changes":                             {to: store.Planned},
		"none":                                {empty: true, to: store.NoChanges},
		"none, and something is half-made":    {empty: true, before: half, to: store.Planned, warns: "terraform finds nothing to do, but #4 started and did not complete a.b"},
		"changes beside what is half-made":    {before: half, to: store.Planned, warns: "#4 started and did not complete a.b"},
		"of an observed stack":                {mode: config.ModeObserve, to: store.Previewed},
		"none, of an observed stack":          {mode: config.ModeObserve, empty: true, to: store.Previewed},
		"of an observed stack, and half-made": {mode: config.ModeObserve, before: half, to: store.Previewed},
	} {
		to, warnings := lifecycle.AfterPlan(&config.Stack{Mode: c.mode}, &store.Plan{Empty: c.empty}, c.before)
		if to != c.to || !strings.HasPrefix(strings.Join(warnings, ""), c.warns) || (len(warnings) > 0) != (c.warns != "") {
			t.Errorf("%s: %s, %q", name, to, warnings)
		}
	}
}
