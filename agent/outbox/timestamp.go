package outbox

import (
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/phrase"
	"sallyport/store"
)

// clockSkew is how far this machine's clock may be ahead of Slack's when a message is searched for that was first tried
// before the channel was ever read. All others are searched for from a message of Slack's own, see [lastHeard].
const clockSkew = 24 * time.Hour

// lastHeard is the newest message that was heard in a message's channel: what is sent from now on comes later. It is empty if
// the channel was not read yet. Slack's timestamps are Slack's; this machine's clock says nothing about them.
func lastHeard(tx *store.Tx, conf *active.Config, m *store.Message, run *store.Run) (string, error) {
	name := m.Channel
	if run != nil {
		name = active.ChannelOf(conf.Cfg, conf.Stack(run.Stack))
	} else if name == "" {
		name = conf.Cfg.Slack.Channel
	}
	kept := active.Identity{ID: name}
	if strings.HasPrefix(name, "#") {
		known, found, err := active.ChannelKey(name).Get(tx)
		if err != nil {
			return "", err
		}
		if found {
			kept = known
		}
	}
	cursor, _, err := CursorKey(kept.ID).Get(tx)
	return cursor.TS, err
}

// searchFrom is the ts from which a message is looked for whose sending may have got through.
func (ob *Outbox) searchFrom(m *store.Message) string {
	if m.After != "" {
		return m.After
	}
	created := m.CreatedAt
	if now := ob.now(); now.Before(created) {
		created = now // the clock was put back since
	}
	return phrase.SlackTime(created.Add(-clockSkew))
}

// ChannelCursor is how far a channel was read.
type ChannelCursor struct {
	TS string `json:"ts"`
	// Restored is when a copy of the store took over. A cursor of before that is not used: the copy does not know what
	// was obeyed after it was made, and a `resume` must not be obeyed twice.
	Restored time.Time `json:"restored,omitzero"`
	// Own is up to where our own messages are not compared with our history: from before there was this history, or
	// from before a person said that it is good as it is. Settled is when that was.
	Own     string    `json:"own,omitempty"`
	Settled time.Time `json:"settled,omitzero"`
}

// CursorKey keeps how far a channel was read.
func CursorKey(channel string) store.Key[ChannelCursor] {
	return store.Key[ChannelCursor]("slack/cursor/" + channel)
}
