package agent_test

import (
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/store"
)

// forced is a terraform_data that a change of its trigger replaces.
func forced(name, trigger string) string {
	return "resource \"terraform_data\" \"" + name + "\" {\n  triggers_replace = \"" + trigger + "\"\n}\n"
}

func TestRoutineReplacementAndLargePlans(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": forced("node", "1") + forced("vault", "1") + data("a", "1") + data("b", "2")})
	h := newHouse(t, box(r, "replaceable = [\"terraform_data.*\"]\n  protect = [\"terraform_data.vault\"]\n  max_destroy = 2")).start()
	h.settle()

	r.commit("Recycle the node", map[string]string{"box/main.tf": forced("node", "2") + forced("vault", "1") + data("a", "1") + data("b", "2")})
	run := h.Reaches("2", store.Planned)
	if !run.Plan.Changes[0].Routine || run.Decisive() != "sallyport approve 2" {
		t.Errorf("a routine replacement: %+v, %q", run.Plan.Changes, run.Decisive())
	}
	h.MustDecide("2", "approve")
	h.Reaches("2", store.Applied)

	// Protected wins over replaceable, and a destroy for good is no routine.
	r.commit("Recycle the vault", map[string]string{"box/main.tf": forced("node", "2") + forced("vault", "2") + data("a", "1") + data("b", "2")})
	h.Reaches("3", store.Planned)
	if err := h.Decide("3", "approve"); hint.Of(err) != "if you mean it: sallyport approve 3 destroy 1" {
		t.Errorf("a protected address passes with a plain approve: %v", err)
	}
	r.commit("Drop a", map[string]string{"box/main.tf": forced("node", "2") + forced("vault", "1") + data("b", "2")})
	if run = h.Reaches("4", store.Planned); run.Plan.Changes[0].Routine {
		t.Errorf("%+v", run.Plan.Changes)
	}
	if err := h.Decide("4", "approve"); err == nil {
		t.Error("a destroy for good passes with a plain approve")
	}

	// More than max_destroy: nobody is asked, and nobody can approve.
	h.begin(control.StartRequest{Stack: "box", Destroy: true})
	run = h.Reaches("5", store.Errored)
	if !strings.Contains(run.Error, "max_destroy of stack box is 2") || !strings.Contains(run.Hint, "to 4 and reload") || run.Plan.Destroy != 4 {
		t.Errorf("error %q, hint %q, plan %+v", run.Error, run.Hint, run.Plan)
	}
	if err := h.Decide("5", "approve destroy 1"); err == nil {
		t.Error("it can be approved")
	}
}

// A limit that is lowered while a plan waits counts for it.
func TestLoweredLimitEndsWhatWaits(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "1") + data("b", "2")})
	h := newHouse(t, box(r, "")).start()
	h.settle()
	h.begin(control.StartRequest{Stack: "box", Destroy: true})
	h.Reaches("2", store.Planned)
	h.Body = box(r, "max_destroy = 0")
	if err := h.agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if run := h.Reaches("2", store.Errored); !strings.Contains(run.Error, "max_destroy of stack box is 0") {
		t.Errorf("%+v", run)
	}
}

func TestMovedAndRemovedAreShownAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "1") + data("b", "2")})
	h := newHouse(t, box(r, `protect = ["terraform_data.b"]`)+asking(s)).start()
	h.settle()
	r.commit("Move a, let b go", map[string]string{"box/main.tf": data("c", "1") + `
moved {
  from = terraform_data.a
  to   = terraform_data.c
}
removed {
  from = terraform_data.b
  lifecycle { destroy = false }
}
`})
	run := h.Reaches("2", store.Planned)
	card := said(t, s, "", "1 to forget, 1 to move")
	for _, words := range []string{"terraform_data.b (left to itself: terraform forgets it, it is not destroyed)", "terraform_data.c (was terraform_data.a)"} {
		if !strings.Contains(card.Visible(), words) {
			t.Errorf("the card does not say %q:\n%s", words, card.Visible())
		}
	}
	if err := h.Decide("2", "approve"); err == nil || run.Plan.Destroy != 0 {
		t.Errorf("a protected address is forgotten with a plain approve: %v", err)
	}
	h.MustDecide("2", "approve destroy terraform_data.b")
	h.Reaches("2", store.Applied)
	said(t, s, card.TS, "0 created, 0 changed, 0 destroyed, 1 forgotten and not destroyed, 1 moved")
}
