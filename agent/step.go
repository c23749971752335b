package agent

import (
	"context"
	"fmt"
	"time"

	"sallyport/agent/lifecycle"
	"sallyport/store"
)

const maxAttempts = 5 // plans of one run that met a transient error

// step moves one open run on by one step, as far as that can be done now. It returns after how long it must be looked at again
// even if nothing wakes the loop; zero means whenever.
//
// What the step is [lifecycle.Next] says, from facts that are gathered once; here it is done.
func (a *executor) step(ctx context.Context, w *world, run *store.Run) (time.Duration, error) {
	f, err := a.gather(w, run.ID)
	if err != nil {
		return 0, err
	}
	return a.take(ctx, w, f, lifecycle.Next(f))
}

// take takes a step.
func (a *executor) take(_ context.Context, w *world, f lifecycle.Facts, step lifecycle.Step) (time.Duration, error) {
	run, s := f.Run, f.Config.Stack
	if err := a.takeBeside(w, f, step); err != nil {
		return 0, err
	}
	again := step.Reason.Recheck
	switch step.Do {
	case lifecycle.Wait:
		return again, nil
	case lifecycle.Hold:
		return again, a.holdWith(run, waitReason{why: step.Reason.Why, hint: step.Reason.Hint, everyday: step.Everyday})
	case lifecycle.Move:
		return again, a.takeMove(w, run, step)
	case lifecycle.Replan:
		return again, a.replan(w, run, step.Reason.Why)
	case lifecycle.Plan:
		return again, a.startPlan(w, run, s)
	case lifecycle.Apply:
		a.work.do(run.ID, workOn(s.Engine, workApply), func(ctx context.Context) { a.gate(ctx, w, run, s) })
		return again, nil
	case lifecycle.Follow:
		return a.takeFollow(w, run, step)
	}
	return 0, fmt.Errorf("run #%d: there is no step %q", run.ID, step.Do)
}

// takeBeside does what a step asks for beside itself.
func (a *executor) takeBeside(w *world, f lifecycle.Facts, step lifecycle.Step) error {
	run, also := f.Run, step.Also
	switch step.Checks {
	case lifecycle.OwnCheck:
		a.work.giveWay(run.Stack)
	case lifecycle.AllChecks:
		a.work.giveWay("")
	}
	if also.StateGone {
		if err := a.forgetLeftState(f.Store.Stacks[run.Stack]); err != nil {
			return err
		}
	}
	if also.Remind > 0 {
		if err := a.remind(w, run, f.Config.Stack, also.Remind); err != nil {
			return err
		}
	}
	if also.Note != "" && run.Held != a.redact(step.Reason.Why) {
		if err := a.update(func(tx *Tx) error { return tx.Enqueue(a.note(fmt.Sprintf("pinned/%d", run.ID), also.Note)) }); err != nil {
			return err
		}
	}
	return a.warn(run, also.Warnings)
}

// takeMove moves a run to another status, with what its stack remembers of that.
func (a *executor) takeMove(w *world, run *store.Run, step lifecycle.Step) error {
	if step.Withdraw {
		return a.policyEnds(w, run)
	}
	ends := step.To.Terminal()
	if ends {
		a.work.stop(run.ID)
	}
	m := store.Move{From: run.Status, To: step.To, By: step.By, Text: step.Reason.Why}
	if step.By != "" {
		m.Text = ""
	}
	return a.update(func(tx *Tx) error {
		if step.Unplan {
			if err := tx.DeletePullRequest(run.Repository, run.PullRequest); err != nil {
				return err
			}
		}
		if _, err := a.move(tx, w, run, m, func(r *store.Run) error {
			if ends && step.Reason.Why != "" {
				r.Error = step.Reason.Why
			}
			if step.Reason.Hint != "" {
				r.Hint = step.Reason.Hint
			}
			return nil
		}); err != nil || !step.Asked {
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

// replan has a run planned again whose plan does not fit the world any more: one under way begins again, one that was made is
// stale.
func (a *executor) replan(w *world, run *store.Run, why string) error {
	if run.Status != store.Planning {
		return a.goStale(w, run, why)
	}
	a.work.stop(run.ID)
	return a.moveNow(w, run, store.Move{From: store.Planning, To: store.Pending, Text: why}, func(r *store.Run) error {
		r.Inputs, r.Attempts = "", 0
		return nil
	})
}

// because sets the reason why a run ended.
func because(text string) func(*store.Run) error {
	return func(r *store.Run) error {
		r.Error = text
		return nil
	}
}

// goStale ends a run whose plan does not fit the world any more and makes the one that takes over.
func (a *ledger) goStale(w *world, run *store.Run, why string) error {
	a.work.stop(run.ID)
	return a.update(func(tx *Tx) error {
		old, err := a.move(tx, w, run, store.Move{From: run.Status, To: store.Stale, Text: why}, because(why))
		if err != nil {
			return err
		}
		return a.succeed(tx, w, old, fmt.Sprintf("planned again after #%d: %s", run.ID, why))
	})
}
