package outbox

import (
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/phrase"
	"sallyport/store"
)

// clockSkew is how far this machine's clock may be ahead of Slack's when a message is searched for that was first tried
// before the channel was ever read. All others are searched for from a message of Slack's own, see [Outbox.lastHeard].
const clockSkew = 24 * time.Hour

// lastHeard is the newest message that was heard in a message's channel: what is sent from now on comes later. It is empty if
// the channel was not read yet. Slack's timestamps are Slack's; this machine's clock says nothing about them.
func (a *Outbox) lastHeard(w *active.Config, m *store.Message, run *store.Run) (string, error) {
	name := m.Channel
	if run != nil {
		name = active.ChannelOf(w.Cfg, w.Stack(run.Stack))
	} else if name == "" {
		name = w.Cfg.Slack.Channel
	}
	kept, cursor := active.Identity{ID: name}, ChannelCursor{}
	err := a.store.View(func(tx *store.Tx) error {
		if strings.HasPrefix(name, "#") {
			if _, err := tx.Setting(active.ChannelKey(name), &kept); err != nil {
				return err
			}
		}
		_, err := tx.Setting(CursorKey(kept.ID), &cursor)
		return err
	})
	return cursor.TS, err
}

// searchFrom is the ts from which a message is looked for whose sending may have got through.
func (a *Outbox) searchFrom(m *store.Message) string {
	if m.After != "" {
		return m.After
	}
	created := m.CreatedAt
	if now := a.now(); now.Before(created) {
		created = now // the clock was put back since
	}
	return phrase.SlackTime(created.Add(-clockSkew))
}
