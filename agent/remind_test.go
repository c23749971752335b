package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// reminders are the replies of a thread that remind.
func reminders(s *slacktest.Server, thread string) []slacktest.Message {
	var out []slacktest.Message
	for _, m := range s.Thread(ops, thread) {
		if strings.Contains(m.Text, "Reminder:") {
			out = append(out, m)
		}
	}
	return out
}

func TestAWaitingPlanRemindsOnce(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "net/main.tf": data("a", "one")})
	config := box(r, "mention = [\""+jane+"\"]") + "stack \"net\" {\n  dir = \"net\"\n  mention = [\"" + jane + "\"]\n}\n" +
		"person \"jane-doe\" { slack = \"" + jane + "\" }\n" + asking(s)
	h := newHouse(t, config)
	now, skip := clock()
	up, skipUp := ticking()
	h.now, h.uptime = now, up
	both := func(d time.Duration) { skip(d); skipUp(d) }
	h.start()
	first, second := said(t, s, "", "box #"), said(t, s, "", "net #")
	h.Reaches("1", store.Planned)
	h.Reaches("2", store.Planned)
	both(19 * time.Hour)
	h.stop() // a restart, and the loop's first look, before it is time
	h.start()
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Agent.Running && s.Outbox == 0 })
	if n := len(reminders(s, first.TS)) + len(reminders(s, second.TS)); n > 0 {
		t.Fatalf("%d reminders five hours before the plans expire", n)
	}
	h.stop()
	both(time.Hour + time.Minute)
	s.Fail("chat.postMessage", 1, slacktest.Fault{Kind: slacktest.LoseAnswer})
	h.start()
	rings := 0
	for _, card := range []slacktest.Message{first, second} {
		said(t, s, card.TS, "Reminder: ")
	}
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	h.stop()
	both(time.Hour)
	h.start()
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Agent.Running && s.Outbox == 0 })
	for _, card := range []slacktest.Message{first, second} {
		list := reminders(s, card.TS)
		if len(list) != 1 {
			t.Fatalf("%d reminders in a thread: %+v", len(list), list)
		}
		if m := list[0]; !m.Broadcast || !strings.Contains(m.Text, "expires in 3 hours 59 minutes") || !strings.Contains(m.Text, "Nobody has decided. Reply approve in this thread, or deny with a reason. Asked: jane-doe.") {
			t.Errorf("it says %q, broadcast %v", m.Text, m.Broadcast)
		}
		if strings.Contains(fmt.Sprint(list[0].Active()), jane) {
			rings++
		}
	}
	if rings != 1 {
		t.Errorf("two plans that expire together rang %d times", rings)
	}
}

func TestTheDailyLineSaysWhatWaitsAndNothingOnAQuietDay(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": "locals {}\n", "net/main.tf": data("a", "one")})
	config := strings.Replace(box(r, `plan_ttl = "100h"`)+"stack \"net\" {\n  dir = \"net\"\n  plan_ttl = \"100h\"\n}\n"+asking(s), "slack {", "slack {\n  daily = \"0 9 * * 1-5\"", 1)
	h := newHouse(t, config)
	now, skip := at(t, "2026-10-01 06:00")
	h.now = now
	h.start()
	h.Reaches("box", store.NoChanges)
	h.Reaches("net", store.Planned)
	h.MustDecide("net", "approve")
	h.Reaches("net", store.Applied)
	lines := func() (out []slacktest.Message) {
		for _, m := range s.Messages(ops) {
			if strings.Contains(m.Text, "Waiting for people") || strings.Contains(m.Text, "Behind the branch") {
				out = append(out, m)
			}
		}
		return out
	}
	next := func(d time.Duration) {
		t.Helper()
		h.stop()
		skip(d)
		h.start()
		h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Agent.Running && s.Outbox == 0 })
	}
	next(24 * time.Hour)
	r.commit("Change", map[string]string{"box/main.tf": data("b", "one"), "net/main.tf": data("a", "two")})
	h.Until("box", "planned", func(r control.Run) bool { return r.Status == store.Planned })
	h.Until("net", "planned", func(r control.Run) bool { return r.Status == store.Planned })
	h.MustDecide("net", "deny")
	if list := lines(); len(list) > 0 {
		t.Fatalf("a quiet day said %q", list[0].Text)
	}
	next(76 * time.Hour) // Monday, after the line; that of Friday was missed and is not said beside it
	said(t, s, "", "Waiting for people")
	next(time.Hour)
	next(time.Minute)
	list := lines()
	if len(list) != 1 {
		t.Fatalf("%d daily lines", len(list))
	}
	text := list[0].Text
	for _, part := range []string{"box (planned for 3 days)", "net by 1 commit since 2026-10-02", "(3 days)"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
}
