package agent

import (
	"strconv"
	"strings"
	"time"

	"sallyport/notify/slack"
	"sallyport/store"
)

// clockSkew is how far this machine's clock may be ahead of Slack's when a message is searched for that was first tried
// before the channel was ever read. All others are searched for from a message of Slack's own, see [Agent.lastHeard].
const clockSkew = 24 * time.Hour

// slackTime is a time as Slack writes it in a ts.
func slackTime(t time.Time) string {
	return strconv.FormatInt(t.Unix(), 10) + ".000000"
}

// timeOf reads a ts as a time; ts are compared as text, never as numbers with a fraction.
func timeOf(ts string) time.Time {
	seconds, micros, _ := strings.Cut(ts, ".")
	s, _ := strconv.ParseInt(seconds, 10, 64)
	us, _ := strconv.ParseInt((micros + "000000")[:6], 10, 64)
	return time.Unix(s, us*1000).UTC()
}

// laterTS reports whether ts a is after b.
func laterTS(a, b string) bool { return slack.CompareTS(a, b) > 0 }

// lastHeard is the newest message that was heard in a message's channel: what is sent from now on comes later. It is empty if
// the channel was not read yet. Slack's timestamps are Slack's; this machine's clock says nothing about them.
func (a *outbox) lastHeard(w *world, m *store.Message, run *store.Run) (string, error) {
	name := m.Channel
	if run != nil {
		name = channelOf(w.cfg, w.stack(run.Stack))
	} else if name == "" {
		name = w.cfg.Slack.Channel
	}
	kept, cursor := identity{ID: name}, channelCursor{}
	err := a.store.View(func(tx *store.Tx) error {
		if strings.HasPrefix(name, "#") {
			if _, err := tx.Setting(channelKey(name), &kept); err != nil {
				return err
			}
		}
		_, err := tx.Setting(cursorKey(kept.ID), &cursor)
		return err
	})
	return cursor.TS, err
}

// searchFrom is the ts from which a message is looked for whose sending may have got through.
func (a *outbox) searchFrom(m *store.Message) string {
	if m.After != "" {
		return m.After
	}
	created := m.CreatedAt
	if now := a.now(); now.Before(created) {
		created = now // the clock was put back since
	}
	return slackTime(created.Add(-clockSkew))
}
