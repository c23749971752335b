package page

import (
	"time"

	"sallyport/store"
)

// State is a word with a colour. Class is one of good, bad, wait, work and done (which is over and of no interest); empty is plain.
type State struct{ Word, Class string }

// StateOf is the state of a run.
func StateOf(s store.Status) State {
	out := State{Word: string(s)}
	switch s {
	case store.Planned, store.Approved:
		out.Class = "wait"
	case store.Pending, store.Planning, store.Applying:
		out.Class = "work"
	case store.Applied, store.NoChanges, store.Previewed:
		out.Class = "good"
	case store.Errored, store.Interrupted:
		out.Class = "bad"
	default:
		out.Class = "done"
	}
	if s == store.NoChanges {
		out.Word = "no changes"
	}
	return out
}

// Moment is a time as people and as machines read it; without a text there is none.
type Moment struct{ Text, Machine string }

// MomentOf is a time in the zone of another one, which is the reader's; nothing for nil.
func MomentOf(t *time.Time, now time.Time) Moment {
	if t == nil || t.IsZero() {
		return Moment{}
	}
	return Moment{Text: t.In(now.Location()).Format("2006-01-02 15:04:05 MST"), Machine: t.UTC().Format(time.RFC3339)}
}
