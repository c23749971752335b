package agent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/store"
)

func TestDeniedCommitIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add the box", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "deny not tonight")
	run := h.Reaches("1", store.Discarded)
	if !strings.Contains(run.Error, "not tonight") {
		t.Errorf("the reason is not told: %q", run.Error)
	}
	if err := h.Decide("1", "approve"); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("approving a discarded run: %v", err)
	}
	unrelated := r.commit("Write a page", map[string]string{"README.md": "hello"})
	h.Eventually("the unrelated commit is seen", func(s control.Status) bool { return s.Repositories[0].Head == unrelated })
	r.commit("Change the box", map[string]string{"box/main.tf": data("a", "two")})
	if run := h.Reaches("box", store.Planned); run.ID != 2 {
		t.Errorf("the next run is #%d; the unrelated commit asked again", run.ID)
	}
}

func TestNewerCommitSupersedesOnlyIfItTouchesTheStack(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add the box", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	unrelated := r.commit("Write a page", map[string]string{"README.md": "hello"})
	h.Eventually("the unrelated commit is seen", func(s control.Status) bool { return s.Repositories[0].Head == unrelated })
	h.Reaches("1", store.Planned)
	r.commit("Change the box", map[string]string{"box/main.tf": data("a", "two")})
	h.Reaches("1", store.Superseded)
	h.Reaches("2", store.Planned)
	h.MustDecide("2", "approve")
	h.Reaches("2", store.Applied)
}

func TestTwoApprovalsNeedTwoPeople(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add the box", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "approvals = 2")+"person \"root\" { os = \"root\" }\nperson \"jane\" { os = \"jane\" }\n").start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	if err := h.Decide("1", "approve"); err == nil || !strings.Contains(err.Error(), "counts already") {
		t.Errorf("one person twice: %v", err)
	}
	if run := h.Reaches("1", store.Planned); len(run.Decisions) != 1 {
		t.Errorf("decisions: %+v", run.Decisions)
	}
}

func TestDestroyMustBeNamed(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add the box", map[string]string{"box/main.tf": data("vol", "one") + data("node", "one")})
	h := newHouse(t, box(r, `protect = ["terraform_data.vol"]`)).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	r.commit("Empty the box", map[string]string{"box/main.tf": "# nothing\n"})
	run := h.Reaches("2", store.Planned)
	if run.Plan.Destroy != 2 || run.Plan.Changes[0].Address != "terraform_data.vol" {
		t.Fatalf("the protected resource is not first: %+v", run.Plan.Changes)
	}
	for _, words := range []string{"approve", "approve destroy", "approve destroy terraform_data.node", "approve destroy 2"} {
		if err := h.Decide("2", words); err == nil {
			t.Fatalf("%q was enough", words)
		}
	}
	h.MustDecide("2", "Approve destroy 1.")
	h.Reaches("2", store.Applied)
}

func TestPlanErrorThenFix(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Break the box", map[string]string{"box/main.tf": "resource \"terraform_data\" \"a\" {\n  input = nosuch.thing\n}\n"})
	h := newHouse(t, box(r, "")).start()
	run := h.Reaches("1", store.Errored)
	if !strings.Contains(run.Error, "Reference to undeclared resource") || !strings.Contains(run.Error, "main.tf") {
		t.Errorf("not terraform's own words: %q", run.Error)
	}
	r.commit("Mend the box", map[string]string{"box/main.tf": data("a", "one")})
	h.Reaches("2", store.Planned)
}

func TestModuleChangeMakesARun(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{
		"box/main.tf":        "module \"m\" { source = \"../modules/m\" }\n",
		"modules/m/main.tf":  data("a", "one"),
		"modules/other/x.tf": data("b", "one"),
	})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	other := r.commit("Other", map[string]string{"modules/other/x.tf": data("b", "two")})
	h.Eventually("seen", func(s control.Status) bool { return s.Repositories[0].Head == other })
	r.commit("Mine", map[string]string{"modules/m/main.tf": data("a", "two")})
	run := h.Reaches("2", store.Planned)
	if !strings.Contains(run.Reason, "modules/m/main.tf") {
		t.Errorf("reason %q", run.Reason)
	}
}

func TestDependencyOrder(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"net/main.tf": data("n", "one"), "box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, `depends_on = ["net"]`)+"stack \"net\" { dir = \"net\" }\n").start()
	run := h.Until("box", "held by net", func(r control.Run) bool { return r.Held != "" })
	if run.Status != store.Pending || !strings.Contains(run.Held, "net") {
		t.Fatalf("box: %s, held %q", run.Status, run.Held)
	}
	h.Reaches("net", store.Planned)
	h.MustDecide("net", "approve")
	box := h.Reaches("box", store.Planned)
	h.MustDecide("box", "approve")
	h.Reaches(fmt.Sprint(box.ID), store.Applied)
	// A denied upstream holds; a person goes ahead, with a warning.
	r.commit("Change both", map[string]string{"net/main.tf": data("n", "two"), "box/main.tf": data("a", "two")})
	h.Reaches("net", store.Planned)
	h.MustDecide("net", "deny")
	h.Until("box", "held by the denied run", func(r control.Run) bool { return strings.Contains(r.Held, "discarded") })
	id := h.plan("box", false)
	run = h.Reaches(fmt.Sprint(id), store.Planned)
	if !strings.Contains(strings.Join(run.Warnings, " "), "net") {
		t.Errorf("warnings %q", run.Warnings)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, `plan_ttl = "1h"`))
	var skip atomic.Int64
	h.now = func() time.Time { return time.Now().Add(time.Duration(skip.Load())) }
	h.start()
	h.Reaches("1", store.Planned)
	skip.Store(int64(2 * time.Hour))
	if err := h.Decide("1", "approve"); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("approving an expired plan: %v", err)
	}
	if err := h.agent.Reload(context.Background()); err != nil { // any event wakes the loop
		t.Fatal(err)
	}
	h.Reaches("1", store.Expired)
}

func TestRestartWhilePlanned(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	before := h.Reaches("1", store.Planned)
	h.stop()
	h.start()
	after := h.Reaches("1", store.Planned)
	if before.Plan.Digest != after.Plan.Digest {
		t.Error("the plan changed over a restart")
	}
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
}

// slow is a resource whose creation waits until the file go exists.
func slow(dir string) string {
	return fmt.Sprintf("resource \"terraform_data\" \"slow\" {\n  provisioner \"local-exec\" {\n    command = \"touch %[1]s/started; until [ -e %[1]s/go ]; do sleep 0.05; done\"\n  }\n}\n", dir)
}

func (h *house) waitFor(file string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	for {
		if _, err := os.Stat(file); err == nil {
			return
		}
		if ctx.Err() != nil {
			h.t.Fatal("never there: ", file)
		}
		h.Tick(ctx)
	}
}

func TestAgentRestartsDuringAnApply(t *testing.T) {
	t.Parallel()
	gate := t.TempDir()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": slow(gate) + data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.waitFor(filepath.Join(gate, "started"))
	h.stop()
	h.start()
	run := h.Reaches("1", store.Applying)
	if err := h.Decide("1", "deny"); err == nil || !strings.Contains(err.Error(), "cancel") {
		t.Errorf("deny while applying: %v", err)
	}
	if _, err := h.Client.Start(context.Background(), control.StartRequest{Stack: "box"}); err == nil {
		t.Error("a run was started beside an apply")
	}
	if err := os.WriteFile(filepath.Join(gate, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run = h.Reaches("1", store.Applied)
	if run.Apply.Done != 2 || run.Apply.Total != 2 {
		t.Errorf("progress %+v", run.Apply)
	}
}

func TestCancelWhileApplying(t *testing.T) {
	t.Parallel()
	gate := t.TempDir()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": slow(gate)})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.waitFor(filepath.Join(gate, "started"))
	if _, err := h.Client.Cancel(context.Background(), control.CancelRequest{Ref: "1"}); err != nil {
		t.Fatal(err)
	}
	run := h.Reaches("1", store.Canceled)
	if !strings.Contains(run.Error, "canceled by cli:") || !strings.Contains(run.Error, "may be half-made: 0 of 1 resource was reported done") || run.Hint != "sallyport plan box" {
		t.Errorf("error %q, hint %q: what a person stopped has no cause to mend", run.Error, run.Hint)
	}
}

func TestPauseHoldsAndDecisionsCount(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	ctx := context.Background()
	if err := h.Client.Pause(ctx, control.PauseRequest{Stack: "box", Reason: "storm"}); err != nil {
		t.Fatal(err)
	}
	h.MustDecide("1", "approve")
	run := h.Until("1", "held", func(r control.Run) bool { return r.Status == store.Approved && r.Held != "" })
	if !strings.Contains(run.Held, "storm") {
		t.Errorf("held %q", run.Held)
	}
	if _, err := h.Client.Resume(ctx, control.ResumeRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	h.Reaches("1", store.Applied)
}

func TestConfigurationChangeMakesThePlanStale(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": "variable \"v\" { default = \"x\" }\nresource \"terraform_data\" \"a\" {\n  input = var.v\n}\n"})
	h := newHouse(t, box(r, `vars = { v = "one" }`)).start()
	h.Reaches("1", store.Planned)
	h.Body = strings.Replace(h.Body, `"one"`, `"two"`, 1)
	if err := h.agent.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.Reaches("1", store.Stale)
	run := h.Reaches("2", store.Planned)
	if run.Kind != store.KindRecovery {
		t.Errorf("kind %s", run.Kind)
	}
	h.Body = "stack {"
	if err := h.agent.Reload(context.Background()); err == nil {
		t.Error("a bad configuration was taken")
	}
	h.Eventually("the bad configuration is told", func(s control.Status) bool {
		return len(s.Problems) == 1 && strings.Contains(s.Problems[0].Error, "old configuration stays")
	})
	h.MustDecide("2", "approve")
	h.Reaches("2", store.Applied)
}

func TestStackLeavesTheConfiguration(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "net/main.tf": data("n", "one")})
	h := newHouse(t, box(r, "")+"stack \"net\" { dir = \"net\" }\n").start()
	net := h.Reaches("net", store.Planned)
	h.Body = box(r, "")
	if err := h.agent.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.Reaches(fmt.Sprint(net.ID), store.Canceled)
}

func TestObserveNeverAsks(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, `mode = "observe"`)).start()
	h.Reaches("1", store.Previewed)
	if err := h.Decide("1", "approve"); err == nil {
		t.Error("an observed plan was approved")
	}
}

func TestStacksOfAGlobAndADirectoryThatLeaves(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"services/jira/main.tf": data("a", "one"), "services/ci/main.tf": data("b", "one")})
	h := newHouse(t, strings.Replace(box(r, ""), "stack \"box\" {\n  dir = \"box\"", "stacks \"services/*\" {", 1)).start()
	h.Reaches("services-ci", store.Planned)
	h.Reaches("services-jira", store.Planned)
	r.commit("Drop ci", map[string]string{"services/ci/main.tf": ""})
	h.Eventually("ci is gone", func(s control.Status) bool { return len(s.Stacks) == 1 })
}

func TestSecondAgentIsRefused(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	if err := h.second(); err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second agent on the data directory: %v", err)
	}
}

func TestTamperedPlanIsRefused(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	file := filepath.Join(h.Dir, "data", "runs", "1", "plan", "plan.tfplan")
	plan, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	plan[len(plan)/2] ^= 1
	if err := os.WriteFile(file, plan, 0o600); err != nil {
		t.Fatal(err)
	}
	h.MustDecide("1", "approve")
	run := h.Reaches("1", store.Errored)
	if !strings.Contains(run.Error, "terraform did not run") {
		t.Errorf("error %q", run.Error)
	}
}
