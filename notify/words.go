package notify

import (
	"fmt"
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

// Words that cards, statuses and reasons share, so that the same thing is called the same everywhere.

// FirstSeen is the reason of a stack's first run.
const FirstSeen = "seen for the first time"

// MaxCause bounds the first line of an error, in characters.
const MaxCause = 300

// Cause is what an error says first, which is why; `show` has all of it.
func Cause(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return words.Cut(first, MaxCause)
}

// Paused says who holds an agent or a stack, since when and why.
func Paused(p *store.Pause) string {
	text := fmt.Sprintf("by %s since %s", p.By, words.Instant(p.At))
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
	return fmt.Sprintf("the repository cannot be read since %s: %s", words.Instant(r.ErrorAt), r.Error)
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

// GoesAhead begins the warning on a run that a person asked for and that does not wait for what others would.
const GoesAhead = "this goes ahead; "

// ToDo is the part of a hold's hint that asks somebody for something: none of one that ends by itself.
func ToDo(hint string) string {
	if strings.HasPrefix(hint, "it goes on by itself") {
		return ""
	}
	return hint
}

// OnceSaid is an error without the line that sums it up where terraform's own words for it follow, which say all of that again.
func OnceSaid(text string) string {
	if _, own, follows := strings.Cut(text, "\n\n"); follows && strings.HasPrefix(own, "Error: ") {
		return own
	}
	return text
}
