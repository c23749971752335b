package execute

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/engine"
	"sallyport/agent/engine/hook"
	"sallyport/agent/fault"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/agent/lifecycle/expiry"
	"sallyport/agent/lifecycle/policy"
	"sallyport/agent/phrase"
	"sallyport/agent/rundir"
	"sallyport/agent/runner"
	"sallyport/agent/source"
	"sallyport/notify/words"
	"sallyport/store"
)

// gate makes the last checks of an approved run and starts the apply: is everybody who approved still of that mind, is
// there a newer commit. What cannot be found out holds the run; nothing is assumed.
func (e *Executor) gate(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) {
	held, hint, err := e.lastChecks(ctx, conf, run, s)
	if err == nil && held == "" && ctx.Err() == nil && expiry.MustVerify(run, s, e.clocks.Reading()) {
		err = e.verify(ctx, conf, run, s) // the loop comes back with the plan that is then the run's
		if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, errNotNow) {
			e.work.Backoff(run.ID)
			e.journal.StoreFault(err)
		}
		return
	}
	ended := false
	if err == nil && held == "" && ctx.Err() == nil {
		ended, err = e.treeChanged(conf, run, s)
	}
	if err == nil && held == "" && !ended && ctx.Err() == nil {
		held, hint, ended, err = e.hookBeforeApply(ctx, conf, run, s)
	}
	if ctx.Err() != nil || ended && err == nil {
		return
	}
	if err == nil && held == "" {
		err = e.Apply(ctx, conf, run, s)
	} else if err == nil {
		err = e.ledger.HoldApproved(run, held, hint)
	}
	if err != nil {
		e.work.Backoff(run.ID)
	}
	if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, errNotNow) {
		e.journal.StoreFault(err)
	}
}

func (e *Executor) lastChecks(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) (held, hint string, err error) {
	held, err = e.votes.Reread(ctx, conf, run, s)
	if err != nil || held != "" {
		return held, "the approvals are read again by themselves; or: sallyport approve " + fmt.Sprint(run.ID), err
	}
	return e.newest(ctx, conf, run)
}

// newest asks git once more. Runs that follow the branch wait while it cannot be read; a person's run, and one that
// brings something back, goes on: the repository may live on the very node that it recovers.
func (e *Executor) newest(ctx context.Context, conf *active.Config, run *store.Run) (held, hint string, err error) {
	r := conf.Cfg.Repository(run.Repository)
	var known *store.RepositoryState
	if err := e.store.View(func(tx *store.Tx) (err error) {
		known, err = tx.Repository(run.Repository)
		return err
	}); err != nil {
		return "", "", err
	}
	if fault.Without("newest") {
		return "", "", nil
	}
	pollCtx, cancel := context.WithTimeout(ctx, source.PollTimeout)
	defer cancel()
	tip, err := conf.Repos[run.Repository].Poll(pollCtx)
	if err != nil {
		waits := run.Kind == store.KindCommit || run.Kind == store.KindDependency
		if waits {
			return fmt.Sprintf("approved; waits until the repository can be read, since nobody knows whether there is a newer commit: %s", e.health.Redact(err.Error())),
				"it goes on by itself then; what must not wait for git: sallyport plan " + run.Stack, nil
		}
		return "", "", nil
	}
	if tip.Commit == known.Head || tip.Commit == known.HeldHead {
		return "", "", nil
	}
	if err := e.source.Look(ctx, conf, r); err != nil {
		return fmt.Sprintf("approved; a newer commit is being fetched: %s", e.health.Redact(err.Error())), "it is tried again by itself; see sallyport status", nil
	}
	// The head moved: let discover say whether it touches this stack before anything is applied.
	return "approved; a newer commit is being looked at", "it goes on by itself, within moments", nil
}

// Apply makes the intent durable, then starts the runner. From here on the plan is used up: whatever happens, it is
// never started a second time.
func (e *Executor) Apply(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) error {
	dir := datadir.Run(conf.Cfg.DataDir, run.ID)
	on := e.engines.EngineOf(s.Engine)
	at, err := e.engines.Begin(ctx, conf, asuser.Work{Name: active.WorkOf(run.ID)}, s, s.Engine != config.EnginePacker, applyDirs(conf, run)...)
	if ctx.Err() != nil {
		return errors.Join(errNotNow, at.End())
	}
	if err != nil {
		return e.ledger.HoldApproved(run, "approved; waits until a user of terraform.user's can be had: "+e.health.Redact(err.Error()),
			cmp.Or(hint.Of(err), "it is tried again by itself; sallyport doctor tries what each user may do"))
	}
	handed := false
	defer func() {
		if !handed {
			if err := at.End(); err != nil {
				e.log.Error("taking back what an apply had", "run", run.ID, "stack", run.Stack, "err", err)
			}
		}
	}()
	job, err := on.Job(conf, run, s, at.User())
	if err == nil && s.Engine != config.EnginePacker {
		err = at.Give()
	}
	if err != nil {
		text := e.health.Redact(err.Error())
		return e.ledger.MoveNow(conf, run, store.Move{From: store.Approved, To: store.Errored, Text: text}, func(r *store.Run) error {
			r.Error, r.Hint = text, hint.Of(err)
			return nil
		})
	}
	if held, err := e.CommitToApply(conf, run, s); held || err != nil {
		return err
	}
	// The decision to apply has been made: a stop of the agent in this very moment must not take it back. Whatever goes wrong from
	// here on, nothing of the user's is ended unless it is sure that terraform was not started.
	handed = true
	handle, err := runner.Start(context.WithoutCancel(ctx), runner.Options{
		Executable: e.executable, RunDir: dir, UserLock: at.Turn.Lock(), Job: job, Spawn: e.spawn,
	})
	if err != nil {
		handed = false
		text := "the apply could not be started, terraform did not run: " + e.health.Redact(err.Error())
		return e.ledger.MoveNow(conf, run, store.Move{From: store.Applying, To: store.Errored, Text: text}, phrase.Because(text))
	}
	if err := at.Leave(); err != nil {
		e.log.Warn("leaving a user to an apply", "run", run.ID, "stack", run.Stack, "err", err)
	}
	fault.Point("apply handed over")
	e.log.Info("apply started", "run", run.ID, "stack", run.Stack, "commit", words.Short(run.Commit), "pid", handle.PID)
	return nil
}

// CommitToApply keeps the state as it is and makes the intent durable. Held: one of the two cannot be done now, and the run says so.
func (e *Executor) CommitToApply(conf *active.Config, run *store.Run, s *config.Stack) (held bool, err error) {
	advice := "see the space and the modes of " + conf.Cfg.DataDir + "; it is tried again by itself"
	if err := e.engines.EngineOf(s.Engine).KeepState(conf.Cfg.DataDir, run); err != nil {
		return true, e.ledger.HoldApproved(run, "approved; waits until the state can be kept before it is changed: "+e.health.Redact(err.Error()), advice)
	}
	err = e.intend(conf, run, s, datadir.Run(conf.Cfg.DataDir, run.ID))
	var unkept *rundir.UnkeptError
	if errors.As(err, &unkept) {
		return true, e.ledger.HoldApproved(run, "approved; waits until the run's record can be written: "+e.health.Redact(err.Error()), advice)
	}
	return false, err
}

// intend is the transaction that decides: from its commit on the run is applying.
func (e *Executor) intend(conf *active.Config, run *store.Run, s *config.Stack, dir string) error {
	return e.journal.Update(func(tx *journal.Tx) error {
		if fault.Without("intent") {
			return nil
		}
		now, err := tx.Run(run.ID)
		if err != nil {
			return err
		}
		// Everything that may have changed while git and Slack were asked is looked at once more, in the transaction
		// that decides.
		if err := e.mayApply(tx.Tx, conf, now); err != nil {
			return err
		}
		if now.Plan.Digest != run.Plan.Digest {
			return errNotNow // the job below is of another plan
		}
		now, err = e.ledger.Move(tx, conf, now, store.Move{From: store.Approved, To: store.Applying}, func(r *store.Run) error {
			r.Apply = &store.Apply{StartedAt: e.now().UTC(), StartedUp: e.uptime(), Total: len(r.Plan.Changes), Who: e.active.LockOwner()}
			r.Held, r.Hint = "", ""
			return nil
		})
		if err != nil {
			return err
		}
		st, err := tx.Stack(run.Stack)
		if err != nil {
			return err
		}
		st.LastApply = run.ID
		if now.Options.EmptyState {
			st.Lineage, st.Resources = now.Plan.Lineage, 0 // from now on that state is the stack's
		}
		if err := e.ledger.PinFor(tx.Tx, st, now); err != nil {
			return err
		}
		policy.CountAutoApply(st, now, e.clocks.Reading())
		if err := tx.PutStack(st); err != nil {
			return err
		}
		// In the transaction, so that what lies beside the run is what was decided, every vote included.
		return rundir.WriteRecord(dir, now)
	})
}

// applyDirs are the directories of a run that its apply's user is let in to.
func applyDirs(conf *active.Config, run *store.Run) []string {
	dir, base := datadir.Run(conf.Cfg.DataDir, run.ID), rundir.PlanBase(conf.Cfg.DataDir, run)
	if base == dir {
		return []string{dir}
	}
	return []string{dir, base}
}

// treeChanged ends a run whose files are not what its plan left, before anything of this machine's sees them again.
func (e *Executor) treeChanged(conf *active.Config, run *store.Run, s *config.Stack) (ended bool, err error) {
	if s.Engine == config.EnginePacker {
		return false, nil // its recipe has digests of its own
	}
	if run.Plan.Tree == "" && conf.Pool.Size() > 0 {
		return true, e.ledger.GoStale(conf, run, "it was planned when terraform.user had no users of its own for each run, and others could change its files since")
	}
	err = e.engines.SameTree(conf, run)
	if !errors.Is(err, engine.ErrChanged) {
		return false, err
	}
	text := "nothing was applied: " + err.Error()
	return true, e.ledger.MoveNow(conf, run, store.Move{From: store.Approved, To: store.Errored, Text: text}, func(r *store.Run) error {
		r.Error, r.Hint = text, "find out who changed them; then: sallyport plan "+run.Stack
		return nil
	})
}

// errNotNow: what was checked before the deciding transaction is not true any more. The next look at the run says why.
var errNotNow = errors.New("not now")

// mayApply asks for the conditions of an apply once more, with facts of the transaction that decides.
func (e *Executor) mayApply(tx *store.Tx, conf *active.Config, run *store.Run) error {
	f, err := e.recorded(tx, conf, run)
	if err != nil || fault.Without("last look") {
		return err
	}
	if why := lifecycle.MayApply(f); why.Any() {
		return fmt.Errorf("%w: %s", errNotNow, why.Why)
	}
	return nil
}

// hookBeforeApply runs the before_apply hooks of an approved run, then makes the last checks once more: a hook can take
// minutes, and what was true before it may not be any more. A hook that fails ends the run, whatever its exit code: nobody would
// see a warning any more. What the hooks say is kept before anything else is done: what they made in the cloud is there.
func (e *Executor) hookBeforeApply(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) (held, hint string, ended bool, err error) {
	if !hook.Any(conf, s, hook.BeforeApply) {
		return "", "", false, nil
	}
	if err := e.ledger.Hold(run, "approved; the before_apply hook is running", ""); err != nil {
		return "", "", false, err
	}
	said, err := e.engines.Hook(ctx, conf, s, run, hook.BeforeApply)
	var failed *hook.Error
	if errors.As(err, &failed) {
		text := "nothing was applied: " + e.health.Redact(failed.Error())
		return "", "", true, e.ledger.MoveNow(conf, run, store.Move{From: store.Approved, To: store.Errored, Text: text}, func(r *store.Run) error {
			r.Hear(said, hook.BeforeApply)
			r.Error, r.Hint = text, failed.UserHint()
			return nil
		})
	}
	// Also of one that was ended meanwhile (somebody denied it): what it made in the cloud stands on the card.
	if err := errors.Join(err, e.Heard(run, said, hook.BeforeApply)); err != nil {
		return "", "", false, err
	}
	held, hint, err = e.lastChecks(ctx, conf, run, s)
	return held, hint, false, err
}
