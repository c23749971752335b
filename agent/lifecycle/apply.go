package lifecycle

import (
	"fmt"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle/due"
	"sallyport/agent/lifecycle/expiry"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// condition is one of the conditions of an apply: why it is not met.
type condition struct {
	name string
	why  func(*Facts) Reason
}

// MayApply says why a run may not be applied now; no reason: it may. These are all the conditions of an apply. They are asked
// when a run is looked at, before the checks that take time, and again in the transaction that decides, with facts that were
// read in it: whatever happened while git and Slack were asked stops it there.
func MayApply(f Facts) Reason {
	for _, c := range conditions() {
		if why := c.why(&f); why.Any() {
			return why
		}
	}
	return Reason{}
}

// conditions are the conditions of an apply, in the order in which a person would want to hear of them. Each says no where what
// it needs is not known.
func conditions() []condition {
	return []condition{
		{"all that is needed is known", factsMissing},
		{"the run is approved", notApproved},
		{"runs of its kind are applied", notOfAKind},
		{"the configuration is the one in force", outdated},
		{"the stack is this one, and is applied", otherStack},
		{"nobody canceled it", wantedEnded},
		{"it destroys no more than is allowed", func(f *Facts) Reason { return OverLimit(f.Config.Stack, f.Run.Plan) }},
		{"the plan is still good", tooOld},
		{"enough people approve", tooFew},
		{"the policy still would", func(f *Facts) Reason { return Reason{Why: PolicyAgainst(*f)} }},
		{"nothing is paused", paused},
		{"the window is open", outsideWindow},
		{"the commits are trusted", untrusted},
		{"nothing changed upstream", changedUpstream},
		{"the newest commit was looked at", notCompared},
	}
}

func factsMissing(f *Facts) Reason {
	if f.Run == nil || f.Config.Stack == nil || f.Run.Plan == nil {
		return Reason{Why: "the run, its plan or its stack is not known", Hint: "see sallyport status"}
	}
	return unread(f)
}

func notApproved(f *Facts) Reason {
	if f.Run.Status == store.Approved {
		return Reason{}
	}
	return Reason{Why: fmt.Sprintf("it is %s, and only what is approved is applied", f.Run.Status)}
}

// notOfAKind: a preview is made of what anybody may have pushed, and a kind that this version does not know is not guessed at.
func notOfAKind(f *Facts) Reason {
	switch f.Run.Kind {
	case store.KindCommit, store.KindManual, store.KindDrift, store.KindRecovery, store.KindDependency, store.KindSchedule:
		return Reason{}
	}
	return Reason{Why: fmt.Sprintf("runs of the kind %q are never applied", f.Run.Kind), Hint: fmt.Sprintf("sallyport cancel %d", f.Run.ID)}
}

// outdated: a reload came between the look and the decision. The next look is with the new configuration.
func outdated(f *Facts) Reason {
	if f.Config.Current {
		return Reason{}
	}
	return Reason{Why: "the configuration was read again meanwhile", Hint: "it goes on by itself, within moments"}
}

func otherStack(f *Facts) Reason {
	s, run := f.Config.Stack, f.Run
	again := "sallyport plan " + run.Stack
	switch {
	case s.Repository != run.Repository:
		return Reason{Why: "the stack is of repository " + s.Repository + " now", Hint: again}
	case s.Mode == config.ModeObserve:
		return Reason{Why: "the stack is only observed"}
	case s.Inputs != run.Inputs:
		return Reason{Why: "its variables, environment, workspace or tool are not those that it was planned with", Hint: again}
	}
	return Reason{}
}

func wantedEnded(f *Facts) Reason {
	if f.Run.CancelBy == "" {
		return Reason{}
	}
	return Reason{Why: "canceled by " + f.Run.CancelBy}
}

func tooOld(f *Facts) Reason {
	why, _ := expiry.Overdue(f.Run, f.Now)
	return Reason{Why: why}
}

func tooFew(f *Facts) Reason {
	all, got := votes.Weigh(f.Run, f.Config.Stack)
	if all {
		return Reason{}
	}
	return Reason{Why: words.OfThem(got, f.Config.Stack.Approvals, "approval is", "approvals are") + " there", Hint: fmt.Sprintf("sallyport approve %d", f.Run.ID)}
}

// paused says who stopped the agent or the run's stack, or who is at work on its state.
func paused(f *Facts) Reason {
	st, _ := f.Store.stack(f.Run.Stack)
	switch {
	case f.Store.Agent.Paused != nil:
		return Reason{Why: "the agent is paused " + notify.Paused(f.Store.Agent.Paused), Hint: "sallyport resume"}
	case st.Paused != nil:
		return Reason{Why: "the stack is paused " + notify.Paused(st.Paused), Hint: "sallyport resume " + f.Run.Stack}
	case st.Occupied != nil:
		return Reason{Why: OccupiedBy(st.Occupied), Hint: "it goes on by itself when that has ended"}
	}
	return Reason{}
}

func outsideWindow(f *Facts) Reason { return WaitsForWindow(f.Run, f.Config.Stack, f.Now.Wall) }

func untrusted(f *Facts) Reason {
	st, _ := f.Store.stack(f.Run.Stack)
	known, _ := f.Store.repository(f.Run.Repository)
	return Untrusted(f.Run, f.Config.Repository, known, st)
}

// changedUpstream: what a plan of the agent's own was made on changed in this very moment, and another run takes over. A
// person's run is theirs to answer.
func changedUpstream(f *Facts) Reason {
	if !due.OwnPlan(f.Run.Kind) {
		return Reason{}
	}
	changed, known := DueChanges(f.Config.Stack, f.Store)
	switch {
	case !known:
		return Reason{Why: "nobody knows whether what it depends on has changed since it was planned", Hint: "see sallyport status", Recheck: soon}
	case len(changed) > 0:
		return Reason{Why: ChangedBy(changed, f.Store) + " since it was planned", Hint: "another run takes over by itself"}
	}
	return Reason{}
}

// notCompared: nobody knows yet whether the newest commit changes the stack.
func notCompared(f *Facts) Reason {
	known, _ := f.Store.repository(f.Run.Repository)
	if known.Head == f.Run.Head || f.Process.Compared {
		return Reason{}
	}
	why := words.Short(known.Head) + " is newer, and nobody knows yet whether it changes this stack"
	if f.Process.Incomparable != "" {
		why += ": " + f.Process.Incomparable
	}
	return Reason{Why: why, Hint: "it goes on by itself once the stack can be read at that commit; sallyport status says what is in the way"}
}
