package housekeeping

import (
	"testing"
	"time"
)

// Records are not old because this machine's clock is ahead: Slack's says so, too, or nothing of theirs is forgotten.
func TestAgesAreCountedByTwoClocks(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	for name, c := range map[string]struct{ now, heard, want time.Time }{
		"somebody spoke just now":         {at, at.Add(-time.Minute), at},
		"nobody has spoken for some days": {at, at.Add(-6 * day), at},
		"the clock is a year ahead":       {at.Add(year), at, at.Add(7 * day)},
		"the clock is behind":             {at.Add(-year), at, at.Add(-year)},
		"there is no Slack":               {at, time.Time{}, at},
	} {
		if got := asOf(c.now, c.heard); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
