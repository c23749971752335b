package agent_test

import (
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

func TestFirstRunIsPlannedApprovedAndApplied(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	head := r.commit("Add the box", map[string]string{"box/main.tf": data("a", "one") + "output \"o\" { value = terraform_data.a.output }\n"})
	h := newHouse(t, box(r, "")).start()
	run := h.Reaches("box", store.Planned)
	if run.Commit != head || run.Kind != store.KindCommit || run.Plan.Add != 1 || run.Author != "Jane" || run.Subject != "Add the box" {
		t.Errorf("planned run: %+v", run)
	}
	h.MustDecide("box", "approve")
	run = h.Reaches("1", store.Applied)
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	told := strings.Join(h.Told(), "\n")
	if !strings.Contains(told, "1 to create") || !strings.Contains(told, "#1 box is applied") || strings.Count(told, "box #1: ") != 1 {
		t.Errorf("without Slack people are told:\n%s", told)
	}
	if len(run.Decisions) != 1 || !strings.HasPrefix(run.Decisions[0].By, "cli:") {
		t.Errorf("decisions: %+v", run.Decisions)
	}
	s := h.Eventually("applied commit", func(s control.Status) bool { return s.Stacks[0].AppliedCommit == head })
	if s.Stacks[0].Run.ID != 1 || s.Stacks[0].Behind != 0 {
		t.Errorf("stack: %+v", s.Stacks[0])
	}
}
