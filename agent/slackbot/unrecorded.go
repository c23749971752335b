package slackbot

import (
	"context"
	"errors"
	"sync"

	"sallyport/agent/active"
	"sallyport/notify/slack"
	"sallyport/store"
)

// unrecorded are the messages whose authors were told that what they said could not be recorded. It is in memory: when
// this is needed, nothing can be stored.
type unrecorded struct {
	mu   sync.Mutex
	told map[string]bool
}

// notRecorded tells somebody, past the outbox, that what they said could not be recorded because there is no room, once. It is
// read again until there is. Other errors are none of its business.
func (a *Slackbot) notRecorded(ctx context.Context, w *active.Config, m slack.Message, thread string, cause error) {
	if !errors.Is(cause, store.ErrFull) {
		return
	}
	a.unrecorded.mu.Lock()
	known := a.unrecorded.told[m.TS]
	a.unrecorded.told[m.TS] = true
	a.unrecorded.mu.Unlock()
	if known {
		return
	}
	key := "unrecorded/" + m.TS
	_, found, err := w.Slack.FindText(ctx, m.Channel, thread, key, a.id, m.TS)
	if err == nil && !found {
		_, err = w.Slack.PostText(ctx, slack.Post{
			Channel: m.Channel, Thread: thread, Key: key, Agent: a.id,
			Text: "This is not recorded and does not count yet: the agent's disk is full. It is read again by itself and counts as soon as there is room; " +
				"nothing is planned or applied before.",
		})
	}
	if err != nil {
		a.log.Warn("telling that something was not recorded", "ts", m.TS, "err", err)
		if !slack.Unknown(err) {
			a.unrecorded.mu.Lock()
			delete(a.unrecorded.told, m.TS)
			a.unrecorded.mu.Unlock()
		}
	}
}
