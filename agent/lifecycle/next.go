package lifecycle

import (
	"fmt"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle/expiry"
	"sallyport/agent/lifecycle/votes"
	"sallyport/store"
)

// A rule looks at a run and says what becomes of it, or nothing.
type rule struct {
	name string
	ask  func(*look) (Step, bool)
}

// look is one look at a run: the facts, and what the rules that let it pass found worth doing beside.
type look struct {
	Facts
	also Also
}

// Next is the whole state machine: what becomes of a run now. The rules of its status are asked in turn, and the first that has
// something to say decides. Decisions of people (see [votes.Decidable]) and newer commits are the other ways in which a run moves.
//
// A run for which no rule speaks is held: there is no way through the list that ends in nothing.
func Next(f Facts) Step {
	l := &look{Facts: f}
	for _, r := range rulesFor(f.Run) {
		if step, speaks := r.ask(l); speaks {
			step.Rule, step.Also = r.name, l.also
			return step
		}
	}
	return Step{Do: Hold, Rule: "none", Reason: Reason{
		Why:  "no rule says what becomes of it, as this version of sallyport understands it",
		Hint: "another version of sallyport may have written it: go back to that one, or report it",
	}}
}

// rulesFor are the rules of a run's status, in the order in which they are asked.
func rulesFor(run *store.Run) []rule {
	switch {
	case run == nil:
		return nil
	case run.Status == store.Applying:
		return []rule{{"followed", followed}}
	}
	preview := run.Kind == store.KindPullRequest
	switch run.Status {
	case store.Pending, store.Planning:
		if preview {
			return append(leaving(), previewing()...)
		}
	case store.Planned, store.Approved:
		if preview {
			return nil // its run ends with its plan: nobody can approve it
		}
	}
	switch run.Status {
	case store.Pending:
		return append(leaving(), pending()...)
	case store.Planning:
		return append(leaving(), planning()...)
	case store.Planned:
		return append(leaving(), planned()...)
	case store.Approved:
		return append(leaving(), approved()...)
	case store.Applied, store.Errored, store.Interrupted, store.Stale, store.Discarded, store.Superseded, store.Expired, store.NoChanges, store.Previewed, store.Canceled:
		return []rule{{"ended", always(Step{Do: Wait})}}
	}
	return nil
}

// leaving are the rules for every run that is not applying: its stack went, a person canceled it, or what the configuration
// feeds into its plan changed.
func leaving() []rule {
	return []rule{
		{"the records are read", func(l *look) (Step, bool) { return held(unread(&l.Facts)) }},
		{"its stack was not looked up", unsearched},
		{"its stack left the configuration", stackLeft},
		{"its stack is another one now", stackChanged},
		{"somebody canceled it", canceled},
		{"it destroys more than is allowed now", overTheLimit},
		{"its inputs changed", inputsChanged},
	}
}

// pending are the rules for a run that was not planned yet. What earlier runs left behind comes before what it depends on: a
// plan over either is wrong, and only the first can be made good here.
func pending() []rule {
	return []rule{
		{"paused", reason(paused)},
		{"the stack is pinned", pinned},
		{"its commits are trusted", reason(untrusted)},
		{"something of the last apply lives", stillAlive},
		{"a state was not saved", stateLeft},
		{"a lock was left", lockLeft},
		{"upstream", upstream},
		{"images", reason(imagesMissing)},
		{"at work", atWork(0)},
		{"a drift check is on its way out", checkEnds},
		{"a slot is free", slot},
		{"room on the disk", room},
		{"its work rests", resting},
		{"plan", always(Step{Do: Plan})},
	}
}

// planning are the rules for a run whose plan was begun: most often it is being made.
func planning() []rule {
	return []rule{
		{"at work", atWork(0)},
		{"paused", reason(paused)},
		{"tried again later", laterBy(MaxPlanWait)},
		{"crashed again and again", crashed},
		{"a slot is free", slot},
		{"room on the disk", room},
		{"its work rests", resting},
		{"plan", always(Step{Do: Plan, Reason: Reason{Recheck: soon}})},
	}
}

// planned are the rules for a run that waits for people.
func planned() []rule {
	return []rule{
		{"its time is over", expired},
		{"people are reminded", remind},
		{"enough people approved", enough},
		{"paused", waitsForPeople(paused, "; decisions are counted and nothing is applied")},
		{"its window is closed", waitsForPeople(outsideWindow, "; an approval counts and waits until then")},
		{"it waits for people", forPeople},
	}
}

// approved are the rules for a run that people, or a policy, approved. Whether it may be applied is [MayApply]'s to say, here
// and once more in the transaction that decides; the rest is when.
func approved() []rule {
	return []rule{
		{"its time is over", expired},
		{"people are reminded", remind},
		{"not enough people approve any more", notEnough},
		{"its policy changed its mind", policyEnds},
		{"paused", reason(paused)},
		{"it may be applied", mayBeApplied},
		{"Slack was looked at", slackRead},
		{"the last checks are made again later", laterBy(ChecksRetry)},
		{"at work", atWork(checksLook)},
		{"room on the disk", room},
		{"a slot is free", slot},
		{"apply", always(Step{Do: Apply, Reason: Reason{Recheck: checksLook}})},
	}
}

// previewing are the rules for a run of a pull request: it is planned when nothing that can be applied wants the room, and ends
// with that.
func previewing() []rule {
	return []rule{
		{"pull requests are planned", pullsUnplanned},
		{"at work", atWork(0)},
		{"paused", again(reason(paused), soon)},
		{"room on the disk", room},
		{"tried again later", laterBy(MaxPlanWait)},
		{"crashed again and again", crashed},
		{"a slot is free", previewSlot},
		{"its work rests", resting},
		{"plan", always(Step{Do: Plan, Reason: Reason{Recheck: soon}})},
	}
}

// always is a rule that speaks whatever the facts are.
func always(step Step) func(*look) (Step, bool) {
	return func(*look) (Step, bool) { return step, true }
}

// held holds a run for a reason, if there is one.
func held(why Reason) (Step, bool) { return Step{Do: Hold, Reason: why}, why.Any() }

// reason makes a rule of what may be in the way.
func reason(of func(*Facts) Reason) func(*look) (Step, bool) {
	return func(l *look) (Step, bool) { return held(of(&l.Facts)) }
}

// again has a held run looked at again after a while, though nothing wakes anybody.
func again(ask func(*look) (Step, bool), after time.Duration) func(*look) (Step, bool) {
	return func(l *look) (Step, bool) {
		step, speaks := ask(l)
		step.Reason.Recheck = after
		return step, speaks
	}
}

// ends moves a run to its end, for a reason that it keeps.
func ends(to store.Status, why Reason) (Step, bool) { return Step{Do: Move, To: to, Reason: why}, true }

// unread says that a record is missing without which no rule can be asked.
func unread(f *Facts) Reason {
	_, stack := f.Store.stack(f.Run.Stack)
	_, repository := f.Store.repository(f.Run.Repository)
	if stack && repository && f.Store.Agent != nil {
		return Reason{}
	}
	return Reason{Why: "not all that the store says of its stack could be read", Hint: "see sallyport status", Recheck: soon}
}

func unsearched(l *look) (Step, bool) {
	if l.Config.Stack != nil || l.Config.Repository == nil || !l.Config.Unsearched {
		return Step{}, false
	}
	if l.Config.WhyUnsearched.Any() {
		return held(l.Config.WhyUnsearched)
	}
	return Step{Do: Wait}, true // the first look at the repository comes within moments
}

func stackLeft(l *look) (Step, bool) {
	if l.Config.Stack != nil {
		return Step{}, false
	}
	return ends(store.Canceled, Reason{Why: "the stack left the configuration"})
}

// stackChanged ends a run of a stack that is of another repository now, or is only observed: there is nothing to take over, since
// what the configuration says now is planned by itself.
func stackChanged(l *look) (Step, bool) {
	s, run := l.Config.Stack, l.Run
	waiting := run.Status == store.Planned || run.Status == store.Approved
	why := ""
	switch {
	case s.Repository != run.Repository:
		why = "the stack is of repository " + s.Repository + " now"
	case waiting && s.Mode == config.ModeObserve:
		why = "the stack is only observed now"
	default:
		return Step{}, false
	}
	return Step{Do: Move, To: store.Canceled, Reason: Reason{Why: why}, Asked: true}, true
}

func canceled(l *look) (Step, bool) {
	if l.Run.CancelBy == "" {
		return Step{}, false
	}
	return Step{Do: Move, To: store.Canceled, By: l.Run.CancelBy, Reason: Reason{Why: "canceled by " + l.Run.CancelBy}}, true
}

// overTheLimit ends a run that waits with a plan that the configuration does not allow any more.
func overTheLimit(l *look) (Step, bool) {
	if l.Run.Status != store.Planned && l.Run.Status != store.Approved {
		return Step{}, false
	}
	over := OverLimit(l.Config.Stack, l.Run.Plan)
	if !over.Any() {
		return Step{}, false
	}
	return ends(store.Errored, over)
}

// inputsChanged: a run that was not planned yet takes what the configuration says when it is.
func inputsChanged(l *look) (Step, bool) {
	if l.Run.Status == store.Pending || l.Run.Inputs == "" || l.Run.Inputs == l.Config.Stack.Inputs {
		return Step{}, false
	}
	return Step{Do: Replan, Reason: Reason{Why: "its variables, environment, workspace or tool changed in the configuration"}}, true
}

// expired ends a plan whose time is over. One whose age nobody can tell, because the clock jumped, is made again.
func expired(l *look) (Step, bool) {
	why, doubt := expiry.Overdue(l.Run, l.Now)
	switch {
	case why == "":
		return Step{}, false
	case doubt:
		return Step{Do: Replan, Reason: Reason{Why: why}}, true
	}
	return ends(store.Expired, Reason{Why: why})
}

func remind(l *look) (Step, bool) {
	l.also.Remind = expiry.ReminderDue(l.Run, l.Now)
	return Step{}, false
}

// enough moves a run on that has its approvals. An empty plan that people looked at, because an interrupted apply may have left
// something half-made, is settled with that.
func enough(l *look) (Step, bool) {
	if all, _ := votes.Weigh(l.Run, l.Config.Stack); !all {
		return Step{}, false
	}
	to := store.Approved
	if l.Run.Plan.Empty {
		to = store.NoChanges
	}
	return Step{Do: Move, To: to, By: votes.PolicyBy(l.Run)}, true
}

// notEnough takes a run back to people when a vote was withdrawn, or the stack asks for more of them.
func notEnough(l *look) (Step, bool) {
	if all, _ := votes.Weigh(l.Run, l.Config.Stack); all {
		return Step{}, false
	}
	return Step{Do: Move, To: store.Planned, Reason: Reason{Why: "not enough approvals any more"}}, true
}

// policyEnds takes a policy's approval back if the policy would not give it any more, and asks people.
func policyEnds(l *look) (Step, bool) {
	why := PolicyAgainst(l.Facts)
	if why == "" {
		return Step{}, false
	}
	return Step{Do: Move, To: store.Planned, By: votes.PolicyBy(l.Run), Reason: Reason{Why: why}, Withdraw: true}, true
}

func mayBeApplied(l *look) (Step, bool) { return held(MayApply(l.Facts).approved()) }

// waitsForPeople says of a run that people can decide about what will be in its way then.
func waitsForPeople(of func(*Facts) Reason, until string) func(*look) (Step, bool) {
	return func(l *look) (Step, bool) {
		why := of(&l.Facts)
		if !why.Any() {
			return Step{}, false
		}
		why.Why += until
		why.Recheck = untilExpiry(&l.Facts)
		return held(why)
	}
}

func forPeople(l *look) (Step, bool) {
	return Step{Do: Hold, Reason: Reason{Recheck: untilExpiry(&l.Facts)}}, true
}

func untilExpiry(f *Facts) time.Duration { return max(time.Second, f.Run.ExpiresAt.Sub(f.Now.Wall)) }

// crashed gives up a run whose plan was started again and again while nobody ever saw its end: it may be what ends the agent.
func crashed(l *look) (Step, bool) {
	if l.Run.Attempts < maxCrashes {
		return Step{}, false
	}
	return ends(store.Errored, Reason{Why: fmt.Sprintf("planning was started %d times and its end was never seen", l.Run.Attempts)})
}

func pullsUnplanned(l *look) (Step, bool) {
	what := config.Site{}.Changes()
	if r := l.Config.Repository; r != nil {
		if r.Site.PlanPullRequests {
			return Step{}, false
		}
		what = r.Site.Changes()
	}
	return Step{Do: Move, To: store.Canceled, Reason: Reason{Why: what + " are not planned any more"}, Unplan: true}, true
}
