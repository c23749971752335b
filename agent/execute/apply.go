package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/clock"
	"sallyport/agent/datadir"
	"sallyport/agent/engine"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/agent/locks"
	"sallyport/agent/rundir"
	"sallyport/agent/runner"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/workers"
	"sallyport/store"
)

// progressEvery is how often the card follows a running apply at most; Slack allows about one edit a second for the
// whole workspace.
const progressEvery = 5 * time.Second

// Follow watches a runner until it ended, keeps the progress, and records the end.
func (e *Executor) Follow(ctx context.Context, conf *active.Config, run *store.Run) {
	last := time.Time{}
	var seen jsonlog.Progress
	state, err := runner.Follow(ctx, datadir.Run(conf.Cfg.DataDir, run.ID), func(p jsonlog.Progress) {
		seen = p.Redacted(e.health.Redact)
		if now := e.now(); now.Sub(last) >= progressEvery {
			last = now
			if err := e.progress(run, seen); err != nil {
				e.journal.StoreFault(err)
			}
		}
	})
	if ctx.Err() != nil {
		return // stopping; the next agent follows it
	}
	if err != nil {
		e.log.Error("following an apply", "run", run.ID, "stack", run.Stack, "err", err)
		e.work.Backoff(run.ID)
		if err := e.ledger.Hold(run, lifecycle.FollowFails+"it cannot be followed: "+e.health.Redact(err.Error()), "it is tried again by itself; see the modes of "+datadir.Run(conf.Cfg.DataDir, run.ID)); err != nil {
			e.journal.StoreFault(err)
		}
		return // the loop starts following again, a little later
	}
	if err := e.finish(conf, run, state, seen); err != nil && !errors.Is(err, store.ErrConflict) {
		e.work.Backoff(run.ID)
		e.journal.StoreFault(err)
		return
	}
	e.awaitRunner(ctx, run)
}

// awaitRunner gives the user of an ended apply back as soon as its runner is gone, which most often is at once. What an apply left
// running keeps it longer, until package housekeeping finds that it has ended.
func (e *Executor) awaitRunner(ctx context.Context, run *store.Run) {
	if e.active.Current.Load().Pool == nil {
		return
	}
	for began := time.Now(); time.Since(began) < locks.RunnerExit && ctx.Err() == nil; clock.Sleep(ctx, ExitLook, nil) {
		state, err := runner.Attach(datadir.Run(e.active.Cfg().DataDir, run.ID))
		if err == nil && !state.StillHeld && state.Phase != runner.Running {
			if err := e.engines.GiveBack(run); err != nil {
				e.log.Error("taking back what an apply had", "run", run.ID, "stack", run.Stack, "err", err)
			}
			return
		}
	}
}

func (e *Executor) progress(run *store.Run, p jsonlog.Progress) error {
	return e.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
			if r.Status == store.Applying && r.Apply != nil {
				r.Apply.Done, r.Apply.Current = p.Done, p.Current
				r.Apply.Total = max(p.Total, r.Apply.Total)
				if strings.HasPrefix(r.Held, lifecycle.FollowFails) && r.CancelBy == "" {
					r.Held, r.Hint, r.HeldAt = "", "", time.Time{} // it can again
				}
			}
			return nil
		})
		if err != nil || now.Status != store.Applying {
			return err
		}
		return e.ledger.RefreshCard(tx.Tx, now)
	})
}

// finish records what terraform's exit code says; when nobody saw it, that nobody did.
func (e *Executor) finish(conf *active.Config, run *store.Run, state runner.State, p jsonlog.Progress) error {
	dir := datadir.Run(conf.Cfg.DataDir, run.ID)
	left, err := rundir.RescueState(dir, state.ErroredState)
	if err != nil {
		return err
	}
	if left == "" && state.ErroredState != "" {
		e.log.Error("in the place of the state that an apply could not save lies something else: a link, a pipe, or what is too large", "run", run.ID, "stack", run.Stack, "path", state.ErroredState)
	}
	state.ErroredState = left
	if err := rundir.KeepLog(dir, e.health.Redact); err != nil {
		e.log.Warn("keeping the log of an apply", "run", run.ID, "stack", run.Stack, "err", err)
	}
	on := e.engines.EngineOf(run.Engine)
	seen := on.Seen(run, state, p)
	end := on.Verdict(seen)
	err = e.journal.Update(func(tx *journal.Tx) error {
		before, err := tx.Run(run.ID)
		if err != nil {
			return err
		}
		seen.Run = before
		end = end.Canceled(before.CancelBy, seen)
		if err := on.RecordLeftovers(tx.Tx, seen, end.To); err != nil {
			return err
		}
		moved, err := e.ledger.Move(tx, conf, run, store.Move{From: store.Applying, To: end.To, Text: end.Text}, func(r *store.Run) error {
			r.Error, r.Hint, r.Held = end.Text, end.Hint, ""
			if r.Apply == nil {
				r.Apply = &store.Apply{}
			}
			r.Apply.EndedAt, r.Apply.ExitCode = e.now().UTC(), -1
			r.Apply.Done, r.Apply.Total = p.Done, max(p.Total, r.Apply.Total)
			r.Apply.Outputs, r.Apply.Open, r.Apply.Current, r.Apply.Checks = p.Outputs, p.Open, "", end.Checks
			r.Apply.LeftState, r.Artifacts = state.ErroredState, end.Artifacts
			if state.Result != nil {
				r.Apply.ExitCode = state.Result.ExitCode
				r.Apply.EndedAt = state.Result.EndedAt.UTC()
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := errors.Join(e.ledger.DoubtEnd(tx.Tx, run.ID), e.OweHook(tx.Tx, conf, moved)); err != nil {
			return err
		}
		switch end.To {
		case store.Stale:
			return e.ledger.CreateSuccessor(tx, conf, moved, fmt.Sprintf("planned again after #%d: terraform says that the plan is stale", run.ID))
		case store.Interrupted:
			return e.ledger.CreateSuccessor(tx, conf, moved, fmt.Sprintf("nobody saw the end of #%d", run.ID))
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.snapshotSoon()
	if end.To == store.Applied {
		e.ledger.Keep(conf.Repos[run.Repository], run)
	}
	return nil
}

// takeFollow follows the runner, whoever started it.
func (e *Executor) takeFollow(conf *active.Config, run *store.Run, step lifecycle.Step) (time.Duration, error) {
	dir := datadir.Run(conf.Cfg.DataDir, run.ID)
	if step.Interrupt {
		if err := runner.Interrupt(dir); err != nil {
			e.log.Warn("interrupting an apply", "run", run.ID, "stack", run.Stack, "err", err)
			if err := e.ledger.Hold(run, lifecycle.FollowFails+"it cannot be interrupted: "+e.health.Redact(err.Error()), "it is tried again by itself; see the modes of "+dir); err != nil {
				return workers.WorkRest, err
			}
		}
	}
	if step.Start && !e.work.Do(run.ID, engine.WorkOn(run.Engine, workFollow), func(ctx context.Context) { e.Follow(ctx, conf, run) }) {
		return workers.WorkRest, nil
	}
	if step.Long > 0 {
		return 0, e.reminders.EnqueueLong(run, step.Long, step.Usual)
	}
	return step.Reason.Recheck, nil
}
