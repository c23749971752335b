package agent_test

import (
	"os/user"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// me is the name under which the test talks to the agent.
func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

// breakGlass approves alone.
func (h *house) breakGlass(ref, words, reason string) (string, error) {
	r, err := h.Client.Decide(h.t.Context(), control.DecideRequest{Ref: ref, Words: words, BreakGlass: true, Reason: reason})
	return r.Message, err
}

func TestBreakGlassStandsForAllApprovalsUntilSomebodyReviewsIt(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "approvals = 3\nbreak_glass = [\""+me(t)+"\"]\nallow_self_approval = false")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	s.Reply(jane, ops, card.TS, "review")
	if _, err := h.breakGlass("1", "approve", "the site is down"); err != nil {
		t.Fatal(err)
	}
	run := h.Reaches("1", store.Applied)
	if g := run.BreakGlass; g == nil || g.By != "cli:"+me(t) || g.Reason != "the site is down" || g.ReviewedBy != "" {
		t.Errorf("break glass %+v", g)
	}
	if loud := said(t, s, card.TS, "BREAK GLASS: "+me(t)); !loud.Broadcast || !strings.Contains(loud.Text, "in the place of 3 approvals. Reason: the site is down") {
		t.Errorf("it was told as %q, broadcast %v", loud.Text, loud.Broadcast)
	}
	marked := func(n int) func(control.Status) bool {
		return func(s control.Status) bool { return len(s.Unreviewed) == n }
	}
	if st := h.Eventually("marked", marked(1)); st.Unreviewed[0].ID != 1 {
		t.Errorf("marked %+v", st.Unreviewed)
	}
	// It stays marked whatever comes after it, and whoever broke the glass takes no mark off.
	h.stop()
	h.start()
	h.plan("box", false)
	h.Reaches("2", store.NoChanges)
	if _, err := h.Client.Review(t.Context(), control.ReviewRequest{Ref: "1"}); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("one's own review: %v", err)
	}
	s.Reply(eve, ops, card.TS, "review")
	said(t, s, card.TS, "not one of the approvers")
	h.Eventually("still marked", marked(1))
	s.Reply(jane, ops, card.TS, "Review: looked at it, all is well")
	said(t, s, card.TS, "@jane reviewed the emergency approval of #1 box. looked at it, all is well")
	h.Eventually("not marked", marked(0))
	if run := h.Reaches("1", store.Applied); run.BreakGlass.ReviewedBy != "slack:"+jane || run.BreakGlass.Review != "looked at it, all is well" {
		t.Errorf("break glass %+v", run.BreakGlass)
	}
	said(t, s, "", "reviewed by @jane")
	s.Reply(joe, ops, card.TS, "reviewed")
	said(t, s, card.TS, "was reviewed by @jane already")
	for _, m := range s.Thread(ops, card.TS) {
		if strings.Contains(m.Text, "nobody broke the glass") {
			t.Errorf("talk was answered: %q", m.Text)
		}
	}
}

func TestBreakGlassPassesNothingElse(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("vol", "one")})
	named := "approvals = 2\nprotect = [\"*.vol\"]\nbreak_glass = [\"" + me(t) + "\"]\n"
	people := "person \"me\" { os = \"" + me(t) + "\" }\nperson \"other\" { os = \"other\" }\n"
	h := newHouse(t, box(r, named)+people).start()
	h.Reaches("1", store.Planned)
	refused := func(ref, words, reason, why string) {
		t.Helper()
		if _, err := h.breakGlass(ref, words, reason); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s %q: %v, want %q", words, reason, err, why)
		}
	}
	refused("1", "approve", " ", "says why")
	refused("1", "deny", "no", "only an approval")
	h.Body = box(r, "approvals = 2\nbreak_glass = [\"somebody-else\"]\nprotect = [\"*.vol\"]") + people
	if err := h.agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused("1", "approve", "because", "is not named in break_glass")
	h.Body = box(r, named) + people
	if err := h.agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.MustDecide("1", "approve") // an ordinary vote of the same person before does not stand in the way
	if _, err := h.breakGlass("1", "approve", "nobody else is awake"); err != nil {
		t.Fatal(err)
	}
	h.Reaches("1", store.Applied)
	r.commit("Empty", map[string]string{"box/main.tf": "# nothing\n"})
	h.Reaches("2", store.Planned)
	refused("2", "approve", "because", "must be named")
	if err := h.Client.Pause(t.Context(), control.PauseRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.breakGlass("2", "approve destroy 1", "because"); err != nil {
		t.Fatal(err)
	}
	h.Reaches("2", store.Approved)
	// Who is taken out of the configuration has approved like anybody else.
	h.Body = box(r, strings.ReplaceAll(named, me(t), "somebody-else")) + people
	if err := h.agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Reaches("2", store.Planned)
	h.Body = box(r, named) + people
	if err := h.agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Reaches("2", store.Approved)
	h.MustDecide("2", "deny")
	if run := h.Reaches("2", store.Discarded); run.Apply != nil {
		t.Error("it was applied")
	}
}
