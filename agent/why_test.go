package agent_test

import (
	"context"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

func (h *house) why(words ...string) control.Why {
	h.t.Helper()
	w, err := h.Client.Why(context.Background(), "box")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, part := range words {
		if !strings.Contains(strings.Join(w.Because, "\n"), part) {
			h.t.Errorf("it is not said that %q: %q", part, w.Because)
		}
	}
	return w
}

func TestWhyThereIsARunOrNone(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": "module \"m\" { source = \"../m\" }\n", "m/main.tf": data("a", "one"),
		"box/reads.tf": "variable \"p\" {\n  default = null\n}\nlocals {\n  x = try(file(var.p), \"\")\n}\n"})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("box", store.Planned)
	if w := h.why("#1 (commit, planned)", "seen for the first time", "box/reads.tf:5: nobody can tell from here what file(var.p) reads"); len(w.Unknown) != 1 {
		t.Errorf("not known: %q", w.Unknown)
	}
	h.settle()
	h.why("the newest commit is applied")

	other := r.commit("Elsewhere", map[string]string{"docs/a.md": "a", "docs/b.md": "b"})
	h.Eventually("the head is known", func(s control.Status) bool { return s.Repositories[0].Head == other })
	if w := h.why("2 files changed since", "none belongs to the stack", "#1 (commit, applied)"); len(w.Touched) != 0 || w.Head != other {
		t.Errorf("%+v", w)
	}

	r.commit("The module", map[string]string{"m/main.tf": data("a", "two")})
	h.Reaches("2", store.Planned)
	if w := h.why("#2 (commit, planned)", "m/main.tf changed"); w.File != "m/main.tf" || strings.Join(w.Touched, " ") != "m/main.tf" || w.Run.ID != 2 {
		t.Errorf("%+v", w)
	}
	h.MustDecide("2", "deny")
	h.Reaches("2", store.Discarded)
	h.why("1 of its files differ", "asked about", "sallyport plan box")
	id := h.plan("box", true)
	h.Reaches(num(id), store.NoChanges)
	if w := h.why("#3 (manual, no_changes)", "asked for it: test"); w.Run.ID != 3 || w.File != "" {
		t.Errorf("%+v", w)
	}
	if _, err := h.Client.Why(context.Background(), "bix"); err == nil || !strings.Contains(err.Error(), `no stack "bix"`) {
		t.Errorf("%v", err)
	}
}
