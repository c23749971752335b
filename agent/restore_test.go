package agent_test

import (
	"context"
	"strings"
	"testing"

	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

func (h *house) restoreState(ref string) (string, error) {
	r, err := h.Client.RestoreState(context.Background(), control.RestoreStateRequest{Stack: "box", Ref: ref})
	return r.Message, err
}

func (h *house) copies() []archive.StateCopy {
	h.t.Helper()
	list, err := h.Client.States(context.Background(), "box")
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// A state that is kept by the agent, and one in a backend with a lock: the copy of before an apply comes back, the one that it
// replaces is kept, and the plan says what that means.
func TestAKeptStateComesBack(t *testing.T) {
	t.Parallel()
	for name, block := range map[string]func(*testing.T) string{
		"kept by the agent": func(*testing.T) string { return "terraform {}\n" },
		"in a backend":      func(t *testing.T) string { return tftest.NewBackend(t).Block() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := workspace(t)
			r := newRepository(t)
			r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "box/backend.tf": block(t)})
			h := newHouse(t, box(r, "")+asking(s)).start()
			h.settle()
			r.commit("More", map[string]string{"box/main.tf": data("a", "one") + data("b", "two")})
			h.Reaches("2", store.Planned)
			h.MustDecide("2", "approve")
			h.Reaches("2", store.Applied)
			list := h.copies()
			if len(list) != 2 || list[0].Name != "run-2" || list[0].Resources != 1 || list[1].Resources != 0 || list[0].Lineage == "" {
				t.Fatalf("%+v", list)
			}
			_, err := h.restoreState("nonsense")
			refusedFor(t, err, "is called nonsense")

			waiting := h.begin(control.StartRequest{Stack: "box", Destroy: true})
			h.Reaches(num(waiting), store.Planned)
			_, err = h.restoreState("run-2")
			refusedFor(t, err, "is planned")
			h.MustDecide(num(waiting), "deny")
			h.Reaches(num(waiting), store.Discarded)

			text, err := h.restoreState("run-2")
			if err != nil || !strings.Contains(text, "run-2, serial 1 then") {
				t.Fatalf("%q, %v", text, err)
			}
			said(t, s, "", "restored a state. The state of box is again that of")
			list = h.copies()
			if len(list) != 3 || list[0].Run != 0 || list[0].Resources != 2 {
				t.Fatalf("what was replaced is not kept: %+v", list)
			}
			// b is in no state any more, so it is planned again; taking the restore back needs nothing but the copy.
			again := h.plan("box", false)
			if run := h.Reaches(num(again), store.Planned); run.Plan.Add != 1 || run.Plan.Changes[0].Address != "terraform_data.b" {
				t.Errorf("%+v", run.Plan)
			}
			h.MustDecide(num(again), "deny")
			h.Reaches(num(again), store.Discarded)
			if text, err = h.restoreState(list[0].Name); err != nil {
				t.Fatalf("%q, %v", text, err)
			}
			again = h.plan("box", false)
			h.Reaches(num(again), store.NoChanges)
		})
	}
}
