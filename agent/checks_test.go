package agent_test

import (
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// Checks stop nothing, so that nobody would hear of those that fail: neither of one that only the apply can look at, nor of one
// that fails while there is nothing to change.
func TestFailingChecksAreTold(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	check := func(name, condition, message string) string {
		return "check \"" + name + "\" {\n  assert {\n    condition     = " + condition + "\n    error_message = \"" + message + "\"\n  }\n}\n"
	}
	endpoint := check("endpoint", `length(terraform_data.a.output) > 3`, "the endpoint does not answer")
	r.commit("Add", map[string]string{"box/main.tf": data("a", "A") + endpoint})
	h := newHouse(t, box(r, "")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	h.MustDecide("1", "approve")
	const fails = "check.endpoint fails: the endpoint does not answer"
	said(t, s, card.TS, fails) // the result in the thread
	run := h.Reaches("1", store.Applied)
	if len(run.Plan.Checks) != 0 || len(run.Apply.Checks) != 1 || run.Apply.Checks[0].Problems[0] != "the endpoint does not answer" {
		t.Errorf("checks of the plan %+v, of the apply %+v", run.Plan.Checks, run.Apply.Checks)
	}
	h.Eventually("status shows the check", func(s control.Status) bool { return len(s.Stacks[0].Checks) == 1 })

	// Planned again without a change it is known already. Another one that fails now is told, by a card of its own.
	r.commit("Comment", map[string]string{"box/main.tf": data("a", "A") + endpoint + "# more\n"})
	h.Reaches("2", store.NoChanges)
	r.commit("Look at the certificate", map[string]string{"box/main.tf": data("a", "A") + endpoint + check("certificate", "var.days > 14", "it expires in ${var.days} days") +
		"variable \"days\" { default = 5 }\n"})
	told := said(t, s, "", "#3: no changes")
	if text := told.Visible(); !strings.Contains(text, "check.certificate fails: it expires in 5 days") || !strings.Contains(text, fails) {
		t.Errorf("the card of what has nothing to do: %s", text)
	}
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	if n := len(s.Messages(ops)); n != 2 {
		t.Errorf("%d messages in the channel", n)
	}
	r.commit("Mend", map[string]string{"box/main.tf": data("a", "long enough") + endpoint})
	h.Reaches("4", store.Planned)
	h.MustDecide("4", "approve")
	h.Eventually("no check fails", func(s control.Status) bool {
		return len(s.Stacks[0].Checks) == 0 && s.Stacks[0].Run.Status == store.Applied
	})
}
