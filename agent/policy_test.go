package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/store"
)

func by(run control.Run) string {
	var who []string
	for _, d := range run.Decisions {
		who = append(who, d.By)
	}
	return strings.Join(who, ",")
}

// What disappeared comes back without anybody, is told like any other apply, and no more often a day than the limit says;
// then, on a paused stack and where it cannot tell, people are asked, with the reason.
func TestPolicyRecreates(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	d := newDriven(t, "auto_apply = \"recreate\"\nauto_apply_limit = 1\napprovals = 2\nmention = [\"S01OPS00\"]", asking(s))
	now, skip := clock()
	d.now = now
	d.repo.commit("Add", map[string]string{"box/main.tf": d.files("node", "other") + "resource \"terraform_data\" \"record\" {\n  input = local_file.node.id\n}\noutput \"id\" {\n  value = local_file.node.id\n}\n"})
	d.start()
	if run := d.Reaches("1", store.Planned); run.Asks != "auto_apply is recreate, but this is another commit than the one that is applied" {
		t.Errorf("the first run asks: %q", run.Asks)
	}
	card := said(t, s, "", "#1")
	s.Reply(jane, ops, card.TS, "approve")
	s.Reply(joe, ops, card.TS, "approve")
	d.Reaches("1", store.Applied)

	d.lose("node")
	run := d.Reaches("2", store.Applied)
	if by(run) != "policy:recreate" || run.Kind != store.KindDrift || run.Plan.Add != 1 || run.Plan.Change != 1 {
		t.Errorf("the run of the policy: %+v", run)
	}
	if !d.exists("node") {
		t.Error("the node is not back")
	}
	card = said(t, s, "", "#2")
	said(t, s, card.TS, "Approved by policy:recreate")
	if strings.Contains(card.Text, "approve") {
		t.Errorf("somebody is asked: %q", card.Text)
	}

	d.lose("node")
	run = d.Reaches("3", store.Planned)
	if run.Asks != "auto_apply is recreate, but 1 of 1 apply by policy is used up within 24 hours (auto_apply_limit)" || len(run.Decisions) != 0 {
		t.Errorf("after the limit: %+v", run)
	}
	if m := said(t, s, "", "#3"); !strings.Contains(fmt.Sprint(m.Blocks), "auto_apply_limit") {
		t.Errorf("the card does not say why it asks: %+v", m)
	}
	skip(25 * time.Hour) // the plan expires; the next check asks again, and it is another day
	d.Reaches("3", store.Expired)
	if run := d.Reaches("4", store.Applied); by(run) != "policy:recreate" {
		t.Errorf("on the next day: %+v", run)
	}
}

// The daring policies apply commits by themselves, and never what is protected.
func TestPolicyAppliesCommits(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one") + data("disk", "one")})
	h := newHouse(t, box(r, "auto_apply = \"always\"\nprotect = [\"terraform_data.disk\"]"))
	h.start()
	if run := h.Reaches("1", store.Planned); run.Asks != "auto_apply is always, but terraform_data.disk is protected" {
		t.Errorf("it asks: %q", run.Asks)
	}
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	r.commit("Drop a", map[string]string{"box/main.tf": data("disk", "one")})
	if run := h.Reaches("2", store.Applied); by(run) != "policy:always" || run.Kind != store.KindCommit || run.Plan.Destroy != 1 {
		t.Errorf("the run of the policy: %+v", run)
	}
	r.commit("Add b", map[string]string{"box/main.tf": data("disk", "one") + data("b", "one")})
	if run := h.Reaches("3", store.Applied); by(run) != "policy:always" {
		t.Errorf("the run of the policy: %+v", run)
	}
}

// A policy's approval that has to wait holds only as long as the policy would give it: then people are asked, loudly.
func TestPolicyTakesItsApprovalBack(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	from, to := time.Now().UTC().AddDate(0, 0, -1).Format("2006-01-02"), time.Now().UTC().AddDate(0, 0, 3).Format("2006-01-02")
	h := newHouse(t, box(r, fmt.Sprintf("auto_apply = \"no_destroy\"\nfreeze = { from = %q, to = %q }", from, to))+asking(s))
	h.start()
	if run := h.Until("1", "held", func(r control.Run) bool { return r.Status == store.Approved && r.Held != "" }); by(run) != "policy:no_destroy" {
		t.Errorf("approved by %q", by(run))
	}
	if err := h.Client.Pause(t.Context(), control.PauseRequest{Stack: "box", Reason: "look first"}); err != nil {
		t.Fatal(err)
	}
	run := h.Reaches("1", store.Planned)
	if len(run.Decisions) != 0 || !strings.Contains(run.Asks, "it is paused") {
		t.Errorf("after the pause: %+v", run)
	}
	card := said(t, s, "", "#1")
	said(t, s, card.TS, "waits for approval after all")
	if _, err := h.Client.Resume(t.Context(), control.ResumeRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	s.Reply(jane, ops, card.TS, "approve")
	if run := h.Reaches("1", store.Approved); by(run) == "policy:no_destroy" {
		t.Errorf("the policy decided again: %+v", run)
	}
}
