package e2e

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/notify/slack/slacktest"
)

// asked is a house whose first run waits for people in Slack.
func asked(t *testing.T, attributes ...string) (*infra, *slacktest.Server, *house, slacktest.Message) {
	t.Helper()
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, i.box(attributes...)+asking(s), slackEnv).start()
	m := card(t, s, 1)
	h.reaches("1", "planned")
	return i, s, h, m
}

func TestDenyInSlack(t *testing.T) {
	t.Parallel()
	i, s, h, m := asked(t)
	s.Reply(joe, ops, m.TS, "Deny not tonight")
	r := h.reaches("1", "discarded")
	if !strings.Contains(r.Error, "not tonight") || len(r.Decisions) != 1 || r.Decisions[0].Verdict != "deny" {
		t.Errorf("the denied run: %+v", r)
	}
	replied(t, s, m.TS, "discarded", "not tonight")
	s.Reply(jane, ops, m.TS, "approve")
	replied(t, s, m.TS, "did not count", "has ended")
	// What was denied is not asked again because of a commit that does not touch it.
	page := i.Commit("Write a page", map[string]string{"README.md": "hello"})
	h.sees("the unrelated commit", func(s status) bool { return s.Repositories[0].Head == page })
	i.Commit("Try again", map[string]string{"box/main.tf": thing("node", "two")})
	if r := h.reaches("box", "planned"); r.ID != 2 {
		t.Errorf("the next run is #%d: the unrelated commit asked again", r.ID)
	}
}

// None of these counts; each is answered once, and a word that is neither approve nor deny is left alone.
func TestRepliesThatNeverCount(t *testing.T) {
	t.Parallel()
	_, s, h, m := asked(t)
	s.Reply(jane, ops, m.TS, "looks good to me, shall I approve?")
	for _, c := range []struct {
		name  string
		reply slacktest.Message
		why   string
	}{
		{"not allowed", slacktest.Message{User: eve}, "not one of the approvers"},
		{"a guest", slacktest.Message{User: guest}, "guest"},
		{"a bot", slacktest.Message{User: jane, BotID: "B0OTHER"}, ""},
		{"an app", slacktest.Message{User: jane, AppID: "A0OTHER"}, ""},
		{"edited", slacktest.Message{User: jane, Edited: true}, "edited"},
		{"a workflow", slacktest.Message{User: jane, Workflow: true}, ""},
		{"another workspace", slacktest.Message{User: jane, UserTeam: "T0OTHER"}, ""},
	} {
		c.reply.Channel, c.reply.ThreadTS, c.reply.Text = ops, m.TS, "approve"
		before := answers(s, m.TS)
		s.Post(c.reply)
		eventually(t, c.name+" is answered", func() (bool, any) { return answers(s, m.TS) > before, s.Transcript() })
		list := s.Thread(ops, m.TS)
		if text := list[len(list)-1].Text; !strings.Contains(text, c.why) {
			t.Errorf("%s: the answer is %q", c.name, text)
		}
		if r := h.show("1"); r.Status != "planned" || len(r.Decisions) != 0 {
			t.Errorf("%s: it counted: %+v", c.name, r)
		}
	}
	s.Reply(jane, ops, m.TS, "approve")
	h.reaches("1", "applied")
	if n := answers(s, m.TS); n != 7 {
		t.Errorf("%d answers to seven replies that did not count\n%s", n, s.Transcript())
	}
}

// answers counts what the bot said about replies that did not count.
func answers(s *slacktest.Server, thread string) int {
	n := 0
	for _, m := range s.Thread(ops, thread) {
		if strings.Contains(m.Text, "did not count") {
			n++
		}
	}
	return n
}

func TestTwoApprovalsByTwoPeople(t *testing.T) {
	t.Parallel()
	_, s, h, m := asked(t, "approvals = 2")
	s.Reply(jane, ops, m.TS, "approve")
	h.until("1", "approved once", func(r run) bool { return len(r.Decisions) == 1 })
	s.Reply(jane, ops, m.TS, "approve")
	replied(t, s, m.TS, "did not count", "already")
	if r := h.show("1"); r.Status != "planned" || len(r.Decisions) != 1 {
		t.Errorf("one person was two: %+v", r)
	}
	if text := h.must("status"); !strings.Contains(text, "1 of 2 approvals") {
		t.Errorf("status does not say how many are missing:\n%s", text)
	}
	s.Reply(joe, ops, m.TS, "approve")
	r := h.reaches("1", "applied")
	if by := fmt.Sprint(r.Decisions[0].By, r.Decisions[1].By); by != "slack:"+jane+"slack:"+joe {
		t.Errorf("approved by %s", by)
	}
}

func TestNewerCommitSupersedes(t *testing.T) {
	t.Parallel()
	i, s, h, m := asked(t)
	page := i.Commit("Write a page", map[string]string{"README.md": "hello"})
	h.sees("the unrelated commit", func(s status) bool { return s.Repositories[0].Head == page })
	if r := h.show("1"); r.Status != "planned" {
		t.Fatalf("a commit elsewhere made it %s", r.Status)
	}
	head := i.Commit("Change the box", map[string]string{"box/main.tf": thing("node", "two")})
	h.reaches("1", "superseded")
	if r := h.reaches("box", "planned"); r.ID != 2 || r.Commit != head {
		t.Errorf("the next run: %+v", r)
	}
	s.Reply(jane, ops, m.TS, "approve")
	replied(t, s, m.TS, "did not count", "superseded")
	s.Reply(jane, ops, card(t, s, 2).TS, "approve")
	h.reaches("2", "applied")
	if r := h.show("1"); r.Status != "superseded" || len(r.Decisions) != 0 {
		t.Errorf("the old run: %+v", r)
	}
}

func TestPlanExpires(t *testing.T) {
	t.Parallel()
	_, s, h, m := asked(t, `plan_ttl = "3s"`)
	r := h.reaches("1", "expired")
	if r.Plan == nil || r.Error == "" {
		t.Errorf("the expired run: %+v", r)
	}
	s.Reply(jane, ops, m.TS, "approve")
	replied(t, s, m.TS, "did not count", "expired")
	h.refused(1, []string{"approve", "1"}, "expired", "hint: ", "sallyport plan box")
	h.must("plan", "box", "--reason", "again")
	h.until("2", "planned anew", func(r run) bool { return r.Plan != nil && r.Kind == "manual" && r.Reason == "again" })
}

// A reply that was written while no agent ran counts when one is back.
func TestReplyWhileTheAgentIsDown(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it starts whole programs")
	_, s, h, m := asked(t)
	h.stop()
	s.Reply(joe, ops, m.TS, "approve")
	s.Reply(eve, ops, m.TS, "approve")
	h.start()
	h.reaches("1", "applied")
	replied(t, s, m.TS, "is applied")
	eventually(t, "eve is answered", func() (bool, any) { return answers(s, m.TS) == 1, s.Transcript() })
	if n := cards(s); n != 1 {
		t.Errorf("%d messages of one run after a restart", n)
	}
}

// What people say to the bot in the channel.
func TestCommandsInSlack(t *testing.T) {
	t.Parallel()
	_, s, h, _ := asked(t)
	say := func(user, text string, parts ...string) {
		t.Helper()
		replied(t, s, s.Say(user, ops, "<@"+s.BotUserID()+"> "+text), parts...)
	}
	say(eve, "status", "#1", "box", "planned")
	say(eve, "help", "approve")
	say(eve, "plan box", "not one of the approvers")
	say(eve, "pause", "not one of the approvers")
	say(jane, "pause box", "paused")
	if !h.stack("box").Paused {
		t.Error("it is not paused")
	}
	say(jane, "resume box", "goes on")
	say(jane, "plan box the node is gone", "#2")
	if r := h.reaches("2", "planned"); r.Reason != "the node is gone" || r.Kind != "manual" {
		t.Errorf("the run: %+v", r)
	}
	h.reaches("1", "superseded")
}
