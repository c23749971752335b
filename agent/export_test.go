package agent

import (
	"context"
	"time"

	"sallyport/agent/api"
	"sallyport/agent/control"
	"sallyport/agent/pullrequests"
	"sallyport/notify/slack/socket"
	"sallyport/store"
)

// Trim forgets what is old as of now, which a running agent does every hour.
func (a *Agent) Trim(ctx context.Context, now time.Time) error { return a.housekeeper.Trim(ctx, now) }

// RecordedPoll is when the store saw a repository polled last.
func (a *Agent) RecordedPoll(repository string) (at time.Time) {
	_ = a.store.View(func(tx *store.Tx) error {
		r, err := tx.Repository(repository)
		if err == nil {
			at = r.PolledAt
		}
		return err
	})
	return at
}

// CommandLine is what the socket asks: here with whatever caller the test wants.
func (a *Agent) CommandLine() control.Operator { return api.Desktop{SocketAPI: a.socketAPI} }

// History is everything that was recorded, oldest first.
func (a *Agent) History() (events []store.Event, err error) {
	err = a.store.View(func(tx *store.Tx) (err error) {
		events, err = tx.Events(store.EventFilter{})
		return err
	})
	return events, err
}

// MaxPulls is how many open pull requests of a repository are planned.
const MaxPulls = pullrequests.MaxPulls

// Press is what somebody did in Slack, as its socket brings it.
func (a *Agent) Press(ctx context.Context, e socket.Event) (socket.Answer, error) {
	return a.slackbot.Pressed(ctx, e)
}
