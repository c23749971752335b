package agent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

func (h *house) migrate(from string) (string, error) {
	r, err := h.Client.MigrateState(context.Background(), control.MigrateStateRequest{Stack: "box", From: from})
	return r.Message, err
}

// A state goes to where a commit says that it is, from where the agent keeps it and from one backend to another, if nothing would
// change by that; else both places stay as they were.
func TestAStateIsMigrated(t *testing.T) {
	t.Parallel()
	s, first, second := workspace(t), tftest.NewBackend(t), tftest.NewBackend(t)
	file := filepath.Join(t.TempDir(), "x.tfstate")
	local := fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n", file)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one") + fmt.Sprintf("resource \"terraform_data\" \"b\" {\n  input = fileexists(%q) ? \"moved\" : \"here\"\n}\n", file)})
	h := newHouse(t, box(r, "")+asking(s)).start()
	h.settle()
	_, err := h.migrate("")
	refusedFor(t, err, "the configuration names no backend")
	_, err = h.migrate("resource \"a\" \"b\" {}\n")
	refusedFor(t, err, "must hold one terraform block and nothing else")

	r.commit("Name a backend", map[string]string{"box/backend.tf": first.Block()})
	h.Reaches("2", store.Errored)
	text, err := h.migrate("")
	if err != nil || !strings.Contains(text, "The state of box (2 resources, lineage ") {
		t.Fatalf("%q, %v", text, err)
	}
	said(t, s, "", "migrated a state. The state of box")
	if !strings.Contains(first.State(), `"name": "b"`) {
		t.Errorf("where it should be is %q", first.State())
	}
	if aside, err := filepath.Glob(filepath.Join(h.Dir, "data", "state", "box", "terraform.tfstate*")); err != nil || len(aside) != 1 || !strings.Contains(aside[0], ".migrated-") {
		t.Errorf("where it was are %q, %v", aside, err)
	}
	h.Reaches(num(h.plan("box", false)), store.NoChanges)

	before := first.State()
	r.commit("Name another", map[string]string{"box/backend.tf": second.Block()})
	h.Reaches("4", store.Errored)
	_, err = h.migrate("")
	refusedFor(t, err, "keeps no state of box", "--from FILE")
	if text, err = h.migrate(first.Block()); err != nil || first.State() != before || !strings.Contains(second.State(), `"name": "b"`) {
		t.Fatalf("%q, %v; it was %q and is %q, there is %q", text, err, before, first.State(), second.State())
	}
	h.Reaches(num(h.plan("box", false)), store.NoChanges)

	before = second.State()
	r.commit("Move it and add something", map[string]string{"box/backend.tf": local + data("c", "new")})
	h.Reaches("6", store.Errored)
	_, err = h.migrate(second.Block())
	refusedFor(t, err, "is not empty (1 to add", "a commit of its own")
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("something is at the new place: %v", err)
	}
	// What only the move itself changes shows when it has been made, and takes it back.
	r.commit("Only move it", map[string]string{"box/backend.tf": local})
	h.Reaches("7", store.Errored)
	_, err = h.migrate(second.Block())
	refusedFor(t, err, "is not empty (0 to add, 1 to change")
	if left, err := os.ReadFile(file); err != nil || strings.Contains(string(left), "terraform_data") {
		t.Errorf("at the new place is %q, %v", left, err)
	}
	if second.State() != before {
		t.Errorf("where it was is %q, it was %q", second.State(), before)
	}
	if run := h.Reaches(num(h.plan("box", false)), store.Errored); !strings.Contains(run.Error, "holds nothing") {
		t.Errorf("a plan: %q", run.Error)
	}
}

// The backend of a commit that nobody has approved gets what applies get only from who names that commit.
func TestWhoMigratesNamesTheCommit(t *testing.T) {
	t.Parallel()
	b := tftest.NewBackend(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "  apply_env = { TOKEN = \"of applies\" }\n")).start()
	h.settle()
	commit := r.commit("Name a backend", map[string]string{"box/backend.tf": b.Block()})
	h.Reaches("2", store.Errored)
	migrate := func(commit string) error {
		_, err := h.Client.MigrateState(t.Context(), control.MigrateStateRequest{Stack: "box", Commit: commit})
		return err
	}
	refusedFor(t, migrate(""), "nobody has approved commit "+commit[:10], "--commit "+commit)
	refusedFor(t, migrate(strings.Repeat("0", 40)), "the branch's newest commit is "+commit)
	if err := migrate(commit); err != nil || b.State() == "" {
		t.Errorf("%v; there is %q", err, b.State())
	}
}
