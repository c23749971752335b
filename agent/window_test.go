package agent_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/store"
)

// at is a clock that stands at a moment in UTC and goes on from there.
func at(t *testing.T, text string) (now func() time.Time, skip func(time.Duration)) {
	t.Helper()
	moment, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	now, skip = clock()
	skip(time.Until(moment))
	return now, skip
}

const officeHours = `apply_window = { schedule = "CRON_TZ=Europe/Berlin 0 9 * * 1-5", duration = "8h" }` + "\n"

// Status says until when a window is closed; when it is, is a rule of package lifecycle.
func TestApplyWindow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at     string
		config string
		want   string // in status; empty: open
		opens  string
	}{
		"inside": {at: "2026-10-01 08:00", config: officeHours},
		"frozen": {at: "2026-12-24 10:00", config: officeHours + `freeze = { from = "2026-12-19", to = "2027-01-02", zone = "Europe/Berlin", reason = "holidays" }`,
			want: "frozen until 2027-01-04 09:00 CET (Europe/Berlin): holidays", opens: "2027-01-04 08:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			r.commit("Add", map[string]string{"README.md": "no stack yet"})
			h := newHouse(t, box(r, c.config))
			h.now, _ = at(t, c.at)
			h.start()
			s := h.Eventually("the stack is shown", func(s control.Status) bool { return len(s.Stacks) == 1 })
			st := s.Stacks[0]
			if (c.want == "") != (st.ApplyClosed == "") || !strings.Contains(st.ApplyClosed, c.want) {
				t.Errorf("it says %q, want %q", st.ApplyClosed, c.want)
			}
			opens := ""
			if st.ApplyOpensAt != nil {
				opens = st.ApplyOpensAt.Format("2006-01-02 15:04")
			}
			if opens != c.opens {
				t.Errorf("it opens %s, want %s", opens, c.opens)
			}
		})
	}
}

func TestApprovalOutsideTheWindowWaits(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, officeHours)+asking(s))
	now, skip := at(t, "2026-10-01 20:00")
	h.now = now
	h.start()
	card := said(t, s, "", "an approval counts and waits until then")
	s.Reply(jane, ops, card.TS, "approve")
	run := h.Until("1", "approved and held", func(r control.Run) bool { return r.Status == store.Approved && r.Held != "" })
	if !strings.Contains(run.Held, "outside the apply window until 2026-10-02 09:00 CEST") || strings.Contains(run.Held, "expires") {
		t.Errorf("held %q", run.Held)
	}
	said(t, s, card.TS, "The approval counts and waits: outside the apply window until 2026-10-02 09:00 CEST")
	// A restart, and a look a minute before, apply nothing.
	h.stop()
	skip(10*time.Hour + 58*time.Minute)
	h.start()
	h.Until("1", "still held", func(r control.Run) bool { return r.Status == store.Approved && r.Held != "" })
	skip(2 * time.Minute)
	h.Reaches("1", store.Applied)
	// What is gone is wired back at any hour.
	skip(20 * time.Hour)
	h.plan("box", true)
	h.Reaches("2", store.NoChanges)
}

func TestRecoverWaitsForNoWindow(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	// The input changes at each plan, so that recover has something to apply.
	r.commit("Add", map[string]string{"box/main.tf": "resource \"terraform_data\" \"a\" {\n  input = timestamp()\n}\n"})
	h := newHouse(t, box(r, officeHours))
	now, skip := at(t, "2026-10-01 10:00")
	h.now = now
	h.start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	skip(10 * time.Hour)
	h.plan("box", false)
	h.Reaches("2", store.Planned)
	h.MustDecide("2", "approve")
	h.Until("2", "held", func(r control.Run) bool { return r.Status == store.Approved && r.Held != "" })
	if id := h.plan("box", true); id != 3 {
		t.Fatalf("recover is #%d", id)
	}
	if run := h.Reaches("3", store.Planned); run.Held != "" {
		t.Errorf("recover is held: %q", run.Held)
	}
	h.MustDecide("3", "approve")
	h.Reaches("3", store.Applied)
}

func TestPlanThatExpiresBeforeTheWindowSaysSo(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, officeHours+`plan_ttl = "4h"`))
	now, skip := at(t, "2026-10-02 20:00")
	h.now = now
	h.start()
	h.Reaches("1", store.Planned)
	answer, err := h.Client.Decide(t.Context(), control.DecideRequest{Ref: "1", Words: "approve"})
	if err != nil || !strings.Contains(answer.Message, "is approved. The approval counts and waits: outside the apply window until 2026-10-05 09:00 CEST (Europe/Berlin); this plan expires before that, at 2026-10-03 00:00 UTC") {
		t.Errorf("answer %q, %v", answer.Message, err)
	}
	skip(5 * time.Hour)
	if run := h.Reaches("1", store.Expired); !strings.Contains(run.Error, "it was approved and could not be applied in time") {
		t.Errorf("it says %q", run.Error)
	}
}

// A pause from a shell is seen by those who only look at Slack, with who, why and since when; and so is its end.
func TestPauseShowsEverywhere(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	if err := h.Client.Pause(t.Context(), control.PauseRequest{Stack: "box", Reason: "incident 42"}); err != nil {
		t.Fatal(err)
	}
	note := said(t, s, "", "Stack box is paused by "+me(t))
	// Said again, since the answer may have got lost, it is no news.
	if err := h.Client.Pause(t.Context(), control.PauseRequest{Stack: "box", Reason: "incident 42"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(note.Text, "since 20") || !strings.Contains(note.Text, "incident 42") {
		t.Errorf("the channel is told %q", note.Text)
	}
	run := h.Until("1", "held", func(r control.Run) bool { return strings.Contains(r.Held, "incident 42") })
	st := h.Eventually("paused", func(s control.Status) bool { return s.Stacks[0].Pause != nil })
	if p := st.Stacks[0].Pause; !strings.HasPrefix(p.By, "cli:") || p.Reason != "incident 42" || p.At.IsZero() || !strings.Contains(run.Held, "since") {
		t.Errorf("pause %+v, held %q", p, run.Held)
	}
	if err := s.WaitFor(t.Context(), func() bool {
		m, _ := s.Message(ops, card.TS)
		return strings.Contains(m.Visible(), "incident 42")
	}); err != nil {
		t.Error("the card does not say it: ", err)
	}
	said(t, s, s.Say(eve, ops, "<@"+s.BotUserID()+"> status"), "box: PAUSED by "+me(t))
	for _, held := range []bool{true, false} {
		done, err := h.Client.Resume(t.Context(), control.ResumeRequest{Stack: "box"})
		if err != nil || done.Held != held {
			t.Fatalf("resumed: %+v, %v", done, err)
		}
	}
	said(t, s, "", "Stack box goes on: "+me(t))
	h.Eventually("everything is said", func(s control.Status) bool { return s.Outbox == 0 })
	if paused, on := count(s, "Stack box is paused by "+me(t)), count(s, "Stack box goes on: "+me(t)); paused != 1 || on != 1 {
		t.Errorf("the pause was told %d times, its end %d times", paused, on)
	}
}
