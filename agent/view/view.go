// Package view looks at everything that is shown of this agent: what the store says, and what only the process knows.
package view

import (
	"fmt"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/control"
	"sallyport/agent/health"
	"sallyport/notify/words"
	"sallyport/store"
)

// Viewer looks at everything that is shown of this agent.
type Viewer struct {
	health  *health.Health
	faults  *health.Faults
	id      string
	now     func() time.Time
	polls   *active.PollTimes
	started time.Time
	store   *store.Store
	version string
	socket  func() *control.SlackSocket
}

// Options are what viewer works with.
type Options struct {
	Health  *health.Health
	Faults  *health.Faults
	ID      string
	Now     func() time.Time
	Polls   *active.PollTimes
	Started time.Time
	Store   *store.Store
	Version string
}

// New makes the view of an agent.
func New(o Options) *Viewer {
	return &Viewer{health: o.Health, faults: o.Faults, id: o.ID, now: o.Now, polls: o.Polls, started: o.Started, store: o.Store, version: o.Version}
}

// ShowSocket has the websocket to Slack shown, which is a room's above this one.
func (v *Viewer) ShowSocket(of func() *control.SlackSocket) { v.socket = of }

// AfterStop says in words what becomes of the runs that are under way when the agent stops.
func (v *Viewer) AfterStop() string {
	var plans, applies []string
	err := v.store.View(func(tx *store.Tx) error {
		open, err := tx.OpenRuns()
		for _, r := range open {
			name := fmt.Sprintf("#%d %s", r.ID, r.Stack)
			switch r.Status {
			case store.Planning:
				plans = append(plans, name)
			case store.Applying:
				applies = append(applies, name)
			}
		}
		return err
	})
	if err != nil {
		return "what is applying goes on by itself, and the next agent tells how it ended"
	}
	text := "nothing is being planned or applied"
	if len(applies) > 0 {
		text = fmt.Sprintf("the apply of %s goes on without the agent, and the next one tells how it ended", words.List(applies, 5))
	}
	if len(plans) > 0 {
		text += fmt.Sprintf("; the plan of %s is interrupted and made again by the next agent", words.List(plans, 5))
	}
	return text
}
