package notify

import (
	"fmt"
	"strings"
	"time"

	"sallyport/notify/words"
	"sallyport/store"
)

// Words that cards, statuses and reasons share, so that the same thing is called the same everywhere.

// FirstSeen is the reason of a stack's first run.
const FirstSeen = "seen for the first time"

// Instant is a moment as people read it, to the minute.
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// Duration is a duration in hours and minutes, a minute at the least.
func Duration(d time.Duration) string {
	minutes := max(1, int(d.Round(time.Minute).Minutes()))
	switch {
	case minutes < 60:
		return words.Count(minutes, "minute")
	case minutes%60 == 0:
		return words.Count(minutes/60, "hour")
	}
	return words.Count(minutes/60, "hour") + " " + words.Count(minutes%60, "minute")
}

// Age is about how long something lasts: days, or hours and minutes if it is less than two.
func Age(d time.Duration) string {
	if days := int(d.Hours() / 24); days > 1 {
		return words.Count(days, "day")
	}
	return Duration(d.Truncate(time.Minute))
}

// MaxCause bounds the first line of an error, in characters.
const MaxCause = 300

// Cause is what an error says first, which is why; `show` has all of it.
func Cause(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return words.Cut(first, MaxCause)
}

// Paused says who holds an agent or a stack, since when and why.
func Paused(p *store.Pause) string {
	text := fmt.Sprintf("by %s since %s", p.By, Instant(p.At))
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

// Unreadable says why and since when a repository cannot be read; empty when it can.
func Unreadable(r *store.RepositoryState) string {
	if r.Error == "" {
		return ""
	}
	return fmt.Sprintf("the repository cannot be read since %s: %s", Instant(r.ErrorAt), r.Error)
}

// Drifted says what a drift check found; empty if everything is as it was applied.
func Drifted(d *store.Drift) string {
	var parts []string
	for _, part := range []struct {
		n     int
		words string
	}{{d.Gone, "gone"}, {d.Changed, "changed outside"}, {d.Config, "to change by configuration"}, {d.Outputs, "other in outputs"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.words))
		}
	}
	return strings.Join(parts, ", ")
}
