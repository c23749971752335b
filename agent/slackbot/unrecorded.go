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
func (sb *Slackbot) notRecorded(ctx context.Context, conf *active.Config, m slack.Message, thread string, cause error) {
	if !errors.Is(cause, store.ErrFull) {
		return
	}
	sb.unrecorded.mu.Lock()
	known := sb.unrecorded.told[m.TS]
	sb.unrecorded.told[m.TS] = true
	sb.unrecorded.mu.Unlock()
	if known {
		return
	}
	key := "unrecorded/" + m.TS
	_, found, err := conf.Slack.FindText(ctx, m.Channel, thread, key, sb.id, m.TS)
	if err == nil && !found {
		_, err = conf.Slack.PostText(ctx, slack.Post{
			Channel: m.Channel, Thread: thread, Key: key, Agent: sb.id,
			Text: "This is not recorded and does not count yet: the agent's disk is full. It is read again by itself and counts as soon as there is room; " +
				"nothing is planned or applied before.",
		})
	}
	if err != nil {
		sb.log.Warn("telling that something was not recorded", "ts", m.TS, "err", err)
		if !slack.Unknown(err) {
			sb.unrecorded.mu.Lock()
			delete(sb.unrecorded.told, m.TS)
			sb.unrecorded.mu.Unlock()
		}
	}
}
