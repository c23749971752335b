package agent_test

import (
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

// A commit that names another backend leads a plan to another state: nothing is made a second time by a plain approve, and nothing of
// the state that was applied is forgotten before somebody has said that the other one is meant.
func TestAPlanOnAnotherStateIsRefused(t *testing.T) {
	t.Parallel()
	first, second := tftest.NewBackend(t), tftest.NewBackend(t)
	objects := data("db", "x") + data("web", "y")
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": objects, "box/backend.tf": first.Block()})
	h := newHouse(t, box(r, `protect = ["terraform_data.db"]`)).start()
	h.settle()
	refused := func(run int, words string) {
		t.Helper()
		got := h.Reaches(num(run), store.Errored)
		if !strings.Contains(got.Error, words) || !strings.Contains(got.Hint, "sallyport state migrate box") || !strings.Contains(got.Hint, "--empty-state") {
			t.Errorf("#%d: error %q, hint %q", run, got.Error, got.Hint)
		}
	}
	r.commit("Move", map[string]string{"box/backend.tf": second.Block()})
	refused(2, "there is no state where the configuration says that it is, and the stack was applied with one of 2 resources")
	refused(h.plan("box", false), "there is no state")
	refused(h.begin(control.StartRequest{Stack: "box", Destroy: true}), "there is no state")
	h.Reaches(num(h.plan("box", true)), store.NoChanges) // a recovery is at the applied commit, whose backend is the one of before

	meant := h.begin(control.StartRequest{Stack: "box", EmptyState: true})
	run := h.Reaches(num(meant), store.Planned)
	if !run.Plan.NewState || len(run.Options.Kinds) != 1 || !strings.HasPrefix(run.Options.Kinds[0], "ANOTHER STATE") || run.Plan.Changes[0].Address != "terraform_data.db" {
		t.Errorf("%+v %+v", run.Options, run.Plan)
	}
	for _, words := range []string{"approve", "approve destroy"} {
		if err := h.Decide(num(meant), words); err == nil || !strings.Contains(err.Error(), "rotected") {
			t.Errorf("%s makes a protected object a second time: %v", words, err)
		}
	}
	h.MustDecide(num(meant), "deny")
	h.Reaches(num(meant), store.Discarded)
	refused(h.plan("box", false), "there is no state") // what was denied changes nothing

	meant = h.begin(control.StartRequest{Stack: "box", EmptyState: true})
	h.Reaches(num(meant), store.Planned)
	h.MustDecide(num(meant), "approve destroy terraform_data.db")
	h.Reaches(num(meant), store.Applied)
	h.Reaches(num(h.plan("box", false)), store.NoChanges) // that state is the stack's now

	r.commit("Back", map[string]string{"box/backend.tf": first.Block()})
	back := meant + 2
	refused(back, "is not the one that the stack was applied with")
}

// The state that the agent keeps it knows from the first apply on, so that even a state with the same addresses is not taken for it.
func TestAPlanOnTheStateOfAnotherStack(t *testing.T) {
	t.Parallel()
	backend := tftest.NewBackend(t)
	other := newRepository(t)
	other.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "box/backend.tf": backend.Block()})
	h := newHouse(t, box(other, "")).start()
	h.settle()
	h.stop()

	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h = newHouse(t, box(r, "")).start()
	h.settle()
	r.commit("Name a backend", map[string]string{"box/backend.tf": backend.Block()})
	if run := h.Reaches("2", store.Errored); !strings.Contains(run.Error, "is not the one that the stack was applied with") {
		t.Errorf("%q", run.Error)
	}
}
