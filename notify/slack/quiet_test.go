package slack_test

import (
	"errors"
	"testing"

	"sallyport/notify/slack"
	"sallyport/notify/slack/slacktest"
)

func TestPostPrivately(t *testing.T) {
	t.Parallel()
	s := workspace(t, nil)
	c := client(t, s, nil)
	card := s.Say(bob, ops, "the card")
	post := slack.Post{Channel: ops, Thread: card, Text: "<!channel> this did not count", Key: "k", Agent: "a"}
	if err := c.PostPrivately(deadline(t), post, jane); err != nil {
		t.Fatal(err)
	}
	list := s.Ephemerals(ops)
	if len(list) != 1 || list[0].User != jane || list[0].ThreadTS != card || list[0].Visible() != post.Text {
		t.Errorf("posted %+v", list)
	}
	if active := (slacktest.Message{Text: list[0].Text, Blocks: list[0].Blocks}).Active(); len(active) != 0 {
		t.Errorf("it mentions or links: %q", active)
	}
	if n := len(s.Thread(ops, card)); n != 0 {
		t.Errorf("%d replies for everybody", n)
	}
	s.ChangeUser(bob, func(u *slacktest.User) { u.Left = []string{ops} })
	for name, tt := range map[string]struct {
		user    string
		fault   *slacktest.Fault
		refused bool
		unknown bool
	}{
		"not in the channel": {bob, nil, true, false},
		"a bot":              {"U06BOT", nil, true, false},
		"nobody":             {"U0NOBODY", nil, true, false},
		"no such method":     {jane, &slacktest.Fault{Kind: slacktest.Refuse, Code: "unknown_method"}, true, false},
		"a rate limit":       {jane, &slacktest.Fault{Kind: slacktest.RateLimitedOK}, false, false},
		"a lost answer":      {jane, &slacktest.Fault{Kind: slacktest.LoseAnswer}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, s, nil)
			if tt.fault != nil {
				s.Fail("chat.postEphemeral", 1, *tt.fault)
			}
			err := c.PostPrivately(deadline(t), post, tt.user)
			if err == nil || slack.Refused(err) != tt.refused || slack.Unknown(err) != tt.unknown {
				t.Errorf("%v: refused %v, unknown %v", err, slack.Refused(err), slack.Unknown(err))
			}
		})
	}
}

func TestReact(t *testing.T) {
	t.Parallel()
	s := workspace(t, nil)
	c := client(t, s, nil)
	vote := s.Say(jane, ops, "approve")
	for range 2 { // the second time Slack says already_reacted
		if err := c.React(deadline(t), ops, vote, "eyes"); err != nil {
			t.Fatal(err)
		}
	}
	if m, _ := s.Message(ops, vote); len(m.Reactions) != 1 || m.Reactions[0].Name != "eyes" {
		t.Errorf("reactions %+v", m.Reactions)
	}
	requests := s.Requests("reactions.add")
	if len(requests) != 2 || requests[1].Answer != "already_reacted" {
		t.Errorf("requests %+v", requests)
	}
	var refused *slack.Error
	if err := c.React(deadline(t), ops, "1.000001", "eyes"); !errors.As(err, &refused) || refused.Code != "message_not_found" {
		t.Errorf("on a message that is gone: %v", err)
	}
	if err := c.React(deadline(t), ops, vote, "eyes"); err != nil {
		t.Errorf("after a message that was gone: %v", err)
	}
}

// A token that may not react is asked once, or not at all where it says what it may.
func TestReactWithoutTheScope(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		without func(*slacktest.Server)
		known   bool // before, by the answer to who the token belongs to
		calls   int
	}{
		"known from the start": {func(s *slacktest.Server) { s.DropScopes("reactions:write") }, false, 0},
		"taken away later":     {func(s *slacktest.Server) { s.DropScopes("reactions:write") }, true, 1},
		"an old Slack": {func(s *slacktest.Server) {
			s.Fail("reactions.add", 5, slacktest.Fault{Kind: slacktest.Refuse, Code: "unknown_method"})
		}, false, 1},
		"nothing but silence": {func(s *slacktest.Server) { s.Fail("reactions.add", 5, slacktest.Fault{Kind: slacktest.Drop}) }, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := workspace(t, nil)
			c := client(t, s, nil)
			vote := s.Say(jane, ops, "approve")
			if tt.known {
				must[slack.Identity](t)(c.Identify(deadline(t)))
			}
			tt.without(s)
			for range 3 {
				if err := c.React(deadline(t), ops, vote, "eyes"); err == nil {
					t.Error("it reacted")
				}
			}
			if n := s.Calls("reactions.add"); n != tt.calls {
				t.Errorf("it was asked %d times, want %d", n, tt.calls)
			}
		})
	}
}
