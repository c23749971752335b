package agent_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/terraform/keptstate"
	"sallyport/store"
)

// A directory that is renamed makes another stack of a glob's. What was applied under the old name is its own again with one command.
func TestStateMovesWithItsStack(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"live/a/main.tf": data("x", "1")})
	h := newHouse(t, strings.Replace(box(r, `apply_env = { KEY = "apply" }`), "stack \"box\" {\n  dir = \"box\"", "stacks \"live/*\" {", 1)).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	r.commit("Rename", map[string]string{"live/a/main.tf": "", "live/b/main.tf": data("x", "1")})
	run := h.Reaches("2", store.Planned)
	if run.Stack != "live-b" || run.Plan.Add != 1 {
		t.Fatalf("the renamed stack's run: %+v", run)
	}
	move := func(from, to string) (string, error) {
		done, err := h.Client.MoveState(t.Context(), control.MoveStateRequest{Old: from, New: to})
		return done.Message, err
	}
	for _, c := range []struct{ from, to, want string }{
		{"live-a", "live-b", "#2 of live-b is open"}, {"live-b", "live-a", "live-b is a stack of its own still"}, {"nosuch", "live-b", "nothing is known of a stack nosuch"},
	} {
		if _, err := move(c.from, c.to); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s to %s: %v", c.from, c.to, err)
		}
	}
	if _, err := h.Client.Cancel(t.Context(), control.CancelRequest{Ref: "2"}); err != nil {
		t.Fatal(err)
	}
	h.Reaches("2", store.Canceled)
	// A plan that nobody saw the end of changed the state: what it noted of it comes back before the state moves.
	dir := filepath.Join(h.Dir, "data")
	state := datadir.State(dir, "live-a")
	if err := keptstate.Note(state, datadir.StateBefore(dir, "live-a")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	said, err := move("live-a", "live-b")
	if err != nil || !strings.Contains(said, "the state that is kept moved with it") {
		t.Fatalf("%q, %v", said, err)
	}
	if again, err := move("live-a", "live-b"); err == nil {
		t.Errorf("twice: %q", again)
	}
	h.notLent("live-b")
	h.plan("live-b", false)
	if run := h.Reaches("3", store.NoChanges); run.Plan.NewState {
		t.Errorf("the plan on the state that moved: %+v", run.Plan)
	}
	runs, err := h.Client.Runs(t.Context(), control.RunsQuery{Stack: "live-b"})
	if err != nil || len(runs) != 3 || runs[2].ID != 1 {
		t.Errorf("its history: %+v, %v", runs, err)
	}
}

// A stack that keeps its name and gets another directory: nobody has to write into a file.
func TestStateOfAStackWithAnotherDirectory(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("x", "1")})
	h := newHouse(t, box(r, `apply_env = { KEY = "apply" }`)).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	owner := filepath.Join(h.Dir, "data", "state", "box", "owner.json") // as it is after dir was another one
	if err := os.WriteFile(owner, []byte(`{"repository":"infra","dir":"crate","workspace":"default"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	h.plan("box", false)
	if run := h.Reaches("2", store.Errored); run.Hint != "if the stack really moved: sallyport state move box box; otherwise give the stack another name" {
		t.Errorf("hint: %s", run.Hint)
	}
	if _, err := h.Client.MoveState(t.Context(), control.MoveStateRequest{Old: "box", New: "box"}); err != nil {
		t.Fatal(err)
	}
	h.plan("box", false)
	h.Reaches("3", store.NoChanges)
	h.notLent("box")
}

// notLent expects that nothing of a stack gets what only applies get: nobody has approved its files of now.
func (h *house) notLent(stack string) {
	h.t.Helper()
	_, err := h.Client.Exec(h.t.Context(), control.ExecRequest{Stack: stack, Args: []string{"state", "rm", "terraform_data.x"}},
		control.Streams{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard})
	refusedFor(h.t, err, "no apply of "+stack+" at commit ")
	refusedFor(h.t, err, "nobody has approved the files")
}
