package agent_test

import (
	"strings"
	"testing"

	"sallyport/store"
)

// What is protected and new takes a plain approve. What the stack had and its state has lost looks exactly as new to terraform, and
// takes the word that names it, in a thread as in a shell, with the card saying that it is empty.
func TestWhatTheStateLostIsNeverAPlainApprove(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("vol", "x") + data("node", "y")})
	h := newHouse(t, box(r, `protect = ["terraform_data.vol", "terraform_data.log"]`)+asking(s)).start()
	h.settle() // with a plain approve: it is the first apply

	r.commit("Another", map[string]string{"box/main.tf": data("vol", "x") + data("node", "y") + data("log", "z")})
	if run := h.Reaches("2", store.Planned); run.Plan.Changes[0].MustName || run.Plan.Changes[0].ComesBack {
		t.Errorf("a protected object that is new: %+v", run.Plan.Changes)
	}
	h.MustDecide("2", "approve")
	h.Reaches("2", store.Applied)

	for _, address := range []string{"terraform_data.node", "terraform_data.vol"} {
		if _, code, err := h.exec("", "state", "rm", address); code != 0 || err != nil {
			t.Fatalf("state rm %s: %d, %v", address, code, err)
		}
	}
	run := h.Reaches(num(h.plan("box", true)), store.Planned)
	if len(run.Plan.Changes) != 2 {
		t.Fatalf("%+v", run.Plan.Changes)
	}
	vol, node := run.Plan.Changes[0], run.Plan.Changes[1]
	if vol.Address != "terraform_data.vol" || !vol.MustName || !vol.ComesBack || vol.Before != store.BeforeThere || len(vol.DataFrom) != 0 {
		t.Errorf("the volume: %+v", vol)
	}
	if node.Address != "terraform_data.node" || node.MustName || node.ComesBack {
		t.Errorf("the node: %+v", node)
	}
	said(t, s, "", "1. +   create  terraform_data.vol (was there before, and the state has lost it) (PROTECTED: name it to approve) (comes back EMPTY)")
	said(t, s, "", "1 protected resource comes back EMPTY")
	for _, words := range []string{"approve", "approve destroy"} {
		if err := h.Decide(num(run.ID), words); err == nil || !strings.Contains(err.Error(), "terraform_data.vol") {
			t.Errorf("%s makes an empty one: %v", words, err)
		}
	}
	h.MustDecide(num(run.ID), "approve destroy 1")
	h.Reaches(num(run.ID), store.Applied)
}
