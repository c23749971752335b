package agent_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

const year = 365 * 24 * time.Hour

// ticking is a clock that nobody can set, and what moves it on.
func ticking() (uptime func() store.Uptime, skip func(time.Duration)) {
	var by atomic.Int64
	began := time.Now()
	return func() store.Uptime {
		return store.Uptime{Boot: "test", Since: time.Since(began) + time.Duration(by.Load())}
	}, func(d time.Duration) { by.Add(int64(d)) }
}

// What becomes of a waiting plan; by which clocks its time is over is a rule of package lifecycle.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wall, up time.Duration
		noUp     bool // the machine was started anew
		want     store.Status
		why      string
	}{
		"both clocks go on":           {wall: 25 * time.Hour, up: 25 * time.Hour, want: store.Expired, why: "nobody decided in time"},
		"ten years ahead":             {wall: 10 * year, want: store.Stale, why: "the clock of this machine jumped"},
		"ten years back after a boot": {wall: -10 * year, noUp: true, want: store.Stale, why: "put back"},
		"a little ahead":              {wall: time.Hour, want: store.Planned},
	} {
		for _, how := range []string{"", " while the agent is down"} {
			if c.noUp && how == "" {
				continue // a boot takes the agent with it: it never sees the jump by the clock of before
			}
			t.Run(name+how, func(t *testing.T) {
				t.Parallel()
				r := newRepository(t)
				r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
				h := newHouse(t, box(r, ""))
				now, skip := clock()
				up, skipUp := ticking()
				h.now, h.uptime = now, func() store.Uptime { return up() }
				h.start()
				h.Reaches("1", store.Planned)
				away := how != ""
				if away {
					h.stop()
				}
				skip(c.wall)
				skipUp(c.up)
				if c.noUp {
					h.uptime = func() store.Uptime { return store.Uptime{Boot: "another"} }
				}
				if away {
					h.start()
				}
				if c.want == store.Planned {
					h.MustDecide("1", "approve")
					h.Reaches("1", store.Applied)
					return
				}
				if err := h.Decide("1", "approve"); err == nil {
					t.Error("the plan of who knows when was approved")
				}
				run := h.Reaches("1", c.want)
				if !strings.Contains(run.Error, c.why) {
					t.Errorf("it says %q", run.Error)
				}
				if c.want == store.Stale {
					h.Reaches("2", store.Planned)
					h.MustDecide("2", "approve")
					h.Reaches("2", store.Applied)
				}
			})
		}
	}
}

// A clock that was ahead by years and is put right leaves nothing waiting for those years.
func TestNothingWaitsForTheYearsOfAWrongClock(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, strings.Replace(box(r, ""), `"@every 1s"`, `"0 3 1 1 *"`, 1)+asking(s))
	now, skip := clock()
	h.now = now
	skip(10 * year)
	h.start()
	said(t, s, "", "1 to create")
	s.Down()
	h.plan("box", false)
	h.Reaches("2", store.Planned)
	h.Eventually("a message waits", func(s control.Status) bool { return s.Outbox > 0 && problem(s, "slack") != nil })
	r.commit("Change", map[string]string{"box/main.tf": data("a", "two")})
	skip(-10 * year)
	s.Heal()
	h.Reaches("2", store.Stale)
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	h.Eventually("planned at the new commit", func(s control.Status) bool { // by a run that may take over from one that had begun
		run := s.Stacks[0].Run
		return run != nil && run.Subject == "Change" && run.Status == store.Planned
	})
}

// A clock that is days ahead of Slack's does not make a message look as if it had never been posted.
func TestMessagesAreFoundWhateverTheClock(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	s.Fail("chat.postMessage", 2, slacktest.Fault{Kind: slacktest.LoseAnswer})
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s))
	now, skip := clock()
	h.now = now
	skip(30 * 24 * time.Hour)
	h.start()
	card := said(t, s, "", "1 to create")
	s.Reply(jane, ops, card.TS, "approve")
	h.Reaches("1", store.Applied)
	said(t, s, card.TS, "is applied")
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	if n := len(s.Messages(ops)); n != 1 {
		t.Errorf("%d messages in the channel", n)
	}
}
