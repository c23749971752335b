package agent_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// problem finds what status shows of a source; nil if it shows nothing.
func problem(s control.Status, source string) *control.Problem {
	for _, p := range s.Problems {
		if strings.HasPrefix(p.Source, source) {
			return &p
		}
	}
	return nil
}

// count is how many messages of the channel have a text in them.
func count(s *slacktest.Server, part string) int {
	n := 0
	for _, m := range s.Messages(ops) {
		if strings.Contains(m.Text+m.Visible(), part) {
			n++
		}
	}
	return n
}

// listened waits until the agent has read everything that was said up to now.
func (h *house) listened(s *slacktest.Server) {
	h.t.Helper()
	id := h.Eventually("", all).Agent.ID
	asked := s.Say(eve, ops, "<@"+s.BotUserID()+"> status")
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	_, err := s.WaitReply(ctx, ops, asked, func(m slacktest.Message) bool { return metadata(m)["agent"] == id })
	if err != nil {
		h.t.Fatal("it does not answer: ", err)
	}
}

// metadata is that of a run's card.
func metadata(m slacktest.Message) map[string]any {
	var meta struct {
		Payload map[string]any `json:"event_payload"`
	}
	_ = json.Unmarshal(m.Metadata, &meta)
	return meta.Payload
}

// settled applies nothing: the stack's plan is denied, so that nothing is open.
func (h *house) settled(ref string) {
	h.t.Helper()
	h.Reaches(ref, store.Planned)
	h.MustDecide(ref, "deny")
	h.Reaches(ref, store.Discarded)
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
}

func copyData(t *testing.T, from, to *house) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(to.Dir, "data")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(to.Dir, "data"), os.DirFS(filepath.Join(from.Dir, "data"))); err != nil {
		t.Fatal(err)
	}
}

func TestTwoAgentsOnOneStackAreNoticed(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	body := box(r, `mention = ["U01JANE0"]`) + asking(s)
	first := newHouse(t, body)
	now, skip := clock()
	first.now = now
	first.start()
	said(t, s, "", "1 to create")
	first.listened(s)
	second := newHouse(t, body).start()
	second.Reaches("1", store.Planned)
	ids := [2]string{first.Eventually("", all).Agent.ID, second.Eventually("", all).Agent.ID}

	note := said(t, s, "", "Another agent, "+ids[1])
	for _, part := range []string{ids[0], "stack box", "plan everything twice", "systemctl stop sallyport", filepath.Join(first.Dir, "data")} {
		if !strings.Contains(note.Visible(), part) {
			t.Errorf("the message lacks %q: %s", part, note.Visible())
		}
	}
	if len(note.Active()) == 0 {
		t.Error("the message rings no phone")
	}
	seen := func(h *house, other string) {
		t.Helper()
		st := h.Eventually("the other agent is shown", func(s control.Status) bool { return problem(s, "another agent "+other) != nil })
		if p := problem(st, "another agent"); p.Hint == "" || !strings.Contains(p.Error, other) {
			t.Errorf("shown as %+v", p)
		}
	}
	seen(first, ids[1])
	seen(second, ids[0]) // it heard that it was heard
	first.stop()
	second.stop()
	first.start()
	first.listened(s)
	seen(first, ids[1])
	if n := count(s, "Another agent, "+ids[1]); n != 1 {
		t.Errorf("told %d times", n)
	}
	skip(25 * time.Hour)
	first.Eventually("the other agent is forgotten", func(s control.Status) bool { return problem(s, "another agent") == nil })
}

func all(control.Status) bool { return true }

// An agent that took over from one that is gone finds its messages, and they are no sign of life. Stacks of the same name that
// are not the same stack, and what other apps write, are none either.
func TestNoOtherAgent(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	old := newHouse(t, box(r, "")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	old.settled("1")
	old.stop()
	h := newHouse(t, box(r, "")+asking(s)).start()
	h.settled("1")
	h.listened(s)
	h.stop()
	h.start() // its own cards of before the restart
	h.listened(s)

	forged := slacktest.Message{Channel: ops, User: "U0OTHER", BotID: "B0OTHER", AppID: "A0OTHER", Text: "forged", Metadata: card.Metadata}
	s.Post(forged)
	forged.User, forged.BotID, forged.AppID = eve, "", ""
	s.Post(forged)
	elsewhere := newHouse(t, box(r, `workspace = "staging"`)+asking(s)).start()
	elsewhere.Reaches("1", store.Planned)
	h.listened(s)
	if p := problem(h.Eventually("", all), "another agent"); p != nil {
		t.Errorf("an agent that is not there is seen: %+v", p)
	}
	if n := count(s, "Another agent") + count(s, "A copy of"); n != 0 {
		t.Errorf("told %d times", n)
	}
}

func TestCopyOfTheDataDirectoryIsNoticed(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	body := box(r, "") + asking(s)
	h := newHouse(t, body).start()
	h.settled("1")
	h.listened(s)
	h.stop()
	twin := newHouse(t, body)
	copyData(t, h, twin)
	h.start()
	h.listened(s)
	twin.start()
	twin.listened(s)
	h.plan("box", false)
	h.Reaches("2", store.Planned)
	said(t, s, "", "#2")
	st := twin.Eventually("it pauses", func(s control.Status) bool { return s.Agent.Paused && problem(s, "history") != nil })
	if st.Agent.Pause.By != "agent" || !strings.Contains(st.Agent.Pause.Reason, "history") {
		t.Errorf("paused %+v, problems %+v", st.Agent.Pause, st.Problems)
	}
	twin.resume()
	twin.plan("box", false)
	said(t, s, "", "A copy of this agent's data directory")
	h.Eventually("it pauses, too", func(s control.Status) bool { return s.Agent.Paused && problem(s, "another agent") != nil })
}

func (h *house) resume() {
	h.t.Helper()
	if _, err := h.Client.Resume(context.Background(), control.ResumeRequest{}); err != nil {
		h.t.Fatal(err)
	}
}

func TestStoreThatWentBackInTimePausesTheAgent(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s)).start()
	h.Reaches("1", store.Planned)
	card := said(t, s, "", "1 to create")
	h.listened(s)
	h.stop()
	snapshot := newHouse(t, "")
	copyData(t, h, snapshot)
	h.start()
	s.Reply(jane, ops, card.TS, "approve")
	h.Reaches("1", store.Applied)
	said(t, s, card.TS, "is applied")
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	h.stop()

	copyData(t, snapshot, h)
	h.start()
	st := h.Eventually("it pauses", func(s control.Status) bool { return s.Agent.Paused && problem(s, "history") != nil })
	if st.Agent.Pause.By != "agent" || !strings.Contains(st.Agent.Pause.Reason, "older state") {
		t.Errorf("paused %+v", st.Agent.Pause)
	}
	if p := problem(st, "history"); p == nil || !strings.Contains(p.Hint, "sallyport resume") {
		t.Errorf("problems %+v", st.Problems)
	}
	said(t, s, "", "The agent paused itself")
	h.Until("1", "held", func(r control.Run) bool { return strings.Contains(r.Held, "went astray") })
	h.stop()
	h.start() // still known, and told once
	h.listened(s)
	h.Eventually("it is still shown", func(s control.Status) bool { return s.Agent.Paused && problem(s, "history") != nil })
	if err := h.Client.Pause(context.Background(), control.PauseRequest{Stack: "box"}); err != nil {
		t.Fatal(err) // what was approved in the lost time must not be applied again here
	}
	h.resume()
	h.listened(s)
	st = h.Eventually("it goes on", all)
	if st.Agent.Paused || problem(st, "history") != nil {
		t.Errorf("the same message trips again: %+v", st)
	}
	if n := count(s, "paused itself"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

func TestCardsCarryTheHistory(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s)).start()
	before := metadata(said(t, s, "", "1 to create"))
	h.settled("1")
	after := metadata(said(t, s, "", "discarded"))
	for _, key := range []string{"run", "stack", "digest", "agent", "epoch", "history", "state"} {
		if before[key] == nil || before[key] == "" {
			t.Errorf("metadata lacks %s: %v", key, before)
		}
	}
	if before["history"] == after["history"] || before["epoch"] != after["epoch"] {
		t.Errorf("metadata %v, then %v", before, after)
	}
	h.stop()
	h.start()
	h.plan("box", false)
	if again := metadata(said(t, s, "", "#2")); again["epoch"] == before["epoch"] || again["agent"] != before["agent"] {
		t.Errorf("after a restart: %v", again)
	}
}
