package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/notify"
	"sallyport/store"
)

const (
	maxAttempts  = 5 // plans of one run that met a transient error
	maxCrashes   = 8 // plans of one run started at all, those that a crash ended included
	errorRecheck = 15 * time.Second
)

// step moves one open run on by one step, as far as that can be done now. It returns after how long it must be looked
// at again even if nothing wakes the loop; zero means whenever.
//
// This switch is the whole state machine. Decisions, and newer commits (see discover), are the other two ways in which a
// run moves.
func (a *Agent) step(ctx context.Context, w *world, run *store.Run) (time.Duration, error) {
	s := w.stack(run.Stack)
	if run.Status != store.Applying {
		if done, err := a.leave(w, run, s); done || err != nil {
			return 0, err
		}
	}
	if run.Kind == store.KindPullRequest {
		return a.stepPreview(w, run, s)
	}
	switch run.Status {
	case store.Pending:
		return a.stepPending(w, run, s)
	case store.Planning:
		return a.stepPlanning(w, run, s)
	case store.Planned:
		return a.stepPlanned(w, run, s)
	case store.Approved:
		return a.stepApproved(w, run, s)
	case store.Applying:
		return a.stepApplying(w, run)
	}
	return 0, fmt.Errorf("run #%d is open and %s", run.ID, run.Status)
}

// leave handles what can happen to every run that is not applying: its stack went, a person canceled it, or what the
// configuration feeds into its plan changed.
func (a *Agent) leave(w *world, run *store.Run, s *config.Stack) (bool, error) {
	if s == nil {
		if w.cfg.Repository(run.Repository) != nil && !w.globsKnown(run.Repository) {
			why, hint := a.notLookedUp(run.Repository)
			if why == "" {
				return true, nil // not held: the first look at the repository comes within moments
			}
			return true, a.hold(run, why, hint)
		}
		a.work.stop(run.ID)
		return true, a.moveNow(w, run, store.Move{From: run.Status, To: store.Canceled, Text: "the stack left the configuration"}, because("the stack left the configuration"))
	}
	waiting := run.Status == store.Planned || run.Status == store.Approved
	if s.Repository != run.Repository || waiting && s.Mode == config.ModeObserve {
		// There is nothing to take over: discover plans what the configuration says now.
		why := "the stack is only observed now"
		if s.Repository != run.Repository {
			why = "the stack is of repository " + s.Repository + " now"
		}
		a.work.stop(run.ID)
		return true, a.update(func(tx *store.Tx) error {
			if _, err := a.move(tx, w, run, store.Move{From: run.Status, To: store.Canceled, Text: why}, because(why)); err != nil {
				return err
			}
			st, err := tx.Stack(run.Stack)
			if err != nil {
				return err
			}
			st.LastCommitCommit = "" // nobody was asked about it as it is now
			return tx.PutStack(st)
		})
	}
	if run.CancelBy != "" {
		a.work.stop(run.ID)
		return true, a.moveNow(w, run, store.Move{From: run.Status, To: store.Canceled, By: run.CancelBy}, because("canceled by "+run.CancelBy))
	}
	if done, err := a.lowered(w, run, s); done || err != nil {
		return done, err
	}
	if run.Inputs == "" || run.Inputs == s.Inputs {
		return false, nil
	}
	why := "its variables, environment, workspace or tool changed in the configuration"
	switch run.Status {
	case store.Planning:
		a.work.stop(run.ID)
		return true, a.moveNow(w, run, store.Move{From: store.Planning, To: store.Pending, Text: why}, func(r *store.Run) error {
			r.Inputs, r.Attempts = "", 0
			return nil
		})
	case store.Planned, store.Approved:
		return true, a.goStale(w, run, why)
	}
	return false, nil
}

// because sets the reason why a run ended.
func because(text string) func(*store.Run) error {
	return func(r *store.Run) error {
		r.Error = text
		return nil
	}
}

// goStale ends a run whose plan does not fit the world any more and makes the one that takes over.
func (a *Agent) goStale(w *world, run *store.Run, why string) error {
	a.work.stop(run.ID)
	return a.update(func(tx *store.Tx) error {
		old, err := a.move(tx, w, run, store.Move{From: run.Status, To: store.Stale, Text: why}, because(why))
		if err != nil {
			return err
		}
		return a.succeed(tx, w, old, fmt.Sprintf("planned again after #%d: %s", run.ID, why))
	})
}

// paused says who stopped a run's stack or the whole agent; empty if nobody did.
func (a *Agent) paused(stack string) (why, hint string, err error) {
	err = a.store.View(func(tx *store.Tx) error {
		agent, err := tx.Agent()
		if err != nil {
			return err
		}
		if agent.Paused != nil {
			why, hint = "the agent is paused "+notify.Paused(agent.Paused), "sallyport resume"
			return nil
		}
		st, err := tx.Stack(stack)
		if err == nil && st.Paused != nil {
			why, hint = "the stack is paused "+notify.Paused(st.Paused), "sallyport resume "+stack
		} else if err == nil && st.Occupied != nil {
			why, hint = lifecycle.OccupiedBy(st.Occupied), "it goes on by itself when that has ended"
		}
		return err
	})
	return why, hint, err
}

func (a *Agent) stepPending(w *world, run *store.Run, s *config.Stack) (time.Duration, error) {
	why, hint, err := a.paused(run.Stack)
	if err == nil && why == "" {
		why, hint, err = a.pinned(run)
	}
	if err == nil && why == "" {
		why, hint, err = a.untrusted(w, run)
	}
	if err != nil {
		return 0, err
	}
	if why == "" {
		left, err := a.leftBehind(w, run)
		if err != nil {
			return 0, err
		}
		if left.passing {
			return left.wait, nil // not held: it is about to go away
		}
		if left.why != "" {
			return left.wait, a.hold(run, left.why, left.hint)
		}
		if why, hint, err = a.upstream(w, run, s); err != nil {
			return 0, err
		}
		if why == "" {
			if why, hint, err = a.imagesMissing(run, s); err != nil {
				return 0, err
			}
		}
	}
	if why != "" {
		return 0, a.hold(run, why, hint)
	}
	if a.work.busy(run.ID) != "" || a.work.giveWay(run.Stack) {
		return 0, nil // not held: what was interrupted is on its way out, and wakes the loop
	}
	if a.full(w, s) {
		return a.waitForSlot(w, run, s)
	}
	if a.tight.why != "" {
		return workRest, a.hold(run, a.tight.why, roomAdvice)
	}
	return 0, a.startPlan(w, run, s)
}

func (a *Agent) stepPlanning(w *world, run *store.Run, s *config.Stack) (time.Duration, error) {
	if a.work.busy(run.ID) != "" {
		return 0, nil // not held: it is being planned
	}
	if why, hint, err := a.paused(run.Stack); err != nil || why != "" {
		return 0, errors.Join(err, a.hold(run, why, hint))
	}
	if wait := a.reading().Left(run.NotBefore, maxPlanWait); wait > 0 {
		return wait, nil // not held anew: planFailed said that it is tried again, and why
	}
	if run.Attempts >= maxCrashes {
		why := fmt.Sprintf("planning was started %d times and its end was never seen", run.Attempts)
		return 0, a.moveNow(w, run, store.Move{From: store.Planning, To: store.Errored, Text: why}, because(why))
	}
	if a.full(w, s) {
		return a.waitForSlot(w, run, s)
	}
	if a.tight.why != "" {
		return workRest, a.hold(run, a.tight.why, roomAdvice)
	}
	return workRest, a.startPlan(w, run, s)
}

// full reports whether as many terraform processes run as terraform.parallel allows. Builds have a limit of their own: one
// that takes an hour must not keep a node from being brought back. Drift checks make room.
func (a *Agent) full(w *world, s *config.Stack) bool {
	if s.Engine == config.EnginePacker {
		return a.work.builds() >= w.cfg.Packer.Parallel || !w.pool.Room(false)
	}
	full := a.work.count() >= w.cfg.Terraform.Parallel || !w.pool.Room(false)
	if full {
		a.work.giveWay("")
	}
	return full
}

func (a *Agent) stepPlanned(w *world, run *store.Run, s *config.Stack) (time.Duration, error) {
	if wait, done, err := a.expire(w, run); done || err != nil {
		return wait, err
	}
	if err := a.remind(w, run, s); err != nil {
		return 0, err
	}
	if enough, _ := lifecycle.Weigh(run, s); enough {
		to := store.Approved
		if run.Plan.Empty {
			to = store.NoChanges // people looked at what an interrupted apply left; there is nothing to apply
		}
		return 0, a.moveNow(w, run, store.Move{From: store.Planned, To: to, By: lifecycle.PolicyBy(run)}, nil)
	}
	why, hint, err := a.paused(run.Stack)
	if err != nil {
		return 0, err
	}
	if why != "" {
		why += "; decisions are counted and nothing is applied"
	} else if closed := lifecycle.WaitsForWindow(run, s, a.now()); closed.Any() {
		why, hint = closed.Why+"; an approval counts and waits until then", closed.Hint
	}
	return max(time.Second, run.ExpiresAt.Sub(a.now())), a.hold(run, why, hint)
}

func (a *Agent) stepApproved(w *world, run *store.Run, s *config.Stack) (time.Duration, error) {
	if wait, done, err := a.expire(w, run); done || err != nil {
		return wait, err
	}
	if err := a.remind(w, run, s); err != nil {
		return 0, err
	}
	if enough, _ := lifecycle.Weigh(run, s); !enough {
		return 0, a.moveNow(w, run, store.Move{From: store.Approved, To: store.Planned, Text: "not enough approvals any more"}, nil)
	}
	if done, err := a.policyEnds(w, run, s); done || err != nil {
		return 0, err
	}
	why, hint, err := a.paused(run.Stack)
	if err != nil {
		return 0, err
	}
	if why != "" {
		return 0, a.hold(run, why, hint)
	}
	if closed := lifecycle.WaitsForWindow(run, s, a.now()); closed.Any() {
		return closed.Recheck, a.hold(run, "approved; "+closed.Why, closed.Hint)
	}
	if why, hint, err := a.untrusted(w, run); err != nil || why != "" {
		return 0, errors.Join(err, a.hold(run, "approved; "+why, hint))
	}
	if w.slack != nil && !a.heard.Load() { // the first look wakes the loop, whatever comes of it
		return 0, a.hold(run, "approved; waits until Slack was looked at since the start: it may show that this data directory is an old copy", "it goes on by itself, within a minute or so")
	}
	if wait := a.reading().Left(run.NotBefore, gateRetry); wait > 0 {
		return wait, nil // not held anew: holdApproved said why the last checks could not be made
	}
	if a.tight.why != "" && a.work.busy(run.ID) == "" {
		return workRest, a.hold(run, "approved; waits for room on the disk: "+a.tight.why, roomAdvice)
	}
	if a.work.busy(run.ID) == "" && a.full(w, s) {
		return a.waitForSlot(w, run, s)
	}
	a.work.do(run.ID, workOn(s.Engine, workApply), func(ctx context.Context) { a.gate(ctx, w, run, s) })
	return errorRecheck, nil // not held: the last checks are being made, and say what they find
}

// expire ends a plan whose time is over. One whose age nobody can tell, because the clock jumped, is made again.
func (a *Agent) expire(w *world, run *store.Run) (time.Duration, bool, error) {
	why, doubt := lifecycle.Overdue(run, a.reading())
	switch {
	case why == "":
		return 0, false, nil
	case doubt:
		return 0, true, a.goStale(w, run, why)
	}
	if a.work.busy(run.ID) != "" {
		a.work.stop(run.ID)
	}
	return 0, true, a.moveNow(w, run, store.Move{From: run.Status, To: store.Expired, Text: why}, because(why))
}
