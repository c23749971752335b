package execute

import (
	"context"
	"fmt"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/engine"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

const maxAttempts = 5 // plans of one run that met a transient error

// Step moves one open run on by one step, as far as that can be done now. It returns after how long it must be looked at again
// even if nothing wakes the loop; zero means whenever.
//
// What the step is [lifecycle.Next] says, from facts that are gathered once; here it is done.
func (a *Executor) Step(ctx context.Context, w *active.Config, run *store.Run) (time.Duration, error) {
	f, err := a.Gather(w, run.ID)
	if err != nil {
		return 0, err
	}
	return a.take(ctx, w, f, lifecycle.Next(f))
}

// take takes a step.
func (a *Executor) take(_ context.Context, w *active.Config, f lifecycle.Facts, step lifecycle.Step) (time.Duration, error) {
	run, s := f.Run, f.Config.Stack
	if err := a.takeBeside(w, f, step); err != nil {
		return 0, err
	}
	again := step.Reason.Recheck
	switch step.Do {
	case lifecycle.Wait:
		return again, nil
	case lifecycle.Hold:
		return again, a.ledger.HoldWith(run, ledger.WaitReason{Why: step.Reason.Why, Hint: step.Reason.Hint, Everyday: step.Everyday})
	case lifecycle.Move:
		return again, a.takeMove(w, run, step)
	case lifecycle.Replan:
		return again, a.replan(w, run, step.Reason.Why)
	case lifecycle.Plan:
		return again, a.StartPlan(w, run, s)
	case lifecycle.Apply:
		a.work.Do(run.ID, engine.WorkOn(s.Engine, workApply), func(ctx context.Context) { a.gate(ctx, w, run, s) })
		return again, nil
	case lifecycle.Follow:
		return a.takeFollow(w, run, step)
	}
	return 0, fmt.Errorf("run #%d: there is no step %q", run.ID, step.Do)
}

// takeBeside does what a step asks for beside itself.
func (a *Executor) takeBeside(w *active.Config, f lifecycle.Facts, step lifecycle.Step) error {
	run, also := f.Run, step.Also
	switch step.Checks {
	case lifecycle.OwnCheck:
		a.work.Preempt(run.Stack)
	case lifecycle.AllChecks:
		a.work.Preempt("")
	}
	if also.StateGone {
		if err := forgetLeftState(a.journal, f.Store.Stacks[run.Stack]); err != nil {
			return err
		}
	}
	if also.Remind > 0 {
		if err := a.reminders.Remind(w, run, f.Config.Stack, also.Remind); err != nil {
			return err
		}
	}
	if also.Note != "" && run.Held != a.health.Redact(step.Reason.Why) {
		if err := a.journal.Update(func(tx *journal.Tx) error {
			return tx.Enqueue(a.ledger.Note(fmt.Sprintf("pinned/%d", run.ID), also.Note))
		}); err != nil {
			return err
		}
	}
	return a.ledger.Warn(run, also.Warnings)
}

// takeMove moves a run to another status, with what its stack remembers of that.
func (a *Executor) takeMove(w *active.Config, run *store.Run, step lifecycle.Step) error {
	if step.Withdraw {
		return a.policyEnds(w, run)
	}
	ends := step.To.Terminal()
	if ends {
		a.work.Stop(run.ID)
	}
	m := store.Move{From: run.Status, To: step.To, By: step.By, Text: step.Reason.Why}
	if step.By != "" {
		m.Text = ""
	}
	return a.journal.Update(func(tx *journal.Tx) error {
		if step.Unplan {
			if err := tx.DeletePullRequest(run.Repository, run.PullRequest); err != nil {
				return err
			}
		}
		if _, err := a.ledger.Move(tx, w, run, m, func(r *store.Run) error {
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
func (a *Executor) replan(w *active.Config, run *store.Run, why string) error {
	if run.Status != store.Planning {
		return a.ledger.GoStale(w, run, why)
	}
	a.work.Stop(run.ID)
	return a.ledger.MoveNow(w, run, store.Move{From: store.Planning, To: store.Pending, Text: why}, func(r *store.Run) error {
		r.Inputs, r.Attempts = "", 0
		return nil
	})
}
