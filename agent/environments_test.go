package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// Each key of a for_each is a stack of its own, with its own values and its own state. One that is renamed is a new one, whose first plan says what
// it may be; with one command it is.
func TestAKeyOfForEachIsRenamed(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"roots/a/main.tf": "variable \"size\" {}\nvariable \"where\" {}\n" + strings.Replace(data("x", "?"), `"?"`, `"${var.size} ${var.where}"`, 1)})
	body := func(key string) string {
		return strings.Replace(box(r, ""), "stack \"box\" {\n  dir = \"box\"", fmt.Sprintf(`
stacks "roots/*" {
  for_each  = { %s = 3, other = 1 }
  workspace = each.key == "other" ? "other" : "default"
  vars      = { size = each.value, where = dir }`, key), 1)
	}
	h := newHouse(t, body("prod")).start()
	for _, stack := range []string{"roots-a-other", "roots-a-prod"} {
		h.Eventually(stack+" is planned", func(s control.Status) bool {
			for _, st := range s.Stacks {
				if st.Name == stack && st.Run != nil && st.Run.Status == store.Planned {
					return true
				}
			}
			return false
		})
	}
	first := h.Reaches("roots-a-prod", store.Planned)
	if text, err := h.Client.PlanText(t.Context(), fmt.Sprint(first.ID)); err != nil || !strings.Contains(text, `"3 roots/a"`) || len(first.Warnings) != 0 && strings.Contains(strings.Join(first.Warnings, " "), "state move") {
		t.Errorf("its plan: %v, %v\n%s", err, first.Warnings, text)
	}
	h.MustDecide(fmt.Sprint(first.ID), "approve")
	h.Reaches(fmt.Sprint(first.ID), store.Applied)

	h.Configure(body("live"))
	if err := h.agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	renamed := h.Reaches("roots-a-live", store.Planned)
	if want := "sallyport state move roots-a-prod roots-a-live"; !strings.Contains(strings.Join(renamed.Warnings, "\n"), want) {
		t.Errorf("its warnings are %q", renamed.Warnings)
	}
	if _, err := h.Client.Cancel(t.Context(), control.CancelRequest{Ref: fmt.Sprint(renamed.ID)}); err != nil {
		t.Fatal(err)
	}
	h.Reaches(fmt.Sprint(renamed.ID), store.Canceled)
	if _, err := h.Client.MoveState(t.Context(), control.MoveStateRequest{Old: "roots-a-prod", New: "roots-a-live"}); err != nil {
		t.Fatal(err)
	}
	h.Reaches(fmt.Sprint(h.plan("roots-a-live", false)), store.NoChanges)
}
