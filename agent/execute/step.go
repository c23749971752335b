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
func (e *Executor) Step(ctx context.Context, conf *active.Config, run *store.Run) (time.Duration, error) {
	f, reads, err := gather(e, conf, run.ID)
	if err != nil {
		return 0, err
	}
	step := lifecycle.Next(f)
	again, err := e.take(ctx, conf, f, step)
	if err == nil {
		remember(e, conf, f, step, reads)
	} else {
		delete(e.waits, run.ID)
	}
	return again, err
}

// take takes a step.
func (e *Executor) take(_ context.Context, conf *active.Config, f lifecycle.Facts, step lifecycle.Step) (time.Duration, error) {
	run, s := f.Run, f.Config.Stack
	if err := e.takeBeside(conf, f, step); err != nil {
		return 0, err
	}
	again := step.Reason.Recheck
	switch step.Do {
	case lifecycle.Wait:
		return again, nil
	case lifecycle.Hold:
		return again, e.ledger.HoldWith(run, ledger.WaitReason{Why: step.Reason.Why, Hint: step.Reason.Hint, Everyday: step.Everyday})
	case lifecycle.Move:
		return again, e.takeMove(conf, run, step)
	case lifecycle.Replan:
		return again, e.replan(conf, run, step.Reason.Why)
	case lifecycle.Plan:
		return again, e.StartPlan(conf, run, s)
	case lifecycle.Apply:
		e.work.Do(run.ID, engine.WorkOn(s.Engine, workApply), func(ctx context.Context) { e.gate(ctx, conf, run, s) })
		return again, nil
	case lifecycle.Follow:
		return e.takeFollow(conf, run, step)
	}
	return 0, fmt.Errorf("run #%d: there is no step %q", run.ID, step.Do)
}

// takeBeside does what a step asks for beside itself.
func (e *Executor) takeBeside(conf *active.Config, f lifecycle.Facts, step lifecycle.Step) error {
	run, also := f.Run, step.Also
	switch step.Checks {
	case lifecycle.OwnCheck:
		e.work.Preempt(run.Stack)
	case lifecycle.AllChecks:
		e.work.Preempt("")
	}
	if also.StateGone {
		if err := forgetLeftState(e.journal, f.Store.Stacks[run.Stack]); err != nil {
			return err
		}
	}
	if also.Remind > 0 {
		if err := e.reminders.Remind(conf, run, f.Config.Stack, also.Remind); err != nil {
			return err
		}
	}
	if also.Note != "" && run.Held != e.health.Redact(step.Reason.Why) {
		if err := e.journal.Update(func(tx *journal.Tx) error {
			return tx.Enqueue(e.ledger.Note(fmt.Sprintf("pinned/%d", run.ID), also.Note))
		}); err != nil {
			return err
		}
	}
	return e.ledger.Warn(run, also.Warnings)
}

// takeMove moves a run to another status, with what its stack remembers of that.
func (e *Executor) takeMove(conf *active.Config, run *store.Run, step lifecycle.Step) error {
	if step.Withdraw {
		return e.policyEnds(conf, run)
	}
	ends := step.To.Terminal()
	if ends {
		e.work.Stop(run.ID)
	}
	m := store.Move{From: run.Status, To: step.To, By: step.By, Text: step.Reason.Why}
	if step.By != "" {
		m.Text = ""
	}
	return e.journal.Update(func(tx *journal.Tx) error {
		if step.Unplan {
			if err := tx.DeletePullRequest(run.Repository, run.PullRequest); err != nil {
				return err
			}
		}
		if _, err := e.ledger.Move(tx, conf, run, m, func(r *store.Run) error {
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
func (e *Executor) replan(conf *active.Config, run *store.Run, why string) error {
	if run.Status != store.Planning {
		return e.ledger.GoStale(conf, run, why)
	}
	e.work.Stop(run.ID)
	return e.ledger.MoveNow(conf, run, store.Move{From: store.Planning, To: store.Pending, Text: why}, func(r *store.Run) error {
		r.Inputs, r.Attempts = "", 0
		return nil
	})
}
