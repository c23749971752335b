package look

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
)

// statuses are all that a run can have, as the store's own table of transitions names them.
func statuses() []store.Status {
	var all []store.Status
	for from, to := range store.Transitions() {
		all = append(append(all, from), to...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// What failed waits for a person; what ended well settles it; everything else changes nothing. The table names every status there
// is, so that a new one has to say what it means.
func TestAfterEveryStatus(t *testing.T) {
	const (
		looks   = "needs a look"
		settles = "settles what failed before"
		nothing = "changes nothing"
	)
	table := map[store.Status]struct{ before, after string }{ // its apply had begun, or not
		store.Pending:     {nothing, nothing},
		store.Planning:    {nothing, nothing},
		store.Planned:     {nothing, nothing},
		store.Approved:    {nothing, nothing},
		store.Applying:    {nothing, nothing},
		store.Applied:     {settles, settles},
		store.Errored:     {looks, looks},
		store.Interrupted: {nothing, looks},
		store.Stale:       {nothing, nothing},
		store.Discarded:   {nothing, nothing},
		store.Superseded:  {nothing, nothing},
		store.Expired:     {nothing, nothing},
		store.NoChanges:   {settles, settles},
		store.Previewed:   {settles, settles}, // of a stack that is only observed, where nothing was begun
		store.Canceled:    {nothing, looks},
	}
	have := &store.Look{Run: 3, Status: store.Errored}
	for _, status := range statuses() {
		want, known := table[status]
		if !known {
			t.Errorf("nobody says what %s means", status)
		}
		for name, tc := range map[string]struct {
			apply *store.Apply
			want  string
		}{"before its apply": {nil, want.before}, "with an apply": {&store.Apply{}, want.after}} {
			t.Run(string(status)+" "+name, func(t *testing.T) {
				run := &store.Run{ID: 7, Kind: store.KindCommit, Status: status, Apply: tc.apply, Plan: &store.Plan{}, Error: "no such host\nat main.tf", Hint: "h", EndedAt: time.Unix(9, 0)}
				got := After(have, run)
				wanted := map[string]*store.Look{
					nothing: have, settles: nil,
					looks: {Run: 7, Status: status, Planned: true, Began: tc.apply != nil, At: time.Unix(9, 0), Cause: "no such host", Hint: "h"},
				}[tc.want]
				if diff := cmp.Diff(wanted, got); diff != "" {
					t.Error(diff)
				}
				if got := After(nil, run); (got != nil) != (tc.want == looks) {
					t.Errorf("where nothing had failed it is %+v", got)
				}
			})
		}
	}
}

// What does not say how all of the stack stands settles nothing.
func TestWhatSettlesNothing(t *testing.T) {
	have := &store.Look{Run: 3}
	for name, tc := range map[string]struct {
		run  store.Run
		want *store.Look
	}{
		"a preview that failed":               {store.Run{Kind: store.KindPullRequest, Status: store.Errored}, have},
		"a preview without changes":           {store.Run{Kind: store.KindPullRequest, Status: store.NoChanges}, have},
		"a plan of an observed stack":         {store.Run{Status: store.Previewed}, nil},
		"drift that went away by itself":      {store.Run{Kind: store.KindDrift, Status: store.NoChanges}, have},
		"drift that was applied":              {store.Run{Kind: store.KindDrift, Status: store.Applied}, nil},
		"a state that was brought up to date": {store.Run{Status: store.Applied, Options: store.PlanOptions{RefreshOnly: true}}, have},
		"some addresses only":                 {store.Run{Status: store.Applied, Options: store.PlanOptions{Targets: []string{"a.b"}}}, have},
		"no change of some addresses only":    {store.Run{Status: store.NoChanges, Options: store.PlanOptions{Targets: []string{"a.b"}}}, have},
		"a stack that was destroyed":          {store.Run{Status: store.Applied, Options: store.PlanOptions{Destroy: true}}, nil},
		"nothing to destroy":                  {store.Run{Status: store.NoChanges, Options: store.PlanOptions{Destroy: true}}, have},
		"no change with somebody's values":    {store.Run{Status: store.NoChanges, Options: store.PlanOptions{Vars: []string{"size"}}}, have},
		"no change with the pin's values":     {store.Run{Status: store.NoChanges, Options: store.PlanOptions{Vars: []string{"size"}, Inherited: true}}, nil},
		"an older commit that was applied":    {store.Run{Status: store.Applied, Options: store.PlanOptions{Back: true}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := After(have, &tc.run); got != tc.want {
				t.Errorf("it is %+v", got)
			}
		})
	}
}

// A store of before this was noted tells it by what it has; what somebody has seen does not come back.
func TestOfOlderRecords(t *testing.T) {
	failed := &store.Run{ID: 7, Status: store.Errored, Error: "why"}
	for name, tc := range map[string]struct {
		st     store.StackState
		newest *store.Run
		want   int // run; 0: nothing
	}{
		"all is well":                 {store.StackState{}, &store.Run{ID: 7, Status: store.Applied}, 0},
		"it is noted":                 {store.StackState{Look: &store.Look{Run: 5}}, failed, 5},
		"the newest run failed":       {store.StackState{}, failed, 7},
		"it failed and was seen":      {store.StackState{Seen: 7}, failed, 0},
		"one failed after that":       {store.StackState{Seen: 6}, failed, 7},
		"an apply of before":          {store.StackState{Partly: 4}, &store.Run{ID: 7, Status: store.Discarded}, 4},
		"an apply that was forgotten": {store.StackState{Partly: 4}, nil, 4},
		"an apply that was seen":      {store.StackState{Partly: 4, Seen: 6}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := 0
			if l := Of(&tc.st, tc.newest); l != nil {
				got = l.Run
			}
			if got != tc.want {
				t.Errorf("run #%d needs a look, want #%d", got, tc.want)
			}
		})
	}
}

// A plan that is only looked at does not put right what an apply has begun.
func TestAPreviewAfterAnApply(t *testing.T) {
	have := &store.Look{Run: 3, Began: true}
	if got := After(have, &store.Run{Status: store.Previewed}); got != have {
		t.Errorf("it is %+v", got)
	}
}
