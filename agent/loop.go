package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/contain"
	"sallyport/agent/outbox"
	"sallyport/agent/workers"
	"sallyport/store"
)

// loop passes until ctx ends, or the store cannot be relied on any more.
func (a *Agent) loop(ctx context.Context) {
	for a.store.Broken() == nil {
		a.lastPass.Store(time.Now().UnixNano())
		now := time.Now()
		looking := a.journal.LooksAgain() || now.Sub(a.lastLook) >= outbox.IdlePass
		if looking {
			a.lastLook = now
		}
		next := workers.WorkRest
		p := contain.Run("looking at everything", func() { next = a.pass(ctx, looking) })
		if a.health.Panicked("the loop", p) {
			a.journal.LookAgain()
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case answer := <-a.reloads:
			err := contain.Do("reading the configuration again", a.reload)
			if p, panicked := err.(*contain.Panic); panicked {
				a.health.Panicked("configuration", p)
			}
			answer <- err
		case <-a.bell.Wakes:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pass looks at everything once and moves each open run one step, but for those that wait and for which nothing has changed. It returns
// how long nothing will happen by itself.
//
// Looking for changed stacks is left out unless looking: hundreds of runs that move must not have every stack
// compared at each step. Whatever changes a head or a run calls [journal.Tx.Moves]; the idle pass looks in any case.
func (a *Agent) pass(ctx context.Context, looking bool) time.Duration {
	conf := a.active.Current.Load()
	if looking {
		a.triggers.Look(ctx, conf)
	}
	if ctx.Err() != nil {
		return 0
	}
	runs, next, err := a.executor.Due(conf)
	if err != nil {
		a.journal.StoreFault(err)
		return 5 * time.Second
	}
	next = min(next, a.housekeep(conf))
	if a.tight.Why != "" {
		next = min(next, workers.WorkRest) // nothing wakes us when there is room again
	}
	for _, run := range runs {
		wait, err := a.executor.MoveOn(ctx, conf, run)
		if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: somebody else moved it; look again
			a.journal.StoreFault(err)
			a.log.Error("moving a run", "run", run.ID, "stack", run.Stack, "err", err)
			wait = 5 * time.Second
		}
		if errors.Is(err, store.ErrConflict) {
			a.bell.Wake()
		}
		if wait > 0 && wait < next {
			next = wait
		}
	}
	a.ledger.Part("comparing drift schedules", func() error {
		next = min(next, a.triggers.CheckDrift(conf))
		return nil
	})
	return next
}

// housekeep does what is due and is not about one run. It returns how long nothing will be due by itself.
func (a *Agent) housekeep(conf *active.Config) time.Duration {
	next := outbox.IdlePass
	a.ledger.Part("starting after_apply hooks", func() error { return a.executor.RunOwedHooks(conf) }) // before the sweep: they see the run's files
	a.ledger.Part("summing up the day", func() error { return a.housekeeper.Daily(conf) })
	a.ledger.Part("sweeping ended runs", func() error { a.housekeeper.Sweep(); return nil })
	a.faults.Set("terraform.user", errors.Join(conf.Pool.Stuck()...))
	a.ledger.Part("forgetting values that people gave", a.ledger.ForgetGiven)
	a.ledger.Part("looking for room", func() error { a.housekeeper.LookForRoom(conf); return nil })
	a.ledger.Part("taking in applies", func() error { a.housekeeper.AdoptLater(); return nil })
	a.ledger.Part("comparing schedules of images", func() (err error) {
		next, err = a.triggers.ScheduledBuilds(conf)
		if errors.Is(err, store.ErrConflict) {
			return nil
		}
		return err
	})
	return next
}

// Reload reads the configuration again. A bad one changes nothing.
func (a *Agent) Reload(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case a.reloads <- answer:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reload runs in the loop, so that no pass sees the configuration change under it.
func (a *Agent) reload() error {
	if a.opts.Reload == nil {
		return errors.New("reloading: this agent was started without a configuration file")
	}
	cfg, err := a.opts.Reload()
	if err == nil {
		err = active.SameHome(a.active.Cfg(), cfg)
	}
	if err != nil {
		a.faults.Set("configuration", fmt.Errorf("the old configuration stays in force: %w", err))
		a.log.Error("reloading: the old configuration stays in force", "err", err)
		return err
	}
	old := a.active.Current.Load()
	conf, err := a.active.NewConfig(cfg, old)
	if err != nil {
		a.faults.Set("configuration", fmt.Errorf("the old configuration stays in force: %w", err))
		return err
	}
	// Secrets of before stay secrets: old logs and applies that run still print them.
	a.health.Hide(cfg.Secrets)
	a.active.Current.Store(conf)
	if err := a.active.KeepPeople(conf); err != nil {
		a.journal.StoreFault(err)
	}
	old.CloseExcept(conf)
	a.compared.Forget()
	a.strikes.Forget()
	a.journal.LookAgain()
	a.faults.Set("configuration", nil)
	a.active.InstallTools(a.work.Context(), old)
	a.changes.Tell()
	a.log.Info("configuration reloaded")
	return nil
}

// Alive reports whether the loop has passed lately. It passes at least every [outbox.IdlePass].
func (a *Agent) Alive(within time.Duration) bool {
	last := time.Unix(0, a.lastPass.Load())
	return time.Since(last) < max(within, 2*outbox.IdlePass)
}

// Tend keeps a loop beside the agent's own going until ctx ends, whatever panics in it; see [health.Health.Tend].
func (a *Agent) Tend(ctx context.Context, name string, loop func(context.Context)) {
	a.health.Tend(ctx, name, loop)
}

// BuryOrphans waits, until ctx ends, for processes that plans have left behind and that are this process's children now.
func (a *Agent) BuryOrphans(ctx context.Context) { a.housekeeper.Orphans(ctx) }

// goodbye tells, to whoever stopped the agent, what goes on without it.
func (a *Agent) goodbye() {
	text := "stopping; " + a.viewer.AfterStop()
	a.log.Info(text)
	a.opts.Stopping(text)
}
