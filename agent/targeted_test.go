package agent_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/store"
)

// A plan of one address, with real terraform: it is planned again before the apply with the same address; its commit does not count
// as applied; the commit's own run comes, says what was left out, and settles it.
func TestATargetedPlan(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	first := r.commit("Add", map[string]string{"box/main.tf": data("node", "one")})
	h := newHouse(t, box(r, `verify_after = "1h"`))
	now, skip := clock()
	up, skipUp := ticking()
	h.now, h.uptime = now, up
	h.start()
	h.settle()
	head := r.commit("More", map[string]string{"box/main.tf": data("node", "two") + data("volume", "three")})
	h.Eventually("the commit is planned", func(s control.Status) bool {
		return s.Stacks[0].Run != nil && s.Stacks[0].Run.ID == 2 && s.Stacks[0].Run.Status == store.Planned
	})

	h.refused(control.StartRequest{Stack: "box", Targets: []string{"terraform_data.nod"}}, "no terraform_data.nod to target")
	h.refused(control.StartRequest{Stack: "box", Targets: []string{"terraform_data.node"}, Destroy: true}, "do not go together")
	h.Reaches("2", store.Planned) // a slip does not cost it its place

	id := h.begin(control.StartRequest{Stack: "box", Targets: []string{"terraform_data.volume"}})
	run := h.Reaches(num(id), store.Planned)
	if len(run.Plan.Changes) != 1 || run.Plan.Changes[0].Address != "terraform_data.volume" || run.Plan.Add != 1 || run.Commit != head || len(run.Decisions) != 0 {
		t.Errorf("the plan is of more: %+v", run.Plan)
	}
	if kinds := strings.Join(run.Options.Kinds, ""); !strings.HasPrefix(kinds, "TARGETED, NOT THE WHOLE COMMIT") || !strings.HasSuffix(kinds, "only terraform_data.volume") {
		t.Errorf("it is called %q", kinds)
	}
	skip(2 * time.Hour)
	skipUp(2 * time.Hour)
	h.MustDecide(num(id), "approve")
	if run = h.Reaches(num(id), store.Applied); run.Plan.ApprovedDigest == "" {
		t.Errorf("it was not planned again before the apply: %+v", run.Plan)
	}

	var next control.Run
	s := h.Eventually("the commit is planned again", func(s control.Status) bool {
		if r := s.Stacks[0].Run; r != nil && r.ID > id && r.Status == store.Planned {
			next = *r
		}
		return next.ID != 0
	})
	st := s.Stacks[0]
	if st.AppliedCommit != first || st.Behind != 1 || len(st.LeftOut) != 1 || st.LeftOut[0].Run != id || st.LeftOut[0].Commit != head {
		t.Errorf("the commit counts as applied: %+v", st)
	}
	if next.Kind != store.KindCommit || next.Commit != head || len(next.Plan.Changes) != 1 || next.Plan.Changes[0].Address != "terraform_data.node" {
		t.Errorf("the next plan is not of the rest: %+v", next)
	}
	if said := strings.Join(next.Warnings, "; "); !strings.Contains(said, num(id)+" applied only terraform_data.volume of commit "+head[:10]) || !strings.Contains(said, "cli:") {
		t.Errorf("it does not say what was left out: %q", said)
	}
	h.MustDecide(num(next.ID), "approve")
	h.Reaches(num(next.ID), store.Applied)
	h.Eventually("nothing is left out", func(s control.Status) bool {
		return s.Stacks[0].AppliedCommit == head && len(s.Stacks[0].LeftOut) == 0
	})
}
