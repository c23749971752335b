package due_test

import (
	"slices"
	"testing"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle/due"
	"sallyport/store"
)

var open = []store.Status{store.Pending, store.Planning, store.Planned, store.Approved, store.Applying}

var kinds = []store.Kind{store.KindCommit, store.KindManual, store.KindDrift, store.KindRecovery, store.KindDependency, store.KindSchedule}

// What changed upstream reaches a stack whatever is open of it, and takes nothing from a person.
func TestForDependency(t *testing.T) {
	if got := due.ForDependency(nil); got != due.Create {
		t.Errorf("without an open run: %s", got)
	}
	for _, status := range open {
		targeted := &store.Run{Status: status, Kind: store.KindManual, Options: store.PlanOptions{Targets: []string{"a.b"}}}
		if got := due.ForDependency(targeted); got != due.Wait {
			t.Errorf("a plan of some addresses only, %s: %s: it may leave out what changed", status, got)
		}
		for _, kind := range kinds {
			own := kind == store.KindCommit || kind == store.KindDependency || kind == store.KindDrift
			want := due.Supersede
			switch {
			case status == store.Pending:
				want = due.Serve
			case status == store.Planning:
				want = due.Restart
			case status == store.Applying || !own:
				want = due.Wait
			}
			if got := due.ForDependency(&store.Run{Status: status, Kind: kind}); got != want {
				t.Errorf("%s, %s: %s, want %s", kind, status, got, want)
			}
		}
	}
}

// A newer commit supersedes the open run that it changes, and no other.
func TestForOpen(t *testing.T) {
	run := func(id int, head string, status store.Status) *store.Run {
		return &store.Run{ID: id, Head: head, Status: status}
	}
	changed := due.Comparison{Head: "new", Open: 7, SinceOpen: true}
	for name, c := range map[string]struct {
		of   due.Comparison
		open *store.Run
		want due.Act
	}{
		"none is open":                       {changed, nil, due.Nothing},
		"it waits for people":                {changed, run(7, "old", store.Planned), due.Supersede},
		"it is approved":                     {changed, run(7, "old", store.Approved), due.Supersede},
		"it was not planned":                 {changed, run(7, "old", store.Pending), due.Supersede},
		"it is applying":                     {changed, run(7, "old", store.Applying), due.Nothing},
		"its files are the same":             {due.Comparison{Head: "new", Open: 7}, run(7, "old", store.Planned), due.Nothing},
		"another was made since":             {changed, run(8, "old", store.Planned), due.Wait},
		"another was made since of this one": {changed, run(8, "new", store.Planned), due.Nothing},
		"one was made where none was":        {due.Comparison{Head: "new", SinceOpen: true}, run(8, "old", store.Planned), due.Wait},
	} {
		if got := c.of.ForOpen(c.open); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// A commit asks for a run once, if it changes what is applied and nobody was asked about it.
func TestForCommit(t *testing.T) {
	whole := due.Comparison{SinceApplied: true, SinceAsked: true}
	but := func(change func(*due.Comparison)) due.Comparison {
		c := whole
		change(&c)
		return c
	}
	for name, c := range map[string]struct {
		of   due.Comparison
		st   store.StackState
		open *store.Run
		want bool
	}{
		"it changes what is applied":               {whole, store.StackState{}, nil, true},
		"a run is open":                            {whole, store.StackState{}, &store.Run{}, false},
		"the stack cannot be planned there":        {but(func(c *due.Comparison) { c.Bad = true }), store.StackState{}, nil, false},
		"people were asked about just this":        {but(func(c *due.Comparison) { c.SinceAsked = false }), store.StackState{}, nil, false},
		"it is as it is applied":                   {but(func(c *due.Comparison) { c.SinceApplied = false }), store.StackState{}, nil, false},
		"it is as it is applied, and half of that": {but(func(c *due.Comparison) { c.SinceApplied = false }), store.StackState{Partly: 3}, nil, true},
	} {
		if got := c.of.ForCommit(&c.st, c.open); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// A commit without a run of its own takes the place of the one that was asked about, unless an answer would get lost.
func TestAnswers(t *testing.T) {
	st := &store.StackState{LastCommitCommit: "a"}
	for name, c := range map[string]struct {
		of   due.Comparison
		st   *store.StackState
		open *store.Run
		want bool
	}{
		"nothing of it changed":                           {due.Comparison{Asked: "a"}, st, &store.Run{Status: store.Planned, Kind: store.KindManual}, true},
		"it was taken back, and nothing is open":          {due.Comparison{Asked: "a", SinceAsked: true}, st, nil, true},
		"another run is open":                             {due.Comparison{Asked: "a", SinceAsked: true}, st, &store.Run{Status: store.Planned, Kind: store.KindCommit}, false},
		"the open run asks about it":                      {due.Comparison{Asked: "a", SinceAsked: true, Again: true}, st, &store.Run{Status: store.Planned, Kind: store.KindCommit}, true},
		"the open run is applying":                        {due.Comparison{Asked: "a", SinceAsked: true, Again: true}, st, &store.Run{Status: store.Applying, Kind: store.KindCommit}, false},
		"the open run asks about drift":                   {due.Comparison{Asked: "a", SinceAsked: true, Again: true}, st, &store.Run{Status: store.Planned, Kind: store.KindDrift}, false},
		"the open run is of an older commit, by a person": {due.Comparison{Asked: "a", SinceAsked: true, Again: true}, st, &store.Run{Status: store.Planned, Options: store.PlanOptions{Commit: true}}, false},
		"people were asked about another meanwhile":       {due.Comparison{Asked: "b"}, st, nil, false},
		"nobody was ever asked":                           {due.Comparison{}, &store.StackState{}, nil, false},
	} {
		if got := c.of.Answers(c.st, c.open); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// What a drift check finds is asked about once, for as long as it is the same.
func TestAfterDrift(t *testing.T) {
	found := func(change func(*store.StackState)) *store.StackState {
		st := &store.StackState{AppliedRun: 3, NewestRun: 6, Drift: &store.Drift{Changed: 1, Run: 5}}
		change(st)
		return st
	}
	as := func(st *store.StackState) {}
	run := func(id int, status store.Status, print string) *store.Run {
		return &store.Run{ID: id, Status: status, Plan: &store.Plan{Fingerprint: print}}
	}
	for name, c := range map[string]struct {
		st    *store.StackState
		open  *store.Run
		asked []*store.Run
		want  due.Act
	}{
		"nothing drifted":                           {found(func(st *store.StackState) { st.Drift.Changed = 0 }), nil, nil, due.Nothing},
		"what drifted is as it was":                 {found(func(st *store.StackState) { st.Drift.Changed = 0 }), run(5, store.Planned, "x"), nil, due.End},
		"for the first time":                        {found(as), nil, nil, due.Create},
		"people are being asked about it":           {found(as), run(5, store.Planned, "x"), nil, due.Nothing},
		"people are being asked about another":      {found(as), run(5, store.Planned, "y"), nil, due.Renew},
		"people said no":                            {found(as), nil, []*store.Run{run(5, store.Discarded, "x")}, due.Nothing},
		"somebody canceled it":                      {found(as), nil, []*store.Run{run(6, store.Canceled, "x")}, due.Nothing},
		"it failed":                                 {found(as), nil, []*store.Run{run(6, store.Errored, "x")}, due.Nothing},
		"it failed without a plan":                  {found(func(st *store.StackState) { st.Drift.Fingerprint = "x" }), nil, []*store.Run{{ID: 5, Status: store.Errored}}, due.Nothing},
		"people said no to another":                 {found(as), nil, []*store.Run{run(5, store.Discarded, "y")}, due.Create},
		"it was applied, and drifted again":         {found(as), nil, []*store.Run{run(5, store.Applied, "x")}, due.Create},
		"the plan of it expired, and nobody said a": {found(as), nil, []*store.Run{run(5, store.Expired, "x")}, due.Create},
	} {
		if got := due.AfterDrift(c.st, c.open, &store.Plan{Fingerprint: "x"}, c.asked); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := due.Asked(found(as)); !slices.Equal(got, []int{5, 6}) {
		t.Errorf("asked about are %v", got)
	}
	if got := due.Asked(found(func(st *store.StackState) { st.AppliedRun = 6; st.Drift.Run = 0 })); !slices.Equal(got, []int{6}) {
		t.Errorf("asked about since the last apply are %v", got)
	}
}

// A check is made of what is applied, whole and left alone.
func TestCheckable(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*store.StackState)
		open   *store.Run
		want   bool
	}{
		"it is applied":                                 {func(*store.StackState) {}, nil, true},
		"a drift run asks people":                       {func(*store.StackState) {}, &store.Run{Kind: store.KindDrift, Status: store.Planned}, true},
		"a drift run is planned":                        {func(*store.StackState) {}, &store.Run{Kind: store.KindDrift, Status: store.Planning}, false},
		"another run is open":                           {func(*store.StackState) {}, &store.Run{Kind: store.KindCommit, Status: store.Planned}, false},
		"it is pinned":                                  {func(st *store.StackState) { st.Pin = &store.Pin{} }, nil, false},
		"it was never applied":                          {func(st *store.StackState) { st.AppliedCommit = "" }, nil, false},
		"it is of another repository":                   {func(st *store.StackState) { st.Repository = "other" }, nil, false},
		"it cannot be planned":                          {func(st *store.StackState) { st.Error = "no" }, nil, false},
		"a lock was left":                               {func(st *store.StackState) { st.LeftLock = &store.LeftLock{} }, nil, false},
		"a state was left":                              {func(st *store.StackState) { st.LeftState = "/x" }, nil, false},
		"an apply of another commit ended half-way":     {func(st *store.StackState) { st.Partly = 7 }, nil, false},
		"an apply ended half-way and was forgotten":     {func(st *store.StackState) { st.Partly = 8 }, nil, false},
		"an apply of what is applied ended half-way":    {func(st *store.StackState) { st.Partly = 9 }, nil, true},
		"so did one with values that git does not have": {func(st *store.StackState) { st.Partly = 10 }, nil, false},
		"a part of another commit was applied":          {func(st *store.StackState) { st.LeftOut = []store.Targeted{{Commit: "a"}, {Commit: "b"}} }, nil, false},
		"a part of what is applied was applied again":   {func(st *store.StackState) { st.LeftOut = []store.Targeted{{Commit: "a"}} }, nil, true},
		"so were more parts than are remembered": {func(st *store.StackState) {
			st.LeftOut = slices.Repeat([]store.Targeted{{Commit: "a"}}, store.MaxLeftOut)
		}, nil, false},
		"a terraform's end was unseen": {func(st *store.StackState) { st.Unseen = []store.Unseen{{}} }, nil, false},
	} {
		st := &store.StackState{Repository: "infra", AppliedCommit: "a"}
		c.change(st)
		partly := map[int]*store.Run{7: {Commit: "b"}, 9: {Commit: "a"}, 10: {Commit: "a", Options: store.PlanOptions{Vars: []string{"size"}}}}
		if got := (due.Check{Stack: st, Open: c.open, Partly: partly[st.Partly]}).Checkable(&config.Stack{Repository: "infra"}); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	st := &store.StackState{LastApply: 5, AppliedRun: 3}
	if !due.TakenDown(st, &store.Run{Options: store.PlanOptions{Destroy: true}}) || due.TakenDown(st, &store.Run{}) || due.TakenDown(st, nil) ||
		due.TakenDown(&store.StackState{LastApply: 5, AppliedRun: 5}, &store.Run{Options: store.PlanOptions{Destroy: true}}) {
		t.Error("what was destroyed, or not, is told wrongly")
	}
}
