package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

// No jump of a clock gives a policy more applies, or takes them away for the years by which it was wrong.
func TestAutoApplyLimitWhateverTheClock(t *testing.T) {
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	up := func(boot string, since time.Duration) store.Uptime { return store.Uptime{Boot: boot, Since: since} }
	for _, c := range []struct {
		name string
		at   time.Time
		up   store.Uptime // of the apply
		want int
	}{
		{"an hour ago", now.Add(-time.Hour), up("b", 99*time.Hour), 1},
		{"a day ago", now.Add(-25 * time.Hour), up("b", 75*time.Hour), 0},
		{"an hour ago, before a restart", now.Add(-time.Hour), up("a", 5*time.Hour), 1},
		{"an hour ago, and the clock jumped ahead by a year", now.AddDate(-1, 0, 0), up("b", 99*time.Hour), 1},
		{"by a clock that was a year ahead", now.AddDate(1, 0, 0), up("a", 5*time.Hour), 0},
		{"by a clock that was a year ahead, in this boot", now.AddDate(1, 0, 0), up("b", 99*time.Hour), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := lifecycle.Facts{
				Now: clock.Reading{Wall: now, Up: up("b", 100*time.Hour)}, Run: &store.Run{Stack: "net", Repository: "infra"}, Config: lifecycle.Config{Stack: &config.Stack{}},
				Store: lifecycle.Records{
					Agent: &store.AgentState{}, Repositories: map[string]*store.RepositoryState{"infra": {}},
					Stacks: map[string]*store.StackState{"net": {AutoApplied: []store.AutoApply{{Run: 1, At: c.at, Up: c.up}}}},
				},
			}
			if got := lifecycle.SituationOf(f, &store.Plan{}); got.Today != c.want || got.Unread {
				t.Errorf("%d, want %d", got.Today, c.want)
			}
		})
	}
}

// A plan of the applied commit may undo what a targeted apply brought of another one: no policy does that unseen.
func TestLeftOutOfAnotherCommitIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		commit string // of the plan
		left   []store.Targeted
		want   int
	}{
		"nothing was left out":            {commit: "a"},
		"of the same commit":              {"a", []store.Targeted{{Run: 7, Commit: "a"}}, 0},
		"more than are remembered":        {"a", slices.Repeat([]store.Targeted{{Run: 7, Commit: "a"}}, store.MaxLeftOut), 7},
		"of another commit":               {"a", []store.Targeted{{Run: 7, Commit: "a"}, {Run: 6, Commit: "b"}}, 6},
		"the plan is of the other commit": {"b", []store.Targeted{{Run: 6, Commit: "b"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := lifecycle.Facts{
				Run: &store.Run{Stack: "net", Repository: "infra", Commit: c.commit}, Config: lifecycle.Config{Stack: &config.Stack{}},
				Store: lifecycle.Records{
					Agent: &store.AgentState{}, Repositories: map[string]*store.RepositoryState{"infra": {}},
					Stacks: map[string]*store.StackState{"net": {AppliedCommit: "a", LeftOut: c.left}},
				},
			}
			if got := lifecycle.SituationOf(f, &store.Plan{}); got.LeftOut != c.want || got.Unread {
				t.Errorf("%d, want %d", got.LeftOut, c.want)
			}
		})
	}
}

// A plan of some addresses only is no ordinary one to a policy, and releases no pin: the rest of the stack is as it was pinned.
func TestTargetedIsNotTheWhole(t *testing.T) {
	run := &store.Run{Stack: "net", Commit: "b", Options: store.PlanOptions{Targets: []string{"a.b"}}}
	if lifecycle.ReleasesPin(&store.Pin{Commit: "a", Vars: []string{"size"}}, run) {
		t.Error("it releases the pin")
	}
	f := lifecycle.Facts{Run: run, Config: lifecycle.Config{Stack: &config.Stack{}}, Store: lifecycle.Records{
		Agent: &store.AgentState{}, Repositories: map[string]*store.RepositoryState{"": {}}, Stacks: map[string]*store.StackState{"net": {}},
	}}
	if got := lifecycle.SituationOf(f, &store.Plan{}); !got.Special || got.Unread {
		t.Errorf("to a policy it is a plan like any other: %+v", got)
	}
	if !run.Options.Partial() || run.Options.Pins() {
		t.Error("its commit counts as applied, or it pins the stack")
	}
}
