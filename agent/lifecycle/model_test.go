package lifecycle_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

// anything are facts of a run of whatever kind in whatever status, of which some have gone wrong.
func anything(t *rapid.T) lifecycle.Facts {
	yes := func(name string) bool { return rapid.Bool().Draw(t, name) }
	rare := func(name string) bool { return rapid.IntRange(0, 9).Draw(t, name) == 0 }
	f := usual(rapid.SampledFrom(statuses[:]).Draw(t, "status"))
	f.Run.Kind = rapid.SampledFrom([]store.Kind{
		store.KindCommit, store.KindManual, store.KindDrift, store.KindPullRequest, store.KindRecovery, store.KindDependency, store.KindSchedule,
	}).Draw(t, "kind")
	for _, e := range rapid.SliceOfN(rapid.SampledFrom(events()), 0, 3).Draw(t, "events") {
		if whole(f) { // an event may take away what another changes
			e.is(&f)
		}
	}
	if whole(f) {
		if yes("depends") {
			f.Config.Stack.DependsOn = []string{"vpc"}
			f.Config.Upstream = map[string]*config.Stack{"vpc": {Name: "vpc", Repository: "infra"}}
			f.Store.Stacks["vpc"] = &store.StackState{Name: "vpc", NewestRun: rapid.IntRange(0, 3).Draw(t, "newest of vpc"), Changed: rapid.IntRange(0, 9).Draw(t, "changed")}
			own(&f).Upstreams = map[string]int{"vpc": 3}
		}
		f.Config.Repository.Site.PlanPullRequests = yes("plan pull requests")
	}
	if f.Run.Plan != nil {
		f.Run.Plan.Empty = rare("empty plan")
	}
	switch {
	case rare("no run"):
		f.Run = nil
	case rare("no plan"):
		f.Run.Plan, f.Run.Decisions = nil, nil
	case rare("another plan"):
		if f.Run.Plan != nil {
			f.Run.Plan.Digest = "e"
		}
	case rare("a status of the future"):
		f.Run.Status = "rolled_back"
	case rare("no stacks"):
		f.Store.Stacks = nil
	case rare("no runs"):
		f.Store.Runs = nil
	}
	f.Now.Wall = f.Now.Wall.Add(time.Duration(rapid.Int64Range(-int64(48*time.Hour), int64(48*time.Hour)).Draw(t, "clock")))
	return f
}

// whole reports whether nothing was taken away of what events change.
func whole(f lifecycle.Facts) bool {
	return f.Config.Stack != nil && f.Config.Repository != nil && f.Store.Agent != nil && own(&f) != nil && f.Store.Repositories["infra"] != nil
}

// Whatever is so, nothing is applied that one of the conditions speaks against, and a run that stays where it is says why.
func TestNextIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anything(t)
		step := lifecycle.Next(f)
		preview := f.Run != nil && f.Run.Kind == store.KindPullRequest && (f.Run.Status == store.Planned || f.Run.Status == store.Approved)
		if f.Run == nil || f.Run.Status == "rolled_back" || preview {
			if step.Do != lifecycle.Hold || !step.Reason.Any() || !lifecycle.MayApply(f).Any() {
				t.Fatalf("of what is not known: %+v", step)
			}
			return
		}
		sound(t, f, step)
		if step.Do == lifecycle.Apply && (f.Run.Status != store.Approved || f.Run.Kind == store.KindPullRequest) {
			t.Fatalf("a %s run that is %s is applied", f.Run.Kind, f.Run.Status)
		}
		if step.Do == lifecycle.Apply || !lifecycle.MayApply(f).Any() {
			counted := 0
			for _, d := range f.Run.Decisions {
				if d.Verdict == store.Approve && d.Withdrawn == "" && f.Run.Plan != nil && d.Digest == f.Run.Plan.Shown() {
					counted++
				}
			}
			if counted == 0 {
				t.Fatalf("it may be applied and nobody approved it: %+v", f.Run.Decisions)
			}
		}
		if f.Run.Status == store.Applying && step.Do != lifecycle.Follow {
			t.Fatalf("an apply is left alone: %s", said(step))
		}
	})
}
