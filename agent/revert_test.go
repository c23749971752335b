package agent_test

import (
	"context"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// A commit that was denied, taken back and brought again is asked about again.
func TestACommitThatComesAgainIsAskedAgain(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "A")})
	h := newHouse(t, box(r, "")).start()
	h.settle()
	r.commit("Change", map[string]string{"box/main.tf": data("a", "B")})
	h.Reaches("2", store.Planned)
	h.MustDecide("2", "deny not today")
	h.Reaches("2", store.Discarded)
	back := r.commit("Take it back", map[string]string{"box/main.tf": data("a", "A")})
	h.Eventually("the commit that takes it back is seen", func(s control.Status) bool { return s.Repositories[0].Head == back && s.Stacks[0].Behind == 0 })
	again := r.commit("Bring it again", map[string]string{"box/main.tf": data("a", "B")})
	run := h.Until("box", "of the commit that brings it again", func(run control.Run) bool { return run.Commit == again && run.Status == store.Planned })
	if run.Kind != store.KindCommit || run.Plan.Change != 1 {
		t.Errorf("%+v", run)
	}
}

// What an apply that failed has made goes with the commit that takes its own back, and status says until then that it is there.
func TestTakingBackAnApplyThatFailed(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "A")})
	h := newHouse(t, box(r, "")).start()
	h.settle()
	r.commit("Add nodes", map[string]string{"box/main.tf": data("a", "A") + data("costly", "10 nodes") +
		"resource \"terraform_data\" \"b\" {\n  depends_on = [terraform_data.costly]\n  provisioner \"local-exec\" {\n    command = \"exit 1\"\n  }\n}\n"})
	h.Reaches("2", store.Planned)
	h.MustDecide("2", "approve")
	h.Reaches("2", store.Errored)
	h.Eventually("status says that the last apply did not end well", func(s control.Status) bool { return s.Stacks[0].Partly != nil })
	back := r.commit("Take it back", map[string]string{"box/main.tf": data("a", "A")})
	run := h.Until("box", "of the commit that takes it back", func(run control.Run) bool { return run.Commit == back && run.Status == store.Planned })
	if run.Plan.Destroy != 2 || run.Plan.Add+run.Plan.Change != 0 {
		t.Errorf("%+v", run.Plan)
	}
	if s, err := h.Client.Status(context.Background()); err != nil || s.Stacks[0].Partly == nil || s.Stacks[0].Behind == 0 {
		t.Errorf("before it is applied: %+v, %v", s.Stacks, err)
	}
	h.MustDecide(num(run.ID), "approve destroy")
	h.Reaches(num(run.ID), store.Applied)
	s := h.Eventually("it ended well", func(s control.Status) bool { return s.Stacks[0].Partly == nil && s.Stacks[0].Behind == 0 })
	if left, code, err := h.exec("", "state", "list"); strings.TrimSpace(left) != "terraform_data.a" || code != 0 || err != nil || s.Stacks[0].Resources != 1 {
		t.Errorf("left is %q, %d, %v, and status says %d", left, code, err, s.Stacks[0].Resources)
	}
}
