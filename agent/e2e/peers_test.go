package e2e

import (
	"os"
	"strings"
	"testing"
)

// Two real agents with a data directory each watch one stack: both show it, and people are told once.
func TestTwoAgentsOnOneStack(t *testing.T) {
	t.Parallel()
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	first := newHouse(t, i.box()+asking(s), slackEnv).start()
	card(t, s, 1)
	first.sees("nothing is left to say", func(st status) bool { return st.Outbox == 0 })
	second := newHouse(t, i.box()+asking(s), slackEnv).start()
	for _, h := range []*house{first, second} {
		h.sees("another agent", func(st status) bool {
			p := st.problem("another agent")
			return p != nil && strings.Contains(p.Hint, "systemctl stop sallyport")
		})
		if text := h.must("status"); !has(text, "another agent") {
			t.Errorf("status does not show it:\n%s", text)
		}
	}
	told := 0
	for _, m := range s.Messages(ops) {
		told += strings.Count(m.Visible(), "is at work in this channel since")
	}
	if told != 1 {
		t.Errorf("told %d times\n%s", told, s.Transcript())
	}
}

// The volume is put back to a snapshot: the agent sees in Slack that it did more than it knows, and waits for a person.
func TestVolumePutBack(t *testing.T) {
	t.Parallel()
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	h := newHouse(t, i.box()+asking(s), slackEnv).start()
	h.reaches("1", "planned")
	m := card(t, s, 1)
	h.sees("nothing is left to say", func(st status) bool { return st.Outbox == 0 })
	h.stop()
	if err := os.CopyFS(h.Path("snapshot"), os.DirFS(h.Data())); err != nil {
		t.Fatal(err)
	}
	h.start()
	s.Reply(jane, ops, m.TS, "approve")
	h.reaches("1", "applied")
	replied(t, s, m.TS, "is applied")
	h.sees("nothing is left to say", func(st status) bool { return st.Outbox == 0 })
	h.kill()
	if err := os.RemoveAll(h.Data()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(h.Path("snapshot"), h.Data()); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.sees("it paused itself", func(st status) bool { return st.Agent.Paused && st.problem("history") != nil })
	r := h.until("1", "held", func(r run) bool { return strings.Contains(r.Held, "older state") })
	if r.Status != "planned" && r.Status != "approved" {
		t.Errorf("the run: %+v", r) // the approval in Slack is read again and counts; nothing is applied
	}
	h.must("deny", "1")
	h.must("resume")
	h.sees("it goes on", func(st status) bool { return !st.Agent.Paused && st.problem("history") == nil })
	h.must("plan", "box")
	h.reaches("2", "planned")
	if st := h.status(); st.Agent.Paused {
		t.Errorf("it paused again: %+v", st)
	}
}
