package agent_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

func TestRewrittenHistoryIsHeldAndAccepted(t *testing.T) {
	r := newRepository(t)
	first := r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	r.commit("Second", map[string]string{"box/main.tf": data("a", "two")})
	h := newHouse(t, box(r, "")).start()
	h.status("1", store.Planned)
	r.reset(first)
	other := r.commit("Other second", map[string]string{"box/main.tf": data("a", "three")})
	h.eventually("held", func(s control.Status) bool {
		return strings.Contains(s.Repositories[0].Error, "rewritten") && s.Repositories[0].HeldHead == other
	})
	h.status("1", store.Planned)
	ctx := context.Background()
	if err := h.client.Accept(ctx, control.AcceptRequest{Repository: "infra", Commit: first}); err == nil {
		t.Error("another commit was accepted")
	}
	if err := h.client.Accept(ctx, control.AcceptRequest{Repository: "infra", Commit: other[:10]}); err != nil {
		t.Fatal(err)
	}
	h.status("1", store.Superseded)
	h.status("2", store.Planned)
}

// The worst night: the repository lives on the node that died. A person's run goes on at the newest commit known, says
// so, and is applied; a run that follows the branch waits.
func TestGitIsDownAndTheNodeComesBack(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.status("1", store.Planned)
	h.mustDecide("1", "approve")
	h.status("1", store.Applied)
	r.commit("Next", map[string]string{"box/main.tf": data("a", "two")})
	h.status("2", store.Planned)
	if err := os.Rename(r.dir, r.dir+".gone"); err != nil {
		t.Fatal(err)
	}
	h.eventually("the error is shown", func(s control.Status) bool { return s.Repositories[0].Error != "" })
	h.mustDecide("2", "approve")
	run := h.until("2", "held", func(r control.Run) bool { return r.Status == store.Approved && r.Held != "" })
	if !strings.Contains(run.Held, "newer commit") {
		t.Errorf("held %q", run.Held)
	}
	id := h.plan("box", false)
	h.status("2", store.Superseded)
	run = h.status(fmt.Sprint(id), store.Planned)
	if !strings.Contains(run.GitDown, "cannot be read since") {
		t.Errorf("the prompt does not say that git is down: %q", run.GitDown)
	}
	h.mustDecide(fmt.Sprint(id), "approve")
	h.status(fmt.Sprint(id), store.Applied)
	if err := os.Rename(r.dir+".gone", r.dir); err != nil {
		t.Fatal(err)
	}
	h.eventually("git is back", func(s control.Status) bool { return s.Repositories[0].Error == "" })
}

func TestRecoverIsAtTheAppliedCommit(t *testing.T) {
	r := newRepository(t)
	applied := r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.status("1", store.Planned)
	h.mustDecide("1", "approve")
	h.status("1", store.Applied)
	next := r.commit("Next", map[string]string{"box/main.tf": data("a", "two")})
	h.status("2", store.Planned)
	id := h.plan("box", true)
	run := h.status(fmt.Sprint(id), store.NoChanges)
	if run.Commit != applied || run.Position != "at the applied commit" {
		t.Errorf("recover: %+v", run)
	}
	h.status("2", store.Superseded)
	// The commit that had to make way is asked again.
	again := h.status("box", store.Planned)
	if again.Commit != next || again.ID != 4 {
		t.Errorf("after the recovery: #%d at %s", again.ID, again.Commit)
	}
}
