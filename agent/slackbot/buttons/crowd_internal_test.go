package buttons

import (
	"testing"
	"time"

	"sallyport/agent/active"
	"sallyport/store"
)

// Who presses on and on is asked for once in a while, and only so much is done for them; nobody else notices.
func TestCrowd(t *testing.T) {
	const stranger = active.NoApprover + " (yet)"
	var c crowd
	conf, now := &active.Config{}, time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	by := func(user, stack string) *press { return &press{conf: conf, user: user, run: &store.Run{Stack: stack}} }
	c.remember(by("U0EVE", "box"), stranger, now)
	c.remember(by("U0JOE", "box"), "the account is deactivated", now)
	for _, who := range []struct {
		p    *press
		at   time.Duration
		want string
	}{
		{by("U0EVE", "box"), awhile - 1, stranger},
		{by("U0EVE", "net"), 0, ""},
		{by("U0JOE", "box"), 0, ""}, // may be active again
		{&press{conf: &active.Config{}, user: "U0EVE", run: &store.Run{Stack: "box"}}, 0, ""},
		{by("U0EVE", "box"), 0, ""}, // after another configuration
	} {
		if got := c.refused(who.p, now.Add(who.at)); got != who.want {
			t.Errorf("%s of %s: %q", who.p.user, who.p.run.Stack, got)
		}
	}
	c.remember(by("U0EVE", "box"), stranger, now)
	if got := c.refused(by("U0EVE", "box"), now.Add(awhile)); got != "" {
		t.Errorf("after a while: %q", got)
	}
	for i := range 2 * mostBeside {
		if got := c.tooMuch(by("U0EVE", "box"), now); got != (i >= mostBeside) {
			t.Errorf("the %dth time: %t", i+1, got)
		}
	}
	if c.tooMuch(by("U0JANE", "box"), now) {
		t.Error("somebody else is held up")
	}
	if c.tooMuch(by("U0EVE", "box"), now.Add(awhile)) || c.tooMuch(by("U0EVE", "box"), now.Add(-awhile)) {
		t.Error("it is held up for good")
	}
}
