// Package execute moves runs on, one step at a time: plan, ask, check once more, apply, follow. What may happen to a run is
// package lifecycle's to decide; here it is done, beside the loop where it is slow, and ends in one transition of the ledger.
package execute

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/asuser"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/engine"
	"sallyport/agent/engine/hook"
	"sallyport/agent/execute/hooks"
	"sallyport/agent/execute/origin"
	"sallyport/agent/execute/remind"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle"
	"sallyport/agent/runner"
	"sallyport/agent/source"
	"sallyport/agent/triggers"
	"sallyport/agent/workers"
	"sallyport/notify"
	"sallyport/store"
)

// Executor moves runs on: plan, gate, apply, follow.
type Executor struct {
	*hooks.Hooks
	reminders *remind.Reminders
	origins   *origin.Origins

	clocks       *clock.Clock
	health       *health.Health
	journal      *journal.Journal
	active       *active.Active
	ledger       *ledger.Ledger
	engines      *engine.Engines
	source       *source.Source
	compared     *triggers.Comparisons
	executable   string
	faults       *health.Faults
	log          *slog.Logger
	now          func() time.Time
	snapshotSoon func()
	spawn        runner.Spawner
	started      time.Time
	store        *store.Store
	strikes      *health.Strikes
	tight        *health.Tightness
	uptime       func() store.Uptime
	votes        voteReader
	work         *workers.Pool
	waits        waits // the loop's own
}

// Options are what executor works with.
type Options struct {
	Clocks       *clock.Clock
	Health       *health.Health
	Journal      *journal.Journal
	Active       *active.Active
	Ledger       *ledger.Ledger
	Engines      *engine.Engines
	Source       *source.Source
	Compared     *triggers.Comparisons
	Executable   string
	Faults       *health.Faults
	Log          *slog.Logger
	Now          func() time.Time
	SnapshotSoon func()
	Spawn        runner.Spawner // default: a process of its own
	Started      time.Time
	Store        *store.Store
	Strikes      *health.Strikes
	Tight        *health.Tightness
	Uptime       func() store.Uptime
	Votes        voteReader
	Work         *workers.Pool
}

// New makes what moves runs on.
func New(o Options) *Executor {
	return &Executor{
		Hooks: hooks.New(hooks.Options{
			Health: o.Health, Journal: o.Journal, Ledger: o.Ledger, Engines: o.Engines, Log: o.Log, Now: o.Now, Store: o.Store, Work: o.Work,
		}),
		reminders: remind.New(remind.Options{Health: o.Health, Journal: o.Journal, Ledger: o.Ledger, Now: o.Now}),
		origins:   origin.New(origin.Options{Health: o.Health, Store: o.Store}),

		clocks: o.Clocks, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger,
		engines: o.Engines, source: o.Source, compared: o.Compared, executable: o.Executable, faults: o.Faults,
		log: o.Log, now: o.Now, snapshotSoon: o.SnapshotSoon, spawn: o.Spawn, started: o.Started, store: o.Store,
		strikes: o.Strikes, tight: o.Tight, uptime: o.Uptime, votes: o.Votes, work: o.Work, waits: waits{},
	}
}

// refuseLarge ends a run whose plan destroys too much. The plan is kept, so that people see what it would have done.
func (e *Executor) refuseLarge(conf *active.Config, run *store.Run, result *ledger.PlanResult, why, hint string) error {
	plan := result.Plan
	err := e.journal.Update(func(tx *journal.Tx) error {
		if err := tx.PutPlanText(run.ID, result.Text); err != nil && !errors.Is(err, store.ErrTooLarge) {
			return err
		}
		_, err := e.ledger.Move(tx, conf, run, store.Move{From: store.Planning, To: store.Errored, Text: why}, func(r *store.Run) error {
			r.Plan, r.Error, r.Hint = &plan, why, hint
			r.Hear(result.Said, hook.BeforePlan, hook.AfterPlan)
			r.Warnings = append(r.Warnings, result.Warnings...)
			return nil
		})
		return err
	})
	return errors.Join(err, e.ledger.EndPlan(run, nil))
}

// notLookedUp says why nobody knows whether a run's stack is still there: the globs that may find it were not looked up since
// the start. Empty while that is only a matter of moments.
func (e *Executor) notLookedUp(repository string) (why, hint string) {
	cause := e.faults.Of(triggers.LookingFault(repository)).Error
	if cause == "" {
		cause = e.faults.Of("repository " + repository).Error
	}
	if cause == "" && e.now().Sub(e.started).Abs() < lifecycle.SlotPatience {
		return "", ""
	}
	why = "the stacks of repository " + repository + " were not looked up since the agent started"
	if cause != "" {
		why += ": " + notify.Cause(e.health.Redact(cause))
	}
	return why, "it goes on by itself once the repository can be read; see sallyport status"
}

// ExitLook is how soon it is looked at again whether a runner that has written its result is gone.
const ExitLook = 50 * time.Millisecond

// forgetLeftState notes that a state which an apply could not save was taken away by a person.
func forgetLeftState(j *journal.Journal, st *store.StackState) error {
	return j.Update(func(tx *journal.Tx) error {
		now, err := tx.Stack(st.Name)
		if err != nil || now.LeftState != st.LeftState {
			return err
		}
		now.LeftState = ""
		return tx.PutStack(now)
	})
}

// previewed ends a pull request's run with its plan. The plan file goes at once: nobody can ever apply it.
func (e *Executor) previewed(conf *active.Config, run *store.Run, result *ledger.PlanResult) error {
	return e.journal.Update(func(tx *journal.Tx) error {
		if err := tx.PutPlanText(run.ID, result.Text); err != nil && !errors.Is(err, store.ErrTooLarge) {
			return err // too large: plan.txt in the run's directory is kept instead
		}
		_, err := e.ledger.Move(tx, conf, run, store.Move{From: store.Planning, To: store.Previewed}, func(r *store.Run) error {
			plan := result.Plan
			r.Plan, r.Error, r.Hint, r.Notes = &plan, "", "", result.Notes
			r.Hear(result.Said, hook.BeforePlan, hook.AfterPlan)
			r.Warnings = append(r.Warnings, result.Warnings...)
			return nil
		})
		return err
	})
}

// planWork is what a worker does that plans a run.
func planWork(run *store.Run, s *config.Stack) string {
	if run.Kind == store.KindPullRequest {
		return workers.WorkPreview
	}
	return engine.WorkOn(s.Engine, workPlan)
}

// voteReader reads the approvals of a run once more where they were given, right before its apply. Package slackbot does it.
type voteReader interface {
	Reread(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) (held string, err error)
}

// usersKeptBack says why a run cannot get a user, if none of them will be free by itself.
func usersKeptBack(p *asuser.Pool) string {
	stuck := p.Stuck()
	if p.Size() == 0 || len(stuck) < p.Size() {
		return ""
	}
	return fmt.Sprintf("none of the %d users of terraform.user can be used: %v", p.Size(), stuck[0])
}
