// Package pullrequests finds out which pull requests are open, which stacks they touch, and whose are planned without asking.
// A plan of one is a preview: nothing of it is ever applied.
package pullrequests

import (
	"log/slog"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/operator"
	"sallyport/agent/source"
	"sallyport/agent/workers"
	"sallyport/store"
)

// Pullwatch finds out which pull requests are open, and whose are planned.
type Pullwatch struct {
	health   *health.Health
	journal  *journal.Journal
	active   *active.Active
	ledger   *ledger.Ledger
	source   *source.Source
	operator *operator.Operator
	faults   *health.Faults
	log      *slog.Logger
	now      func() time.Time
	store    *store.Store
	work     *workers.Pool
}

// Options are what pullwatch works with.
type Options struct {
	Health   *health.Health
	Journal  *journal.Journal
	Active   *active.Active
	Ledger   *ledger.Ledger
	Source   *source.Source
	Operator *operator.Operator
	Faults   *health.Faults
	Log      *slog.Logger
	Now      func() time.Time
	Store    *store.Store
	Work     *workers.Pool
}

// New makes the watch over pull requests.
func New(o Options) *Pullwatch {
	return &Pullwatch{
		health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, source: o.Source,
		operator: o.Operator, faults: o.Faults, log: o.Log, now: o.Now, store: o.Store, work: o.Work,
	}
}
