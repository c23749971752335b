package agent

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"sallyport/agent/config"
	"sallyport/store"
)

// closed says why a stack's plans are not applied now, and from when on they are.
type closed struct {
	why   string    // empty: the window is open
	opens time.Time // zero: never, so far as anybody can see
}

// maxOpenings bounds the search for the next moment at which a window is open and nothing is frozen.
const maxOpenings = 1000

// shut looks at a stack's windows and freezes.
func shut(s *config.Stack, now time.Time) closed {
	if s == nil {
		return closed{}
	}
	frozen := freezeAt(s, now)
	if frozen == nil && inWindow(s, now) {
		return closed{}
	}
	c := closed{opens: opening(s, now)}
	what := "outside the apply window"
	if frozen != nil {
		what = "frozen"
	}
	c.why = what + " until " + c.until(s)
	if frozen != nil && frozen.Reason != "" {
		c.why += ": " + frozen.Reason
	}
	return c
}

// until is when it opens, in the zone of whoever wrote the window.
func (c closed) until(s *config.Stack) string {
	if c.opens.IsZero() {
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
	return c.opens.In(zone).Format("2006-01-02 15:04 MST")
}

// freezeAt is the freeze of a moment that ends last; nil if there is none.
func freezeAt(s *config.Stack, t time.Time) *config.Freeze {
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
		if f := freezeAt(s, t); f != nil {
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

// shutFor is shut for one run. A person's `recover`, and what takes over from it, waits for no window: it brings nothing
// new, and what is gone is missed at any hour. One that replaces what is there does bring something, and waits; so does what
// the agent asks for by itself, since nobody said that it cannot wait.
func (a *Agent) shutFor(run *store.Run, s *config.Stack) closed {
	asked := run.Kind == store.KindManual || run.Kind == store.KindRecovery
	if asked && run.AtApplied && len(run.Options.Replace) == 0 {
		return closed{}
	}
	return shut(s, a.now())
}

// keptOut says that and why a run waits for a window, what becomes of its plan until then, and when to look again.
func (a *Agent) keptOut(run *store.Run, s *config.Stack) (why, hint string, wait time.Duration) {
	c := a.shutFor(run, s)
	if c.why == "" {
		return "", "", 0
	}
	why = c.why
	if a.tooLate(run, c) {
		why += fmt.Sprintf("; this plan expires before that, at %s, so another one will have to be approved then", run.ExpiresAt.UTC().Format("2006-01-02 15:04 MST"))
		hint = "a longer plan_ttl lets a plan wait for the window; what must not wait: sallyport recover " + run.Stack
	}
	if wait = idlePass; !c.opens.IsZero() {
		wait = min(wait, max(time.Second, c.opens.Sub(a.now())))
	}
	return why, hint, wait
}

// tooLate reports whether a plan's time is over before the window opens.
func (a *Agent) tooLate(run *store.Run, c closed) bool {
	return !run.ExpiresAt.IsZero() && (c.opens.IsZero() || !c.opens.Before(run.ExpiresAt))
}

// waitsForWindow is what a person who approves outside the window is told, and so is everybody in the thread; empty inside it.
func (a *Agent) waitsForWindow(tx *store.Tx, run *store.Run, s *config.Stack) (string, error) {
	why, _, _ := a.keptOut(run, s)
	if why == "" || run.Status != store.Approved {
		return "", nil
	}
	text := fmt.Sprintf("The approval counts and waits: %s.", why)
	return " " + text, a.say(tx, run, store.MessageReply, "window", text)
}
