// Package source finds out what the newest commit of each repository is, and whether it can be trusted: a branch whose history
// was rewritten, or whose new commits nobody signed or reviewed, is held until a person accepts it.
package source

import (
	"log/slog"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/clock"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/store"
)

// Source finds the newest commit of each repository, and whether it is trusted.
type Source struct {
	clocks  *clock.Clock
	health  *health.Health
	journal *journal.Journal
	active  *active.Active
	ledger  *ledger.Ledger
	changes *bell.Broadcast
	faults  *health.Faults
	jitter  func() float64
	log     *slog.Logger
	now     func() time.Time
	polls   *active.PollTimes
	store   *store.Store
}

// Options are what source works with.
type Options struct {
	Clocks  *clock.Clock
	Health  *health.Health
	Journal *journal.Journal
	Active  *active.Active
	Ledger  *ledger.Ledger
	Changes *bell.Broadcast
	Faults  *health.Faults
	Jitter  func() float64
	Log     *slog.Logger
	Now     func() time.Time
	Polls   *active.PollTimes
	Store   *store.Store
}

// New makes what looks for new commits.
func New(o Options) *Source {
	return &Source{
		clocks: o.Clocks, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger,
		changes: o.Changes, faults: o.Faults, jitter: o.Jitter, log: o.Log, now: o.Now, polls: o.Polls,
		store: o.Store,
	}
}
