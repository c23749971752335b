// Package triggers makes runs: of new commits, of dependencies that were applied, of drift, of the schedules of images. It
// compares what the store has recorded with what git says, so that what is missed once is found at the next look.
package triggers

import (
	"log/slog"
	"sync"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/engine"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/workers"
	"sallyport/store"
)

// Triggers make runs: of commits, of changed dependencies, of drift, of schedules of images.
type Triggers struct {
	health      *health.Health
	journal     *journal.Journal
	active      *active.Active
	ledger      *ledger.Ledger
	engines     *engine.Engines
	compared    *Comparisons
	faults      *health.Faults
	id          string
	log         *slog.Logger
	now         func() time.Time
	store       *store.Store
	strikes     *health.Strikes
	tight       *health.Tightness
	work        *workers.Pool
	driftNext   time.Time // of the next look at drift schedules, and by which configuration; the loop's own
	driftConfig *active.Config
	seen        map[string]*seen // by stack; the loop's own
}

// Options are what triggers works with.
type Options struct {
	Health   *health.Health
	Journal  *journal.Journal
	Active   *active.Active
	Ledger   *ledger.Ledger
	Engines  *engine.Engines
	Compared *Comparisons
	Faults   *health.Faults
	ID       string
	Log      *slog.Logger
	Now      func() time.Time
	Store    *store.Store
	Strikes  *health.Strikes
	Tight    *health.Tightness
	Work     *workers.Pool
}

// New makes what makes runs.
func New(o Options) *Triggers {
	return &Triggers{
		health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, engines: o.Engines,
		compared: o.Compared, faults: o.Faults, id: o.ID, log: o.Log, now: o.Now, store: o.Store,
		strikes: o.Strikes, tight: o.Tight, work: o.Work, seen: map[string]*seen{},
	}
}

// Comparisons is what discover has looked at already, by stack: it saves reading git at each pass. A restart compares
// everything once more.
type Comparisons struct {
	mu    sync.Mutex
	keys  map[string]string // everything the last comparison depended on
	heads map[string]string // the head it was made with
}

// NewComparisons begins with nothing compared.
func NewComparisons() *Comparisons {
	return &Comparisons{keys: map[string]string{}, heads: map[string]string{}}
}

// done reports whether exactly this comparison was made already.
func (c *Comparisons) done(stack, key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys[stack] == key
}

// With reports whether a stack was compared with a head.
func (c *Comparisons) With(stack, head string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heads[stack] == head
}

func (c *Comparisons) record(stack, key, head string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys[stack], c.heads[stack] = key, head
}

// Forget has every stack compared again.
func (c *Comparisons) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.keys)
	clear(c.heads)
}
