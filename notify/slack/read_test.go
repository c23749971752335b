package slack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/notify/slack"
	"sallyport/notify/slack/slacktest"
)

func texts(messages []slack.Message) []string {
	var out []string
	for _, m := range messages {
		out = append(out, m.Text)
	}
	return out
}

func TestHistoryAndReplies(t *testing.T) {
	for _, pageLimit := range []int{1, 2, 3, 15, 999} {
		t.Run(fmt.Sprintf("%d a page", pageLimit), func(t *testing.T) {
			s := workspace(t, func(o *slacktest.Options) { o.PageLimit = pageLimit })
			c := client(t, s, nil)
			s.Say(jane, ops, "before")
			first := s.Say(jane, ops, "one")
			s.Say(bob, ops, "two")
			r1 := s.Reply(bob, ops, first, "r1")
			s.Post(slacktest.Message{Channel: ops, User: bob, ThreadTS: first, Text: "r2", Broadcast: true})
			deleted := s.Reply(bob, ops, first, "gone")
			last := s.Reply(jane, ops, first, "r3")
			s.Delete(ops, deleted)
			s.Say(jane, ops, "three")

			list := must[[]slack.Message](t)(c.History(deadline(t), ops, first))
			if got := texts(list); !slices.Equal(got, []string{"one", "two", "r2", "three"}) {
				t.Errorf("history: %q", got)
			}
			if m := list[0]; m.ReplyCount != 3 || m.LatestReply != last || m.User != jane || m.Team != "T01HOME" {
				t.Errorf("parent: %+v", m)
			}
			if got := texts(must[[]slack.Message](t)(c.Replies(deadline(t), ops, first, ""))); !slices.Equal(got, []string{"r1", "r2", "r3"}) {
				t.Errorf("replies: %q", got)
			}
			later := must[[]slack.Message](t)(c.Replies(deadline(t), ops, first, last))
			if got := texts(later); !slices.Equal(got, []string{"r3"}) || later[0].ParentUser != jane || later[0].ThreadTS != first {
				t.Errorf("replies from the last on: %+v", later)
			}
			if got := texts(must[[]slack.Message](t)(c.Replies(deadline(t), ops, first, r1))); len(got) != 3 {
				t.Errorf("oldest is inclusive: %q", got)
			}
			m, ok, err := c.Latest(deadline(t), ops)
			if err != nil || !ok || m.Text != "three" {
				t.Errorf("latest: %v, %v, %v", m, ok, err)
			}
		})
	}
}

func TestLatestOfNothing(t *testing.T) {
	if _, ok, err := client(t, workspace(t, nil), nil).Latest(deadline(t), ops); ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
}

func TestReadingErrors(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	for channel, code := range map[string]string{"C0UNKNOWN1": "channel_not_found", "C00SECRET": "channel_not_found", "C000QUIET": "not_in_channel"} {
		_, err := c.History(deadline(t), channel, "")
		wantError(t, err, code, "/invite")
	}
	_, err := c.Replies(deadline(t), ops, "1.000001", "")
	wantError(t, err, "thread_not_found", "")
	s.DropScopes("channels:history")
	_, err = c.History(deadline(t), ops, "")
	wantError(t, err, "missing_scope", "channels:history")
	if !strings.Contains(err.Error(), "channels:history") {
		t.Errorf("the scope is not in %v", err)
	}
}

// TestOddMessages: one message that is shaped unlike any other must not keep us from reading the rest, nor count.
func TestOddMessages(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	self := must[slack.Identity](t)(c.Identify(deadline(t)))
	parent := s.Say(jane, ops, "parent")
	odd := []map[string]any{
		{"user": 7}, {"text": []string{"approve"}}, {"blocks": "none"}, {"files": map[string]any{}}, {"metadata": "x"},
		{"edited": 1}, {"bot_profile": "x"}, {"attachments": 5}, {"reactions": "x"}, {"blocks": []any{map[string]any{"type": 5}}},
	}
	for _, extra := range odd {
		s.Post(slacktest.Message{Channel: ops, User: jane, ThreadTS: parent, Text: "approve", Extra: extra})
	}
	good := s.Reply(jane, ops, parent, "approve")
	list := must[[]slack.Message](t)(c.Replies(deadline(t), ops, parent, ""))
	if len(list) != len(odd)+1 {
		t.Fatalf("got %d messages", len(list))
	}
	for i, m := range list[:7] {
		if _, ok := m.Human(self); ok {
			t.Errorf("%v counts: %+v", odd[i], m)
		}
	}
	if m := list[len(odd)]; m.TS != good || m.Text != "approve" {
		t.Errorf("the good one: %+v", m)
	}
}

func TestHuman(t *testing.T) {
	s := workspace(t, func(o *slacktest.Options) { o.Users = append(o.Users, slacktest.User{ID: "U09GRID", TeamID: "E01ORG"}) })
	c := client(t, s, nil)
	self := must[slack.Identity](t)(c.Identify(deadline(t)))
	parent := s.Say(jane, ops, "parent")
	tests := map[string]struct {
		message slacktest.Message
		reason  string // empty: it counts
	}{
		"plain":                     {slacktest.Message{User: jane}, ""},
		"sent to the channel":       {slacktest.Message{User: jane, Broadcast: true}, ""},
		"guest by record":           {slacktest.Message{User: "U04GUEST"}, ""}, // the record says it, not the message
		"bot":                       {slacktest.Message{User: "U06BOT", BotID: "B06"}, "an app"},
		"bot of old":                {slacktest.Message{Subtype: "bot_message", BotID: "B06"}, "an app"},
		"app with a person's token": {slacktest.Message{User: jane, AppID: "A1"}, "an app"},
		"bot profile only":          {slacktest.Message{User: jane, BotProfile: true}, "an app"},
		"ourselves":                 {slacktest.Message{User: "U0SALLY", BotID: "B0SALLY"}, "the bot's own"},
		"slackbot":                  {slacktest.Message{User: "USLACKBOT"}, "an app"},
		"workflow":                  {slacktest.Message{User: jane, Workflow: true}, "a workflow"},
		"edited":                    {slacktest.Message{User: jane, Edited: true}, "edited"},
		"me message":                {slacktest.Message{User: jane, Subtype: "me_message"}, "not a plain message"},
		"file":                      {slacktest.Message{User: jane, Subtype: "file_share"}, "not a plain message"},
		"tombstone":                 {slacktest.Message{User: jane, Subtype: "tombstone"}, "not a plain message"},
		"hidden":                    {slacktest.Message{User: jane, Extra: map[string]any{"hidden": true}}, "not a plain message"},
		"other workspace":           {slacktest.Message{User: "U07ELSE"}, "another workspace"},
		"other source":              {slacktest.Message{User: jane, SourceTeam: "T02ELSE"}, "another workspace"},
		"other user team":           {slacktest.Message{User: jane, UserTeam: "T02ELSE"}, "another workspace"},
		"nobody":                    {slacktest.Message{}, "nobody"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.message.Channel, tt.message.ThreadTS, tt.message.Text = ops, parent, "approve"
			ts := s.Post(tt.message)
			list := must[[]slack.Message](t)(c.Replies(deadline(t), ops, parent, ts))
			reason, ok := list[0].Human(self)
			if ok != (tt.reason == "") || !strings.Contains(reason, tt.reason) {
				t.Errorf("got %v, %q, want %q", ok, reason, tt.reason)
			}
		})
	}
	if _, ok := (slack.Message{User: jane}).Human(slack.Identity{}); ok {
		t.Error("counts without knowing the workspace")
	}
	grid := slack.Message{User: jane, Team: "E01ORG"}
	if _, ok := grid.Human(slack.Identity{TeamID: "T01HOME", EnterpriseID: "E01ORG"}); !ok {
		t.Error("the organisation of the workspace counts as foreign")
	}
}

func TestEditedAndDeletedReplies(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	parent := s.Say(jane, ops, "parent")
	ts := s.Reply(jane, ops, parent, "approve")
	before := must[[]slack.Message](t)(c.Replies(deadline(t), ops, parent, ""))
	again := must[[]slack.Message](t)(c.Replies(deadline(t), ops, parent, ""))
	if before[0].Digest == "" || before[0].Digest != again[0].Digest || before[0].Edited {
		t.Errorf("got %+v and %+v", before[0], again[0])
	}
	s.Edit(ops, ts, "approve destroy")
	after := must[[]slack.Message](t)(c.Replies(deadline(t), ops, parent, ""))
	if !after[0].Edited || after[0].Digest == before[0].Digest {
		t.Errorf("got %+v", after[0])
	}
	s.Delete(ops, ts)
	if got := must[[]slack.Message](t)(c.Replies(deadline(t), ops, parent, "")); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestCompareTS(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"1700000000.000001", "1700000000.000002", -1}, {"1700000000.000002", "1700000000.000002", 0},
		{"9.000001", "10.000000", -1}, {"1700000000.1", "1700000000.100000", 0}, {"1700000000", "1700000000.000001", -1},
		{"1700000000.123456", "1700000000.123455", 1}, {"0010.0", "9.9", 1}, {"", "1.0", -1},
	}
	for _, tt := range tests {
		if got := slack.CompareTS(tt.a, tt.b); got != tt.want {
			t.Errorf("CompareTS(%q, %q) = %d", tt.a, tt.b, got)
		}
		if got := slack.CompareTS(tt.b, tt.a); got != -tt.want {
			t.Errorf("CompareTS(%q, %q) = %d", tt.b, tt.a, got)
		}
	}
}
