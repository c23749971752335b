package slackbot

import (
	"testing"
	"time"

	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// A thread is dropped when our clock and Slack's agree that its run ended long ago: one that is dropped is never read again.
func TestThreadsAreDroppedByTwoClocks(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	ts := slacktest.FormatTS
	for name, c := range map[string]struct {
		run    store.Run
		thread store.Thread
		heard  time.Time // the newest message of the channel
		now    time.Time
		drops  bool
	}{
		"long ago by both": {
			store.Run{Status: store.Applied, EndedAt: at}, store.Thread{TS: ts(at)}, at.Add(25 * time.Hour), at.Add(25 * time.Hour), true,
		},
		"our clock was put ahead": {
			store.Run{Status: store.Applied, EndedAt: at}, store.Thread{TS: ts(at)}, at.Add(time.Minute), at.Add(26 * time.Hour), false,
		},
		"our clock was put back": {
			store.Run{Status: store.Applied, EndedAt: at}, store.Thread{TS: ts(at)}, at.Add(time.Minute), at.Add(-26 * time.Hour), false,
		},
		"somebody answered lately": {
			store.Run{Status: store.Applied, EndedAt: at}, store.Thread{TS: ts(at), LatestReply: ts(at.Add(20 * time.Hour))},
			at.Add(25 * time.Hour), at.Add(25 * time.Hour), false,
		},
		"it has not ended": {
			store.Run{Status: store.Planned}, store.Thread{TS: ts(at)}, at.Add(25 * time.Hour), at.Add(25 * time.Hour), false,
		},
		"the glass was broken, and nobody has looked": {
			store.Run{Status: store.Applied, EndedAt: at, BreakGlass: &store.BreakGlass{}}, store.Thread{TS: ts(at)},
			at.Add(25 * time.Hour), at.Add(25 * time.Hour), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if drops := quietSince(&c.run, c.now) && quietInSlack(&c.thread, ts(c.heard)); drops != c.drops {
				t.Errorf("dropped: %t", drops)
			}
		})
	}
}
