// Package outbox delivers what there is to say: to Slack, to the sites that host repositories, to the receivers of notify blocks, to
// the log. Each message lies in
// the store until it is known to have arrived; one whose delivery is unknown is looked for before it is sent again.
package outbox

import (
	"log/slog"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/clock"
	"sallyport/agent/engine"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/store"
)

// Outbox delivers what there is to say: to Slack, to the sites that host repositories, to the log.
type Outbox struct {
	clocks  *clock.Clock
	health  *health.Health
	journal *journal.Journal
	active  *active.Active
	ledger  *ledger.Ledger
	engines *engine.Engines
	changes *bell.Broadcast
	epoch   string
	faults  *health.Faults
	id      string
	log     *slog.Logger
	notices func(text string)
	now     func() time.Time
	store   *store.Store
	sending chan struct{} // holds a token of who delivers: one at a time, since order matters to people
}

// Options are what outbox works with.
type Options struct {
	Clocks  *clock.Clock
	Health  *health.Health
	Journal *journal.Journal
	Active  *active.Active
	Ledger  *ledger.Ledger
	Engines *engine.Engines
	Changes *bell.Broadcast
	Epoch   string
	Faults  *health.Faults
	ID      string
	Log     *slog.Logger
	Notices func(text string)
	Now     func() time.Time
	Store   *store.Store
}

// New makes the outbox of a store.
func New(o Options) *Outbox {
	return &Outbox{
		clocks: o.Clocks, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger,
		engines: o.Engines, changes: o.Changes, epoch: o.Epoch, faults: o.Faults, id: o.ID, log: o.Log,
		notices: o.Notices, now: o.Now, store: o.Store, sending: make(chan struct{}, 1),
	}
}
