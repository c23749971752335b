package lifecycle

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"sallyport/agent/config"
	"sallyport/store"
)

// Closed says why a stack's plans are not applied now, and from when on they are.
type Closed struct {
	Why   string    // empty: the window is open
	Opens time.Time // zero: never, so far as anybody can see
}

// windowLook is how often a closed window is looked at again at least: nothing wakes anybody when it opens.
const windowLook = 30 * time.Second

// maxOpenings bounds the search for the next moment at which a window is open and nothing is frozen.
const maxOpenings = 1000

// WindowClosed looks at a stack's windows and freezes.
func WindowClosed(s *config.Stack, now time.Time) Closed {
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
	return c.Opens.In(zone).Format("2006-01-02 15:04 MST")
}

// FreezeAt is the freeze of a moment that ends last; nil if there is none.
func FreezeAt(s *config.Stack, t time.Time) *config.Freeze {
	var found *config.Freeze
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
func scheduleOf(w config.Window) cron.Schedule {
	schedule, err := config.ParseSchedule(w.Schedule)
	if err != nil {
		return noTimes{}
	}
	return schedule
}

// noTimes is a schedule that names no time.
type noTimes struct{}

func (noTimes) Next(time.Time) time.Time { return time.Time{} }

// WindowClosedFor is WindowClosed for one run. A person's `recover`, and what takes over from it, waits for no window: it brings nothing
// new, and what is gone is missed at any hour. One that replaces what is there does bring something, and waits; so does what
// the agent asks for by itself, since nobody said that it cannot wait.
func WindowClosedFor(run *store.Run, s *config.Stack, now time.Time) Closed {
	asked := run.Kind == store.KindManual || run.Kind == store.KindRecovery
	if asked && run.AtApplied && len(run.Options.Replace) == 0 {
		return Closed{}
	}
	return WindowClosed(s, now)
}

// WaitsForWindow says that and why a run waits for a window, what becomes of its plan until then, and when to look again.
func WaitsForWindow(run *store.Run, s *config.Stack, now time.Time) Reason {
	c := WindowClosedFor(run, s, now)
	if c.Why == "" {
		return Reason{}
	}
	out := Reason{Why: c.Why, Recheck: windowLook}
	if tooLate(run, c) {
		out.Why += fmt.Sprintf("; this plan expires before that, at %s, so another one will have to be approved then", run.ExpiresAt.UTC().Format("2006-01-02 15:04 MST"))
		out.Hint = "a longer plan_ttl lets a plan wait for the window; what must not wait: sallyport recover " + run.Stack
	}
	if !c.Opens.IsZero() {
		out.Recheck = min(windowLook, max(time.Second, c.Opens.Sub(now)))
	}
	return out
}

// tooLate reports whether a plan's time is over before the window opens.
func tooLate(run *store.Run, c Closed) bool {
	return !run.ExpiresAt.IsZero() && (c.Opens.IsZero() || !c.Opens.Before(run.ExpiresAt))
}
