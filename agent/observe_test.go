package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// Whoever takes stacks over lets them be observed first. Switched on, each is planned once more: without changes it is taken as it is,
// and with changes people are asked, though no commit came since.
func TestObservedStacksAreSwitchedOn(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "clean/main.tf": "locals {}\n", "later/main.tf": "locals {}\n"})
	stacks := func(mode string) string {
		return box(r, mode) + fmt.Sprintf("stack \"clean\" {\n  dir = \"clean\"\n  %s\n}\nstack \"later\" {\n  dir = \"later\"\n  mode = \"observe\"\n}\n", mode) + asking(s)
	}
	h := newHouse(t, stacks(`mode = "observe"`)).start()
	note := said(t, s, "", "3 stacks were seen for the first time")
	for _, part := range []string{"Only observed, without changes: clean, later", "Only observed, with changes: box #"} {
		if !strings.Contains(note.Text, part) {
			t.Errorf("%q is not in %q", part, note.Text)
		}
	}
	before := h.Eventually("all are planned", func(s control.Status) bool {
		return !slices.ContainsFunc(s.Stacks, func(st control.Stack) bool { return st.Run == nil || st.Run.Status != store.Previewed })
	})
	for _, st := range before.Stacks {
		if st.Mode != control.ModeObserve || st.AppliedCommit != "" {
			t.Errorf("%s: mode %q, applied %q", st.Name, st.Mode, st.AppliedCommit)
		}
	}

	h.Body = stacks("")
	if err := h.agent.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	asked := h.Reaches("box", store.Planned)
	if asked.Kind != store.KindCommit || asked.Reason != "only observed until now" || asked.ID == before.Stacks[0].Run.ID {
		t.Errorf("box: %+v", asked)
	}
	after := h.Eventually("clean is taken as it is", func(s control.Status) bool { return s.Stacks[1].AppliedCommit != "" })
	if run := after.Stacks[1].Run; run.Status != store.NoChanges || run.Permalink != "" {
		t.Errorf("clean: %+v", run)
	}
	if st := after.Stacks[2]; st.Mode != control.ModeObserve || st.Run.ID != before.Stacks[2].Run.ID || st.AppliedCommit != "" {
		t.Errorf("what is still observed was planned again: %+v", st)
	}
	said(t, s, "", "2 stacks were seen for the first time. Without changes, taken as they are: clean. With changes: box #")
}
