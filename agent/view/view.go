// Package view looks at everything that is shown of this agent: what the store says, and what only the process knows.
package view

import (
	"time"

	"sallyport/agent/active"
	"sallyport/agent/health"
	"sallyport/store"
)

// Viewer looks at everything that is shown of this agent.
type Viewer struct {
	health  *health.Health
	faults  *health.Faults
	id      string
	now     func() time.Time
	people  *active.People
	started time.Time
	store   *store.Store
	version string
}

// Options are what viewer works with.
type Options struct {
	Health  *health.Health
	Faults  *health.Faults
	ID      string
	Now     func() time.Time
	People  *active.People
	Started time.Time
	Store   *store.Store
	Version string
}

// New makes the view of an agent.
func New(o Options) *Viewer {
	return &Viewer{health: o.Health, faults: o.Faults, id: o.ID, now: o.Now, people: o.People, started: o.Started, store: o.Store, version: o.Version}
}
