// Package housekeeping keeps the data directory: what old runs leave, snapshots, backups, room on the disk, the line of each
// day, and what a crash left behind.
package housekeeping

import (
	"log/slog"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/engine"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/operator"
	"sallyport/agent/rescue"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/view"
	"sallyport/agent/workers"
	"sallyport/store"
)

// Housekeeper keeps the data directory: retention, snapshots, backups, room, and what a crash left.
type Housekeeper struct {
	health    *health.Health
	journal   *journal.Journal
	active    *active.Active
	ledger    *ledger.Ledger
	engines   *engine.Engines
	viewer    *view.Viewer
	operator  *operator.Operator
	changes   *bell.Broadcast
	ended     *ledger.EndedRuns
	checker   rescue.Checker
	cache     *cache.Cache
	faults    *health.Faults
	log       *slog.Logger
	now       func() time.Time
	room      func(dir string) (Room, error)
	snapshots *Snapshots
	store     *store.Store
	tight     *health.Tightness
	work      *workers.Pool
	toAdopt   []int // applies that the store does not know yet; the loop's own
}

// Options are what housekeeper works with.
type Options struct {
	Health    *health.Health
	Journal   *journal.Journal
	Active    *active.Active
	Ledger    *ledger.Ledger
	Engines   *engine.Engines
	Viewer    *view.Viewer
	Operator  *operator.Operator
	Changes   *bell.Broadcast
	Ended     *ledger.EndedRuns
	Checker   rescue.Checker
	Cache     *cache.Cache
	Faults    *health.Faults
	Log       *slog.Logger
	Now       func() time.Time
	Room      func(dir string) (Room, error)
	Snapshots *Snapshots
	Store     *store.Store
	Tight     *health.Tightness
	Work      *workers.Pool
}

// New makes the keeper of a data directory.
func New(o Options) *Housekeeper {
	return &Housekeeper{
		health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, engines: o.Engines,
		viewer: o.Viewer, operator: o.Operator, changes: o.Changes, ended: o.Ended, checker: o.Checker, cache: o.Cache,
		faults: o.Faults, log: o.Log, now: o.Now, room: o.Room, snapshots: o.Snapshots, store: o.Store,
		tight: o.Tight, work: o.Work,
	}
}
