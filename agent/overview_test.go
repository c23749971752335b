package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// overviewsIn are the messages about several stacks of a commit.
func overviewsIn(s *slacktest.Server) []slacktest.Message {
	var out []slacktest.Message
	for _, m := range s.Messages(ops) {
		if strings.Contains(m.Text, "stacks: ") && strings.HasPrefix(m.Text, "Commit ") {
			out = append(out, m)
		}
	}
	return out
}

// A commit that touches several stacks has one message with a line for each, above the prompts; it is edited, not repeated.
func TestACommitOfSeveralStacksHasOneMessage(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r, dir := newRepository(t), t.TempDir()
	r.commit("Add", map[string]string{
		"net/main.tf": chained(dir, "net", "one"), "box/main.tf": chained(dir, "box", "one", "net"), "app/main.tf": chained(dir, "app", "one", "box"),
	})
	h := newHouse(t, box(r, `depends_on = ["net"]`)+`
stack "net" { dir = "net" }
stack "app" {
  dir        = "app"
  depends_on = ["box"]
}
`+asking(s)).start()
	for _, stack := range []string{"net", "box", "app"} {
		h.applies(stack)
	}
	if got := overviewsIn(s); len(got) > 0 {
		t.Errorf("stacks that are seen for the first time are summed up already: %v", got)
	}

	r.commit("Move both", map[string]string{"net/main.tf": chained(dir, "net", "two"), "box/main.tf": chained(dir, "box", "two", "net")})
	net := h.Reaches("net", store.Planned)
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	first := said(t, s, "", "concerns 2 stacks: Move both")
	if card := said(t, s, "", fmt.Sprintf("sallyport #%d", net.ID)); card.TS <= first.TS {
		t.Errorf("the prompt %q is not below %q", card.Text, first.Text)
	}
	if i, j := strings.Index(first.Text, "net #"), strings.Index(first.Text, "box #"); i < 0 || j < i {
		t.Errorf("the order is not that of the stacks: %q", first.Text)
	}

	// Who is held says why, and what follows joins.
	h.MustDecide("net", "deny")
	said(t, s, "", fmt.Sprintf("waits for net, whose run #%d ended discarded. Next: @sallyport plan net", net.ID))
	id := h.plan("net", false)
	h.Reaches(fmt.Sprint(id), store.Planned)
	said(t, s, "", fmt.Sprintf("#%d with the same changes was denied by", net.ID)) // whoever decides now is told
	h.MustDecide(fmt.Sprint(id), "approve destroy")
	h.applies("box")
	h.Reaches("app", store.Planned)
	last := said(t, s, "", "concerns 3 stacks: Move both")
	if last.TS != first.TS {
		t.Error("the message was posted anew")
	}
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	if got := overviewsIn(s); len(got) != 1 || !strings.Contains(got[0].Text, "app #") || !strings.Contains(got[0].Text, ": applied") {
		t.Errorf("the messages about commits: %v", got)
	}

	// One stack needs none.
	h.applies("app")
	r.commit("Move one", map[string]string{"app/main.tf": chained(dir, "app", "two", "box")})
	h.applies("app")
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	if got := overviewsIn(s); len(got) != 1 {
		t.Errorf("one stack got a message of its own: %v", got)
	}
}
