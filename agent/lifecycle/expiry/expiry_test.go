package expiry_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/lifecycle/expiry"
	"sallyport/store"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// A plan that was good for a day, by clocks that go on, jump, are put back or end with a boot.
func TestOverdueWhateverTheClock(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		wall, up time.Duration // by which the clocks went on
		boot     bool          // the machine was started again
		why      string        // empty: it is still good
		doubt    bool
	}{
		"an hour later":                 {wall: time.Hour, up: time.Hour},
		"a minute before a day is over": {wall: 24*time.Hour - time.Minute, up: 24*time.Hour - time.Minute},
		"both clocks go on":             {wall: 25 * time.Hour, up: 25 * time.Hour, why: "nobody decided in time"},
		"ten years ahead":               {wall: 10 * year, why: "jumped", doubt: true},
		"ten years ahead after a boot":  {wall: 10 * year, boot: true, why: "nobody decided in time"},
		"ten years back":                {wall: -10 * year, why: "put back", doubt: true},
		"ten years back after a boot":   {wall: -10 * year, boot: true, why: "put back", doubt: true},
		"back by as much as has passed": {up: 25 * time.Hour, why: "jumped", doubt: true},
		"a little ahead":                {wall: time.Hour},
		"a little back":                 {wall: -3 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			run := &store.Run{Status: store.Planned, PlannedAt: noon, PlannedUp: store.Uptime{Boot: "b", Since: time.Hour}, ExpiresAt: noon.Add(24 * time.Hour)}
			now := clock.Reading{Wall: noon.Add(c.wall), Up: store.Uptime{Boot: "b", Since: time.Hour + c.up}}
			if c.boot {
				now.Up = store.Uptime{Boot: "another"}
			}
			why, doubt := expiry.Overdue(run, now)
			if (why == "") != (c.why == "") || !strings.Contains(why, c.why) || doubt != c.doubt {
				t.Errorf("it says %q (doubt: %t), want %q", why, doubt, c.why)
			}
			if left := expiry.ReminderDue(run, now); left != 0 && (why != "" || c.wall < 20*time.Hour) {
				t.Errorf("people are reminded that it expires in %s", left)
			}
		})
	}
}

// A waiting plan reminds once, late enough and not from a jump of a clock.
func TestReminderDue(t *testing.T) {
	for name, c := range map[string]struct {
		ttl, wall, up time.Duration
		reminded      bool
		want          time.Duration
	}{
		"of a day, 5 hours before it is over": {ttl: 24 * time.Hour, wall: 19 * time.Hour, up: 19 * time.Hour},
		"of a day, 3 hours before it is over": {ttl: 24 * time.Hour, wall: 21 * time.Hour, up: 21 * time.Hour, want: 3 * time.Hour},
		"of four hours, with half of it left": {ttl: 4 * time.Hour, wall: 2 * time.Hour, up: 2 * time.Hour},
		"of four hours, with a quarter left":  {ttl: 4 * time.Hour, wall: 3 * time.Hour, up: 3 * time.Hour, want: time.Hour},
		"a second time":                       {ttl: 4 * time.Hour, wall: 3 * time.Hour, up: 3 * time.Hour, reminded: true},
		"after it is over":                    {ttl: 4 * time.Hour, wall: 5 * time.Hour, up: 5 * time.Hour},
		"from a jump of the wall clock":       {ttl: 24 * time.Hour, wall: 21 * time.Hour, up: time.Minute},
		"by the clock that nobody can set":    {ttl: 24 * time.Hour, wall: time.Minute, up: 21 * time.Hour},
		"without a time to live":              {},
	} {
		t.Run(name, func(t *testing.T) {
			run := &store.Run{Status: store.Planned, PlannedAt: noon, PlannedUp: store.Uptime{Boot: "b", Since: time.Hour}}
			if c.ttl > 0 {
				run.ExpiresAt = noon.Add(c.ttl)
			}
			if c.reminded {
				run.RemindedAt = noon
			}
			now := clock.Reading{Wall: noon.Add(c.wall), Up: store.Uptime{Boot: "b", Since: time.Hour + c.up}}
			if got := expiry.ReminderDue(run, now); got != c.want {
				t.Errorf("%s are left, want %s", got, c.want)
			}
		})
	}
}

// verify_after: an approved plan that is too old is made again before its apply.
func TestMustVerify(t *testing.T) {
	for name, c := range map[string]struct {
		after    time.Duration
		wall, up time.Duration
		verified time.Duration // after it was planned; 0: it was not
		engine   string
		want     bool
	}{
		"a young plan":                            {after: time.Hour, wall: 50 * time.Minute, up: 50 * time.Minute},
		"an old plan":                             {after: time.Hour, wall: 70 * time.Minute, up: 70 * time.Minute, want: true},
		"an old plan, and nobody asks for it":     {wall: 70 * time.Hour, up: 70 * time.Hour},
		"old by the clock that nobody can set":    {after: time.Hour, wall: time.Minute, up: 70 * time.Minute, want: true},
		"old by the wall clock":                   {after: time.Hour, wall: 70 * time.Minute, up: time.Minute, want: true},
		"verified a moment ago":                   {after: time.Hour, wall: 70 * time.Minute, up: 70 * time.Minute, verified: time.Hour},
		"verified long ago":                       {after: time.Hour, wall: 3 * time.Hour, up: 3 * time.Hour, verified: time.Hour, want: true},
		"a build, which has digests of its own":   {after: time.Hour, wall: 70 * time.Hour, up: 70 * time.Hour, engine: config.EnginePacker},
		"of just the age that is still no reason": {after: time.Hour, wall: time.Hour, up: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			up := func(d time.Duration) store.Uptime { return store.Uptime{Boot: "b", Since: time.Hour + d} }
			run := &store.Run{PlannedAt: noon, PlannedUp: up(0)}
			if c.verified > 0 {
				run.VerifiedAt, run.VerifiedUp = noon.Add(c.verified), up(c.verified)
			}
			got := expiry.MustVerify(run, &config.Stack{VerifyAfter: c.after, Engine: c.engine}, clock.Reading{Wall: noon.Add(c.wall), Up: up(c.up)})
			if got != c.want {
				t.Errorf("it is verified: %t, want %t", got, c.want)
			}
		})
	}
}
