package lifecycle

import (
	"fmt"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle/window"
	"sallyport/store"
)

// windowLook is how often a closed window is looked at again at least: nothing wakes anybody when it opens.
const windowLook = 30 * time.Second

// WaitsForWindow says that and why a run waits for a window, what becomes of its plan until then, and when to look again.
func WaitsForWindow(run *store.Run, s *config.Stack, now time.Time) Reason {
	c := window.For(run, s, now)
	if c.Why == "" {
		return Reason{}
	}
	out := Reason{Why: c.Why, Recheck: windowLook}
	if tooLate(run, c) {
		out.Why += fmt.Sprintf("; this plan expires before that, at %s, so another one will have to be approved then", run.ExpiresAt.UTC().Format("2006-01-02 15:04 MST"))
		end := "the window"
		if window.FreezeAt(s, now) != nil {
			end = "the end of the freeze"
		}
		out.Hint = "a longer plan_ttl lets a plan wait for " + end + "; what must not wait: sallyport recover " + run.Stack
	}
	if !c.Opens.IsZero() {
		out.Recheck = min(windowLook, max(time.Second, c.Opens.Sub(now)))
	}
	return out
}

// tooLate reports whether a plan's time is over before the window opens.
func tooLate(run *store.Run, c window.Closed) bool {
	return !run.ExpiresAt.IsZero() && (c.Opens.IsZero() || !c.Opens.Before(run.ExpiresAt))
}
