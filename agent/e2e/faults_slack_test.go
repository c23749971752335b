package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/notify/slack/slacktest"
)

// Whatever is wrong with Slack is said in status with what to do about it; the run waits, the command line decides
// meanwhile, and when Slack is mended people get the message that they missed.
func TestSlackFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		channel string
		broken  func(*slacktest.Server)
		mended  func(*slacktest.Server)
		says    []string
	}{
		{
			name: "unknown channel", channel: "#nosuch", says: []string{"nosuch", "slack.channel"},
			mended: func(s *slacktest.Server) {
				s.ChangeChannel(ops, func(c *slacktest.Channel) { c.Name = "nosuch" })
			},
		},
		{
			name: "unknown channel id", channel: "C0NOSUCH", says: []string{"channel_not_found", "slack.channel"},
		},
		{
			name: "not in the channel", channel: ops, says: []string{"not_in_channel", "invite"},
			broken: func(s *slacktest.Server) {
				s.ChangeChannel(ops, func(c *slacktest.Channel) { c.Member = false })
			},
			mended: func(s *slacktest.Server) {
				s.ChangeChannel(ops, func(c *slacktest.Channel) { c.Member = true })
			},
		},
		{
			name: "revoked token", channel: ops, says: []string{"token_revoked", "install the Slack app again"},
			broken: func(s *slacktest.Server) { s.Revoke("token_revoked") },
			mended: func(s *slacktest.Server) { s.Revoke("") },
		},
		{
			name: "missing scope", channel: ops, says: []string{"missing_scope", "chat:write", "install it again"},
			broken: func(s *slacktest.Server) { s.DropScopes("chat:write") },
			mended: func(s *slacktest.Server) { s.SetScopes(slacktest.AllScopes()...) },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			i, s := newInfra(t), newWorkspace(t)
			if c.broken != nil {
				c.broken(s)
			}
			i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
			h := newHouse(t, i.box()+askingIn(s, c.channel), slackEnv).start()
			h.reaches("1", "planned")
			h.sees("the fault", func(s status) bool {
				return slices.ContainsFunc(s.Problems, func(p problem) bool {
					return strings.HasPrefix(p.Source, "slack") && has(p.Error+" "+p.Hint, c.says...)
				})
			})
			if !has(h.Logged(), c.says[0]) {
				t.Error("the log says nothing")
			}
			if n := cards(s); n != 0 {
				t.Fatalf("%d messages were posted all the same", n)
			}
			if c.mended == nil {
				h.must("approve", "1")
				h.reaches("1", "applied")
				return
			}
			c.mended(s)
			m := card(t, s, 1)
			s.Reply(jane, ops, m.TS, "approve")
			h.reaches("1", "applied")
			h.sees("no fault", func(s status) bool { return s.problem("slack") == nil })
		})
	}
}

// Slack is down when the plan is ready and when the approval is weighed; a vote from a shell takes the place of one that
// cannot be read again.
func TestSlackIsDown(t *testing.T) {
	t.Parallel()
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	s.Down()
	h := newHouse(t, i.box()+asking(s), slackEnv).start()
	h.reaches("1", "planned")
	h.sees("the outage", func(s status) bool { return s.problem("slack") != nil })
	s.Heal()
	m := card(t, s, 1)
	h.must("pause", "box")
	s.Reply(jane, ops, m.TS, "approve")
	h.reaches("1", "approved")
	s.Down()
	h.must("resume", "box")
	h.until("1", "held", func(r run) bool { return r.Status == "approved" && strings.Contains(r.Held, "Slack") })
	h.must("approve", "1")
	h.reaches("1", "applied")
	s.Heal()
	replied(t, s, m.TS, "is applied")
	if n := cards(s); n != 1 {
		t.Errorf("%d messages of one run", n)
	}
}

// Answers that get lost, and rate limits in all three forms, change nothing in what people see.
func TestSlackIsUnreliable(t *testing.T) {
	t.Parallel()
	i, s := newInfra(t), newWorkspace(t)
	s.Fail("chat.postMessage", 1, slacktest.Fault{Kind: slacktest.LoseAnswer})
	s.Fail("chat.postMessage", 1, slacktest.Fault{Kind: slacktest.LateServerError})
	s.Fail("conversations.history", 1, slacktest.Fault{Kind: slacktest.RateLimited, RetryAfter: 1})
	s.Fail("chat.update", 1, slacktest.Fault{Kind: slacktest.RateLimitedOK})
	s.Fail("files.getUploadURLExternal", 1, slacktest.Fault{Kind: slacktest.RateLimited, RetryAfter: 1})
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	h := newHouse(t, i.box()+asking(s), slackEnv).start()
	m := card(t, s, 1)
	s.Reply(jane, ops, m.TS, "approve")
	h.reaches("1", "applied")
	replied(t, s, m.TS, "is applied")
	eventually(t, "the card says so", func() (bool, any) {
		now, _ := s.Message(ops, m.TS)
		return strings.Contains(now.Text, "applied"), now.Text
	})
	ends, files := 0, 0
	for _, m := range s.Thread(ops, m.TS) {
		ends += strings.Count(m.Text, "is applied")
		files += len(m.Files)
	}
	if got := fmt.Sprint(cards(s), ends, files); got != "1 1 1" {
		t.Errorf("messages, ends and files: %s\n%s", got, s.Transcript())
	}
}
