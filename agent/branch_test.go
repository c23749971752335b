package agent_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/store"
)

func TestRewrittenHistoryIsHeldAndAccepted(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	first := r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	r.commit("Second", map[string]string{"box/main.tf": data("a", "two")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	r.reset(first)
	other := r.commit("Other second", map[string]string{"box/main.tf": data("a", "three")})
	h.Eventually("held", func(s control.Status) bool {
		return strings.Contains(s.Repositories[0].Error, "rewritten") && s.Repositories[0].HeldHead == other
	})
	h.Reaches("1", store.Planned)
	// From now on a poll is one round trip, which only the agent's memory keeps: the record stays as it was.
	before := h.agent.RecordedPoll("infra")
	h.Eventually("polled again", func(s control.Status) bool { return s.Repositories[0].PolledAt.Sub(before) > 2*time.Second })
	if after := h.agent.RecordedPoll("infra"); !after.Equal(before) {
		t.Errorf("a poll that finds the same held commit writes: %s, then %s", before, after)
	}
	ctx := context.Background()
	if err := h.Client.Accept(ctx, control.AcceptRequest{Repository: "infra", Commit: first}); err == nil {
		t.Error("another commit was accepted")
	}
	if err := h.Client.Accept(ctx, control.AcceptRequest{Repository: "infra", Commit: other[:10]}); err != nil {
		t.Fatal(err)
	}
	if run := h.Reaches("1", store.Superseded); !strings.Contains(run.Error, "changed box/main.tf") {
		t.Errorf("superseded: %q", run.Error)
	}
	h.Reaches("2", store.Planned)
}

// A rewritten branch that comes back to where it was needs nobody, though the polls between cost nothing.
func TestHeldBranchComesBack(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	first := r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	second := r.commit("Second", map[string]string{"box/main.tf": data("a", "two")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	r.reset(first)
	r.commit("Other second", map[string]string{"box/main.tf": data("a", "three")})
	h.Eventually("held", func(s control.Status) bool { return s.Repositories[0].HeldHead != "" })
	r.reset(second)
	h.Eventually("back", func(s control.Status) bool {
		return s.Repositories[0].HeldHead == "" && s.Repositories[0].Head == second && s.Repositories[0].Error == ""
	})
	h.Reaches("1", store.Planned)
}

// The run of a commit says what that commit changed, not what the first one since the applied commit did.
func TestSupersededSaysWhatChanged(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "box/other.tf": data("b", "one")})
	h := newHouse(t, box(r, "")).start()
	h.settle()
	r.commit("Second", map[string]string{"box/main.tf": data("a", "two")})
	h.Reaches("2", store.Planned)
	r.commit("Third", map[string]string{"box/other.tf": data("b", "two")})
	if run := h.Reaches("2", store.Superseded); !strings.HasSuffix(run.Error, "changed box/other.tf") {
		t.Errorf("superseded: %q", run.Error)
	}
}

// The worst night: the repository lives on the node that died. A person's run goes on at the newest commit known, says
// so, and is applied; a run that follows the branch waits.
func TestGitIsDownAndTheNodeComesBack(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	r.commit("Next", map[string]string{"box/main.tf": data("a", "two")})
	h.Reaches("2", store.Planned)
	if err := os.Rename(r.dir, r.dir+".gone"); err != nil {
		t.Fatal(err)
	}
	h.Eventually("the error is shown", func(s control.Status) bool { return s.Repositories[0].Error != "" })
	h.MustDecide("2", "approve")
	run := h.Until("2", "held", func(r control.Run) bool { return r.Status == store.Approved && r.Held != "" })
	if !strings.Contains(run.Held, "newer commit") {
		t.Errorf("held %q", run.Held)
	}
	id := h.plan("box", false)
	h.Reaches("2", store.Superseded)
	run = h.Reaches(fmt.Sprint(id), store.Planned)
	if !strings.Contains(run.GitDown, "cannot be read since") {
		t.Errorf("the prompt does not say that git is down: %q", run.GitDown)
	}
	h.MustDecide(fmt.Sprint(id), "approve")
	h.Reaches(fmt.Sprint(id), store.Applied)
	if err := os.Rename(r.dir+".gone", r.dir); err != nil {
		t.Fatal(err)
	}
	h.Eventually("git is back", func(s control.Status) bool { return s.Repositories[0].Error == "" })
}

func TestRecoverIsAtTheAppliedCommit(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	applied := r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	next := r.commit("Next", map[string]string{"box/main.tf": data("a", "two")})
	h.Reaches("2", store.Planned)
	id := h.plan("box", true)
	run := h.Reaches(fmt.Sprint(id), store.NoChanges)
	if run.Commit != applied || run.Position != "at the applied commit" {
		t.Errorf("recover: %+v", run)
	}
	h.Reaches("2", store.Superseded)
	// The commit that had to make way is asked again.
	again := h.Reaches("box", store.Planned)
	if again.Commit != next || again.ID != 4 {
		t.Errorf("after the recovery: #%d at %s", again.ID, again.Commit)
	}
	// So is one that had made way for a person's plan before that.
	h.plan("box", false)
	h.Reaches("5", store.Planned)
	h.Reaches(fmt.Sprint(h.plan("box", true)), store.NoChanges)
	again = h.Reaches("box", store.Planned)
	if again.Commit != next || again.ID != 7 || again.Kind != store.KindCommit {
		t.Errorf("after the second recovery: #%d, %s at %s", again.ID, again.Kind, again.Commit)
	}
	// What people have denied stays denied, whoever plans and recovers afterwards.
	h.MustDecide("7", "deny")
	h.plan("box", false)
	h.Reaches("8", store.Planned)
	h.Reaches(fmt.Sprint(h.plan("box", true)), store.NoChanges)
	r.commit("Elsewhere", map[string]string{"README.md": "about"})
	head := r.commit("Elsewhere again", map[string]string{"README.md": "more about"})
	h.Eventually("read", func(s control.Status) bool { return s.Repositories[0].Head == head && s.Stacks[0].Behind == 1 })
	if runs, err := h.Client.Runs(context.Background(), control.RunsQuery{}); err != nil || runs[0].ID != 9 {
		t.Errorf("the newest run is #%d (%s), %v", runs[0].ID, runs[0].Kind, err)
	}
}

// Whoever has just pushed and says plan gets what they pushed, however long ago the last poll was.
func TestPlanLooksForTheNewestCommit(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, strings.Replace(box(r, ""), `"@every 1s"`, `"0 3 1 1 *"`, 1)).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	head := r.commit("Change", map[string]string{"box/main.tf": data("a", "two")})
	run := h.Reaches(strconv.Itoa(h.plan("box", false)), store.Planned)
	if run.Commit != head || run.Kind != store.KindManual {
		t.Errorf("%s run at %s, want %s", run.Kind, run.Commit, head)
	}
	// How many commits it brings is known when the files were compared.
	h.Until(strconv.Itoa(run.ID), "with the commit", func(r control.Run) bool { return r.Position == "with 1 commit that was not applied yet" })

	// Where git cannot be asked, whoever asks is told, and so is everybody who reads the run.
	away := r.dir + ".away"
	if err := os.Rename(r.dir, away); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(away) }()
	started, err := h.Client.Start(t.Context(), control.StartRequest{Stack: "box"})
	if err != nil || !strings.Contains(strings.Join(started.Warnings, "\n"), "the repository cannot be read since") {
		t.Errorf("the answer: %+v, %v", started, err)
	}
	if run := h.Reaches(strconv.Itoa(started.Run), store.Planned); !strings.Contains(run.GitDown, "cannot be read since") {
		t.Errorf("the run says of git: %q", run.GitDown)
	}
}
