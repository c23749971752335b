// Package window is the calendar of applies: when a window is open, what is frozen, and when that ends. Pure.
package window

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"sallyport/agent/config"
	"sallyport/agent/config/calendar"
	"sallyport/store"
)

// Closed says why a stack's plans are not applied now, and from when on they are.
type Closed struct {
	Why   string    // empty: the window is open
	Opens time.Time // zero: never, so far as anybody can see
}

// maxOpenings bounds the search for the next moment at which a window is open and nothing is frozen.
const maxOpenings = 1000

// At looks at a stack's windows and freezes.
func At(s *config.Stack, now time.Time) Closed {
	if s == nil {
		return Closed{}
	}
	frozen := FreezeAt(s, now)
	if frozen == nil && inWindow(s, now) {
		return Closed{}
	}
	c := Closed{Opens: opening(s, now)}
	what := "outside the apply window"
	if frozen != nil {
		what = "frozen"
	}
	c.Why = what + " until " + c.until(s)
	if frozen != nil && frozen.Reason != "" {
		c.Why += ": " + frozen.Reason
	}
	return c
}

// until is when it opens, in the zone of whoever wrote the window.
func (c Closed) until(s *config.Stack) string {
	if c.Opens.IsZero() {
		return "further notice (no window opens outside a freeze)"
	}
	zone := time.UTC
	if len(s.Freezes) > 0 {
		zone = s.Freezes[0].From.Location()
	}
	for _, w := range s.ApplyWindows {
		if spec, ok := scheduleOf(w).(*cron.SpecSchedule); ok && spec.Location != time.Local {
			zone = spec.Location
		}
	}
	text := c.Opens.In(zone).Format("2006-01-02 15:04 MST")
	if name := zone.String(); name != "UTC" && name != "Local" && !strings.HasSuffix(text, " "+name) {
		text += " (" + name + ")"
	}
	return text
}

// FreezeAt is the freeze of a moment that ends last; nil if there is none.
func FreezeAt(s *config.Stack, t time.Time) *calendar.Freeze {
	var found *calendar.Freeze
	for i, f := range s.Freezes {
		if !t.Before(f.From) && t.Before(f.To) && (found == nil || f.To.After(found.To)) {
			found = &s.Freezes[i]
		}
	}
	return found
}

// inWindow reports whether a window is open at a moment. A stack without windows has them open always.
func inWindow(s *config.Stack, t time.Time) bool {
	for _, w := range s.ApplyWindows {
		if opened := scheduleOf(w).Next(t.Add(-w.Duration)); !opened.IsZero() && !opened.After(t) {
			return true
		}
	}
	return len(s.ApplyWindows) == 0
}

// opening is the first moment from now on at which a window is open and nothing is frozen; zero if none is found.
func opening(s *config.Stack, now time.Time) time.Time {
	t := now
	for range maxOpenings {
		if f := FreezeAt(s, t); f != nil {
			t = f.To
			continue
		}
		if inWindow(s, t) {
			return t
		}
		var next time.Time
		for _, w := range s.ApplyWindows {
			if at := scheduleOf(w).Next(t); !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		if next.IsZero() {
			break
		}
		t = next
	}
	return time.Time{}
}

// scheduleOf parses what the configuration has checked.
func scheduleOf(w calendar.Window) cron.Schedule {
	schedule, err := calendar.ParseSchedule(w.Schedule)
	if err != nil {
		return noTimes{}
	}
	return schedule
}

// noTimes is a schedule that names no time.
type noTimes struct{}

func (noTimes) Next(time.Time) time.Time { return time.Time{} }

// For is [At] for one run. A person's `recover`, and what takes over from it, waits for no window: it brings nothing
// new, and what is gone is missed at any hour. One that replaces what is there does bring something, and waits; so does what
// the agent asks for by itself, since nobody said that it cannot wait.
func For(run *store.Run, s *config.Stack, now time.Time) Closed {
	asked := run.Kind == store.KindManual || run.Kind == store.KindRecovery
	if asked && run.AtApplied && len(run.Options.Replace) == 0 {
		return Closed{}
	}
	return At(s, now)
}
