package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// verifying is a house with verify_after and clocks that a test moves on together.
func verifying(t *testing.T, s *slacktest.Server, r *repository, more string) (h *house, skip func(time.Duration)) {
	t.Helper()
	h = newHouse(t, box(r, "verify_after = \"1h\"\n"+more)+asking(s))
	now, skipWall := clock()
	up, skipUp := ticking()
	h.now, h.uptime = now, up
	return h, func(d time.Duration) { skipWall(d); skipUp(d) }
}

// nextSecond waits until terraform knows another time than before: in its plan files, and in plantimestamp(), seconds are all.
func nextSecond(h *house) {
	began := time.Now().Unix()
	for time.Now().Unix() == began {
		h.Tick(h.t.Context())
	}
}

// outside is a resource that depends on a file outside of the repository.
func outside(file string) string {
	return fmt.Sprintf("resource \"terraform_data\" \"a\" {\n  input = trimspace(file(%q))\n}\n", file)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnOldPlanIsVerifiedAndAppliedUnderTheSameApproval(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one") + "output \"o\" { value = 1 }\n"})
	h, skip := verifying(t, s, r, "")
	h.start()
	card := said(t, s, "", "1 to create")
	shown := h.Reaches("1", store.Planned).Plan
	skip(2 * time.Hour)
	nextSecond(h)
	s.Reply(jane, ops, card.TS, "approve")
	run := h.Reaches("1", store.Applied)
	if run.Plan.ApprovedDigest != shown.Digest || run.Plan.Digest == shown.Digest || shown.ApprovedDigest != "" {
		t.Errorf("shown %s; applied %s, approved %s", shown.Digest, run.Plan.Digest, run.Plan.ApprovedDigest)
	}
	if len(run.Decisions) != 1 || run.Decisions[0].By != "slack:"+jane {
		t.Errorf("decisions %+v", run.Decisions)
	}
	said(t, s, card.TS, "planned again before the apply, with the same changes: "+shown.Digest[:10]+" was approved, "+run.Plan.Digest[:10]+" takes its place")
	if end := said(t, s, card.TS, "is applied"); !strings.Contains(end.Text, "Approved by @jane") {
		t.Errorf("the end is told as %q", end.Text)
	}
	if result := readAll(t, filepath.Join(h.Dir, "data", "runs", "1"), "result.json"); !strings.Contains(result, run.Plan.Digest) {
		t.Errorf("the runner applied something else: %s", result)
	}
	h.Eventually("the plans are gone", func(control.Status) bool {
		left, _ := filepath.Glob(filepath.Join(h.Dir, "data", "runs", "1", "*", "plan"))
		more, _ := filepath.Glob(filepath.Join(h.Dir, "data", "runs", "1", "plan"))
		return len(left)+len(more) == 0
	})
}

func TestAnApprovedPlanThatIsNotTheSameAnyMoreAsksAgain(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	file := filepath.Join(t.TempDir(), "value")
	write(t, file, "first-value")
	r.commit("Add", map[string]string{"box/main.tf": outside(file)})
	h, skip := verifying(t, s, r, "")
	h.start()
	card := said(t, s, "", "1 to create")
	write(t, file, "second-value")
	skip(2 * time.Hour)
	s.Reply(jane, ops, card.TS, "approve")
	run := h.Reaches("1", store.Stale)
	want := "it is not the same any more: terraform_data.a: create, and not with the same values"
	if !strings.Contains(run.Error, want) || run.Apply != nil {
		t.Errorf("stale: %q, apply %v", run.Error, run.Apply)
	}
	said(t, s, card.TS, want)
	next := h.Reaches("2", store.Planned)
	if next.After != 1 || len(next.Decisions) != 0 {
		t.Errorf("what takes over: %+v", next)
	}
	again := said(t, s, "", "box #2")
	for _, m := range append(s.Messages(ops), s.Thread(ops, card.TS)...) {
		if strings.Contains(m.Text+m.Visible(), "-value") {
			t.Errorf("a value is shown: %q", m.Text)
		}
	}
	// Whoever approved the first has not approved this one.
	s.Reply(joe, ops, again.TS, "approve")
	h.Reaches("2", store.Applied)
}

func TestAPlanThatFlapsIsAskedTwiceAndNoMore(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": "resource \"terraform_data\" \"when\" {\n  input = plantimestamp()\n}\n" + data("calm", "one")})
	h, skip := verifying(t, s, r, "")
	h.start()
	card := said(t, s, "", "2 to create")
	for _, id := range []string{"1", "2"} {
		h.Reaches(id, store.Planned)
		skip(2 * time.Hour)
		nextSecond(h)
		h.MustDecide(id, "approve")
		run := h.Reaches(id, store.Stale)
		if !strings.Contains(run.Error, "terraform_data.when") || strings.Contains(run.Error, "calm") {
			t.Errorf("#%s: %q", id, run.Error)
		}
	}
	said(t, s, card.TS, "is stale")
	loud := said(t, s, said(t, s, "", "box #2").TS, "2 approved plans in a row were not the same any more")
	if !loud.Broadcast || !strings.Contains(loud.Text, "What does not come to rest: terraform_data.when: create") {
		t.Errorf("it says %q, broadcast %v", loud.Text, loud.Broadcast)
	}
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	if _, err := h.Client.Run(t.Context(), "3"); err == nil {
		t.Error("it asks a third time")
	}
	// A person may try again, and a plan that has come to rest is applied.
	h.plan("box", false)
	h.Reaches("3", store.Planned)
	h.MustDecide("3", "approve")
	h.Reaches("3", store.Applied)
}

// A hook that warns of the second plan, and had not of the first, warns people who have not decided.
func TestAWarningThatNobodyHadSeen(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h, skip := verifying(t, s, r, "")
	price := filepath.Join(h.Dir, "price")
	h.Body = strings.Replace(h.Body, "verify_after", "hooks {\n"+hook("after_plan", fmt.Sprintf("test ! -e %[1]s || { cat %[1]s; exit 2; }", price))+"}\nverify_after", 1)
	h.start()
	h.Reaches("1", store.Planned)
	skip(2 * time.Hour)
	write(t, price, "it costs twice as much")
	h.MustDecide("1", "approve")
	run := h.Reaches("1", store.Stale)
	if want := "the after_plan hook sh warns of something that it had not"; !strings.Contains(run.Error, want) || run.Apply != nil {
		t.Errorf("it ended with %q", run.Error)
	}
	run = h.Reaches("2", store.Planned)
	if len(run.HookNotes) != 1 || run.HookNotes[0].Text != "it costs twice as much" || !run.HookNotes[0].Warns {
		t.Errorf("it says %+v", run.HookNotes)
	}
	// What people have seen holds nothing up.
	skip(2 * time.Hour)
	h.MustDecide("2", "approve")
	if run = h.Reaches("2", store.Applied); len(run.HookNotes) != 1 || run.Plan.ApprovedDigest == "" {
		t.Errorf("it says %+v, approved %s", run.HookNotes, run.Plan.ApprovedDigest)
	}
}

// A stop in the middle of the second plan, and a deny, leave the run with the plan that was shown.
func TestVerifyIsInterrupted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		act  func(*house)
		want store.Status
	}{
		"by a stop":  {func(h *house) { h.stop(); write(h.t, filepath.Join(h.Dir, "go"), ""); h.start() }, store.Applied},
		"by a deny":  {func(h *house) { h.MustDecide("1", "deny") }, store.Discarded},
		"by a newer": {func(h *house) { h.plan("box", false) }, store.Superseded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := workspace(t)
			r := newRepository(t)
			r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
			h, skip := verifying(t, s, r, "")
			script := fmt.Sprintf(`test $SALLYPORT_STATUS = planning || test -e %[1]s/go || { : > %[1]s/waiting; sleep 600; }`, h.Dir)
			h.Body = strings.Replace(h.Body, "verify_after", "hooks {\n"+hook("before_plan", script)+"}\nverify_after", 1)
			h.start()
			shown := h.Reaches("1", store.Planned).Plan.Digest
			skip(2 * time.Hour)
			h.MustDecide("1", "approve")
			h.waitFor(filepath.Join(h.Dir, "waiting"))
			run := h.Until("1", "held", func(r control.Run) bool { return r.Held != "" })
			if run.Status != store.Approved || run.Plan.Digest != shown || !strings.Contains(run.Held, "planned again") {
				t.Errorf("while it is verified: %s, held %q, plan %s", run.Status, run.Held, run.Plan.Digest)
			}
			c.act(h)
			run = h.Reaches("1", c.want)
			if was := run.Plan.ApprovedDigest; (was == shown) != (c.want == store.Applied) {
				t.Errorf("approved %q, shown %q", was, shown)
			}
		})
	}
}
