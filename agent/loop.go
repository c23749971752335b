package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/contain"
	"sallyport/store"
)

// idlePass is how long the loop sleeps when nothing wakes it. It bounds how late a missed wake-up is noticed.
const idlePass = 30 * time.Second

// loop passes until ctx ends, or the store cannot be relied on any more.
func (a *Agent) loop(ctx context.Context) {
	for a.store.Broken() == nil {
		a.lastPass.Store(time.Now().UnixNano())
		now := time.Now()
		looking := a.looksAgain() || now.Sub(a.lastLook) >= idlePass
		if looking {
			a.lastLook = now
		}
		next := workRest
		p := contain.Run("looking at everything", func() { next = a.pass(ctx, looking) })
		if a.panicked("the loop", p) {
			a.lookAgain()
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case answer := <-a.reloads:
			err := contain.Do("reading the configuration again", a.reload)
			if p, panicked := err.(*contain.Panic); panicked {
				a.panicked("configuration", p)
			}
			answer <- err
		case <-a.wakes:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pass looks at everything once and moves each open run one step. It returns how long nothing will happen by itself.
//
// Looking for changed stacks is left out unless looking: hundreds of runs that move must not have every stack
// compared at each step. Whatever changes a head or a run sets moved (see update); the idle pass looks in any case.
func (a *Agent) pass(ctx context.Context, looking bool) time.Duration {
	w := a.world.Load()
	for _, r := range w.cfg.Repositories {
		if !looking {
			break
		}
		err := a.contained(work{name: "looking for changed stacks of " + r.Name, at: a.headOf(r.Name)}, func() error {
			if err := a.discover(ctx, w, r); err != nil {
				return err
			}
			return a.dependencies(w, r)
		})
		if ctx.Err() != nil {
			return 0
		}
		if err != nil {
			a.lookAgain()
		}
		if a.faults.set(lookingFault(r.Name), err) && err != nil {
			a.log.Error("looking for changed stacks", "repository", r.Name, "err", err)
		}
		a.tellGlobs(w, r.Name)
	}
	var runs []*store.Run
	err := a.store.View(func(tx *store.Tx) (err error) {
		runs, err = tx.OpenRuns()
		return err
	})
	if err != nil {
		a.storeFault(err)
		return 5 * time.Second
	}
	next := a.housekeep(w)
	if a.tight.why != "" {
		next = min(next, workRest) // nothing wakes us when there is room again
	}
	for _, run := range runs {
		wait, err := a.moveOn(ctx, w, run)
		if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: somebody else moved it; look again
			a.storeFault(err)
			a.log.Error("moving a run", "run", run.ID, "stack", run.Stack, "err", err)
			wait = 5 * time.Second
		}
		if errors.Is(err, store.ErrConflict) {
			a.wake()
		}
		if wait > 0 && wait < next {
			next = wait
		}
	}
	a.part("comparing drift schedules", func() error {
		next = min(next, a.checkDrift(w))
		return nil
	})
	return next
}

// housekeep does what is due and is not about one run. It returns how long nothing will be due by itself.
func (a *Agent) housekeep(w *world) time.Duration {
	next := idlePass
	a.part("starting after_apply hooks", func() error { return a.runOwedHooks(w) }) // before the sweep: they see the run's files
	a.part("summing up the day", func() error { return a.daily(w) })
	a.part("sweeping ended runs", func() error { a.sweep(); return nil })
	a.faults.set("terraform.user", errors.Join(w.pool.Stuck()...))
	a.part("forgetting values that people gave", a.forgetGiven)
	a.part("looking for room", func() error { a.lookForRoom(w); return nil })
	a.part("taking in applies", func() error { a.adoptLater(); return nil })
	a.part("comparing schedules of images", func() (err error) {
		next, err = a.scheduledBuilds(w)
		if errors.Is(err, store.ErrConflict) {
			return nil
		}
		return err
	})
	return next
}

// moveOn moves one run on by a step, unless its work panicked and rests.
func (a *Agent) moveOn(ctx context.Context, w *world, run *store.Run) (wait time.Duration, err error) {
	of := runWork(run)
	if struck := a.strikes.resting(of); struck != nil {
		return struck.wait(), a.restRun(w, run, struck)
	}
	err = contain.Do(of.name, func() (err error) {
		wait, err = a.step(ctx, w, run)
		return err
	})
	if p, panicked := err.(*contain.Panic); panicked {
		struck := a.struck(of, p)
		a.runStruck(run, struck)
		return struck.wait(), nil
	}
	return wait, err
}

// headOf is the newest commit that is known of a repository; empty if there is none.
func (a *Agent) headOf(repository string) (head string) {
	err := a.store.View(func(tx *store.Tx) error {
		s, err := tx.Repository(repository)
		if err == nil {
			head = s.Head
		}
		return err
	})
	if err != nil {
		a.storeFault(err)
	}
	return head
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
		err = sameHome(a.cfg(), cfg)
	}
	if err != nil {
		a.faults.set("configuration", fmt.Errorf("the old configuration stays in force: %w", err))
		a.log.Error("reloading: the old configuration stays in force", "err", err)
		return err
	}
	old := a.world.Load()
	w, err := a.newWorld(cfg, old)
	if err != nil {
		a.faults.set("configuration", fmt.Errorf("the old configuration stays in force: %w", err))
		return err
	}
	// Secrets of before stay secrets: old logs and applies that run still print them.
	a.hide(cfg.Secrets)
	a.world.Store(w)
	old.closeExcept(w)
	a.compared.forget()
	a.strikes.forget()
	a.lookAgain()
	a.faults.set("configuration", nil)
	a.installTools(a.work.context(), old)
	a.changes.tell()
	a.log.Info("configuration reloaded")
	return nil
}

// sameHome refuses what a running agent cannot change about itself.
func sameHome(old, now *config.Config) error {
	if old.DataDir != now.DataDir || old.Socket != now.Socket {
		return errors.New("data_dir and socket cannot change while the agent runs; restart it")
	}
	return nil
}
