package agent_test

import (
	"context"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// quietly waits until a person was told something that only they see, n times.
func quietly(t *testing.T, s *slacktest.Server, user, part string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	if err := s.WaitFor(ctx, func() bool {
		found := 0
		for _, e := range s.Ephemerals(ops) {
			if e.User == user && strings.Contains(e.Visible(), part) {
				found++
			}
		}
		return found >= n
	}); err != nil {
		t.Fatalf("%s was not told %q %d times: %v\n%+v", user, part, n, err, s.Ephemerals(ops))
	}
}

// Whoever means to decide, or to stop something, is answered, each time: a thread that shows a vote which counts for nothing, and says
// nothing of it, lies.
func TestSlackAnswersWhoeverMeansToDecide(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "approvals = 2")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	bot := "<@" + s.BotUserID() + "> "

	nearly := s.Reply(joe, ops, card.TS, "lgtm")
	quietly(t, s, joe, "to approve, reply approve", 1)
	refused := s.Reply(jane, ops, card.TS, "approve it")
	said(t, s, card.TS, "Reply only: approve")
	s.Edit(ops, nearly, "approve")
	s.Edit(ops, refused, "approve")
	s.Reply(eve, ops, card.TS, "so?") // the thread grows, and is read
	said(t, s, card.TS, "@joe, what you edited did not count: it was edited after it was sent; please write it again")
	said(t, s, card.TS, "@jane, what you edited did not count")

	s.Reply(joe, ops, card.TS, bot+"cancel 1")
	quietly(t, s, joe, "that is told me in the channel: @sallyport cancel 1", 1)
	s.Reply(joe, ops, card.TS, bot+"cancel 1")
	quietly(t, s, joe, "that is told me in the channel: @sallyport cancel 1", 2)
	s.Reply(eve, ops, card.TS, bot+"please approve")
	quietly(t, s, eve, "to approve, reply approve", 1)

	if run := h.Reaches("1", store.Planned); len(run.Decisions) != 0 {
		t.Errorf("it counted: %+v", run.Decisions)
	}
	vote := s.Reply(jane, ops, card.TS, "approve")
	h.Until("1", "voted", func(r control.Run) bool { return len(r.Decisions) == 1 })
	s.Edit(ops, vote, "approve now")
	s.Reply(eve, ops, card.TS, "and now?")
	said(t, s, card.TS, "The approval of @jane does not count any more: the message was edited after it was counted.")
	told := 0
	for _, m := range s.Thread(ops, card.TS) {
		if strings.Contains(m.Text, "what you edited did not count") {
			told++
		}
	}
	if told != 2 {
		t.Errorf("edits were answered %d times", told)
	}

	r.commit("Change", map[string]string{"box/main.tf": data("a", "two")})
	h.Reaches("2", store.Planned)
	s.Reply(joe, ops, card.TS, "approve")
	said(t, s, card.TS, "#1 has ended: superseded. Next: #2 is the run of box now (planned)")
}

// A decision in the channel, or in the thread of an answer, is told where it counts; looks are answered in any thread of the agent's,
// and nothing else is done there.
func TestSlackAnswersBesideTheRunsThreads(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s)).start()
	said(t, s, "", "1 to create")
	bot := "<@" + s.BotUserID() + "> "
	asked := s.Say(eve, ops, bot+"status")
	said(t, s, asked, "#1 box is planned")

	said(t, s, s.Say(jane, ops, "approve"), "This did not count here: reply approve in the thread of #1 box.")
	talk := s.Say(jane, ops, "deny it or not, that is the question")
	s.Reply(jane, ops, asked, "approve")
	said(t, s, asked, "This did not count here: reply approve in the thread of #1 box.")
	s.Reply(eve, ops, asked, bot+"show box")
	said(t, s, asked, "box #1: planned")
	s.Reply(jane, ops, asked, bot+"pause all storm")
	said(t, s, asked, "This did not count; that is told me in the channel, not in a thread: @sallyport pause all storm")
	s.Reply(jane, ops, talk, bot+"approve")
	said(t, s, s.Say(eve, ops, bot+"show 1"), "box #1: planned") // all before it was heard

	if n := len(s.Thread(ops, talk)); n > 2 {
		t.Errorf("people who talk are answered: %d", n)
	}
	if run := h.Reaches("1", store.Planned); len(run.Decisions) != 0 {
		t.Errorf("it counted: %+v", run.Decisions)
	}
	if h.Eventually("a status", func(control.Status) bool { return true }).Agent.Paused {
		t.Error("a thread paused the agent")
	}
	answers := 0
	for _, m := range s.Thread(ops, asked) {
		if strings.Contains(m.Text, "did not count here") {
			answers++
		}
	}
	if answers != 1 {
		t.Errorf("the approval in the thread was answered %d times", answers)
	}
}
