package notify_test

import (
	"testing"

	"sallyport/notify"
	"sallyport/store"
)

// What could not be planned may be mended by now: that is told, and it needs a look until somebody says so.
func TestLookSince(t *testing.T) {
	t.Parallel()
	unplanned := &store.Look{Run: 16, Status: store.Errored}
	failed := &store.Run{ID: 16, Kind: store.KindCommit, Status: store.Errored}
	for name, c := range map[string]struct {
		st     store.StackState
		newest *store.Run
		want   string
	}{
		"nothing needs a look":       {store.StackState{}, failed, ""},
		"its run is forgotten":       {store.StackState{Look: unplanned}, nil, ""},
		"nothing since":              {store.StackState{Look: unplanned, AppliedCommit: "a", Behind: 1}, failed, ""},
		"nothing was applied":        {store.StackState{Look: unplanned}, failed, ""},
		"the commit was taken back":  {store.StackState{Look: unplanned, AppliedCommit: "a"}, failed, "the branch has what is applied again: no commit that waits changes this stack"},
		"a person's plan had failed": {store.StackState{Look: unplanned, AppliedCommit: "a"}, &store.Run{ID: 16, Kind: store.KindManual, Status: store.Errored}, ""},
		"a later plan was denied":    {store.StackState{Look: unplanned, Behind: 2}, &store.Run{ID: 20, Status: store.Discarded, Plan: &store.Plan{}}, "#20 could be planned since (it is discarded)"},
		"a later plan waits":         {store.StackState{Look: unplanned, Behind: 2}, &store.Run{ID: 20, Status: store.Planned, Plan: &store.Plan{}}, ""},
		"a later one has no plan":    {store.StackState{Look: unplanned, Behind: 2}, &store.Run{ID: 20, Status: store.Canceled}, ""},
		"a preview says nothing":     {store.StackState{Look: unplanned, Behind: 2}, &store.Run{ID: 20, Status: store.Previewed, Kind: store.KindPullRequest, Plan: &store.Plan{}}, ""},
		"an apply had begun":         {store.StackState{Look: &store.Look{Run: 16, Planned: true, Began: true}}, &store.Run{ID: 20, Status: store.Discarded, Plan: &store.Plan{}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := notify.LookSince(&c.st, c.newest); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
