// Package errands is what a person has done to the state of a stack, from a shell or from Slack: a lock is forced open, a state
// that an apply could not save is pushed, a kept copy is restored, a state is moved to another name or migrated to another
// backend, a command of terraform's is run.
//
// An errand is one at a time for a stack, and none while an apply of it is at work. It works in a checkout that is made for it
// and removed again, and goes on when the person goes away; only a command of terraform's ends with them. One that lasts, or
// changes what plans are made on, occupies its stack: that is in the store, and ends with the agent that did it ([Errands.UnlockAll]).
package errands

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/engine"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/workers"
	"sallyport/store"
)

// Errands does to states what people order.
type Errands struct {
	health  *health.Health
	journal *journal.Journal
	active  *active.Active
	ledger  *ledger.Ledger
	engines *engine.Engines
	epoch   string
	freshen func(ctx context.Context, stack string)
	log     *slog.Logger
	now     func() time.Time
	store   *store.Store
	work    *workers.Pool
}

// Options are what errands work with.
type Options struct {
	Health  *health.Health
	Journal *journal.Journal
	Active  *active.Active
	Ledger  *ledger.Ledger
	Engines *engine.Engines
	Epoch   string
	Freshen func(ctx context.Context, stack string) // asks git for the newest commit of a stack's branch
	Log     *slog.Logger
	Now     func() time.Time
	Store   *store.Store
	Work    *workers.Pool
}

// New makes what goes on errands.
func New(o Options) *Errands {
	return &Errands{
		health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, engines: o.Engines, epoch: o.Epoch,
		freshen: o.Freshen, log: o.Log, now: o.Now, store: o.Store, work: o.Work,
	}
}

// errCutOff is the end of an errand that did not come to its own.
var errCutOff = errors.New("it was cut off by a fault in sallyport itself, which the agent's log tells")

// NotForImages refuses for an image what only Terraform's stacks know. A build has no state in which there is anything to
// replace or destroy.
func NotForImages(s *config.Stack, what string) error {
	if s.Engine != config.EnginePacker || what == "" {
		return nil
	}
	return control.Errorf(control.Usage, "%s is an image, which knows no %s", s.Name, what).
		WithHint("sallyport plan %s plans its next build", s.Name)
}

// LentAt is what a repair that nobody chose the commit of may have there: what only an apply gets, once an apply of the commit was
// approved. That it counts as applied is not enough: a plan that found nothing to do was approved by nobody, and what another name of the
// stack or another directory had applied was other files. A plan of it has held the state lock with what plans have, which is enough to
// let go of it.
func LentAt(tx *store.Tx, st *store.StackState, commit string) (engine.Lent, error) {
	for _, id := range []int{st.AppliedRun, st.LastApply} {
		run, err := approved(tx, st, id)
		if err != nil {
			return engine.LentForPlan, err
		}
		if run != nil && run.Commit == commit {
			return engine.LentForApply, nil
		}
	}
	return engine.LentForPlan, nil
}

// approved is a run of the stack as it is now whose apply was approved; nil if that is none.
func approved(tx *store.Tx, st *store.StackState, id int) (*store.Run, error) {
	if id <= st.Moved {
		return nil, nil
	}
	run, err := store.Found(tx.Run(id))
	if err != nil || run == nil || run.Apply == nil || run.Commit == "" || run.Stack != st.Name {
		return nil, err
	}
	return run, nil
}
