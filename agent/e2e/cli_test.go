package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"sallyport/agent/need"
)

// The exit code is 0 for done, 1 for failed, 2 for not understood, 3 when no agent answers; every error has its line.
func TestExitCodesAndErrors(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it starts whole programs")
	i := newInfra(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, i.box())
	h.refused(3, []string{"plan", "box"}, "no agent answers", "hint: ")
	h.refused(3, []string{"approve", "1"}, "no agent answers", "hint: ")
	h.refused(3, []string{"status"}, "no agent answers", "hint: ")
	h.start()
	h.reaches("box", "planned")
	for _, c := range []struct {
		code int
		args []string
		says []string
	}{
		{2, []string{"stauts"}, []string{"stauts", "sallyport status?"}},
		{2, []string{"plan"}, []string{"hint: usage: sallyport plan STACK"}},
		{2, []string{"approve", "1", "perhaps", "--nonsense"}, []string{"hint: "}},
		{2, []string{"approve", "box"}, []string{"takes a run's number where nobody is at a terminal; that of box is #1 now", "sallyport approve 1"}},
		{2, []string{"runs", "--limit", "0"}, nil},
		{1, []string{"show", "77"}, []string{"there is no run #77", "hint: "}},
		{1, []string{"plan", "bux"}, []string{"bux", "hint: "}},
		{1, []string{"show", "bux"}, []string{"bux"}},
		{1, []string{"accept", "infra", "0123456789"}, nil},
		{1, []string{"--config", "/nonexistent.hcl", "status"}, []string{"there is no configuration at /nonexistent.hcl", "hint: "}},
	} {
		h.refused(c.code, c.args, c.says...)
	}
	if r := h.try("runs", "--json"); r.code != 0 || r.stderr != "" {
		t.Errorf("a good call talks: %q", r.stderr)
	}
	h.must("deny", "#1", "--reason", "no")
	h.refused(1, []string{"approve", "1"}, "has ended")
	if out := h.must("version"); !strings.Contains(out, "sallyport") {
		t.Errorf("version says %q", out)
	}
}

func TestPlanWaits(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, i.box()).start()
	h.reaches("box", "planned")
	type ended struct {
		name string
		result
	}
	wait := func(name string) chan ended {
		done := make(chan ended, 1)
		go func() { done <- ended{name, h.try("plan", "box", "--wait", "--reason", name)} }()
		return done
	}
	check := func(e ended, code int, first, says string) {
		t.Helper()
		if line, _, _ := strings.Cut(e.stdout, "\n"); line != first {
			t.Errorf("%s: the first line is %q, want %q", e.name, line, first)
		}
		if e.code != code || !strings.Contains(e.stderr, says) {
			t.Errorf("%s: exit code %d, want %d and %q in\n%s", e.name, e.code, code, says, e.stderr)
		}
	}
	done := wait("applied")
	h.reaches("2", "planned")
	h.must("approve", "2")
	check(<-done, 0, "#2", "#2 applied")
	check(<-wait("without changes"), 0, "#3", "#3 no_changes")
	i.Commit("Change", map[string]string{"box/main.tf": thing("node", "two")})
	h.reaches("4", "planned")
	done = wait("denied")
	h.reaches("5", "planned")
	h.must("deny", "5", "--reason", "not now")
	check(<-done, 1, "#5", "not now")
	h.must("pause", "box", "--reason", "storm")
	done = wait("paused, canceled")
	h.until("6", "held by the pause", func(r run) bool { return strings.Contains(r.Held, "storm") })
	h.must("cancel", "6")
	check(<-done, 1, "#6", "paused")
	h.must("resume", "box")
	i.Commit("Break", map[string]string{"box/main.tf": "nonsense {"})
	h.until("7", "errored", func(r run) bool { return r.Status == "errored" })
	check(<-wait("broken"), 1, "#8", "errored")
}

// Without an agent the data directory is read, and the verbs say so on stderr.
func TestAgentIsDown(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it starts whole programs")
	i := newInfra(t)
	head := i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, i.box()).start()
	h.reaches("box", "planned")
	up := h.status()
	h.stop()
	r := h.try("status", "--json")
	s := decode[status](t, r.stdout)
	if r.code != 0 || s.Agent.Running || !strings.Contains(r.stderr, "no agent answers") {
		t.Errorf("exit code %d, running %v, stderr %q", r.code, s.Agent.Running, r.stderr)
	}
	if len(s.Stacks) != 1 || s.Stacks[0].Run == nil || s.Stacks[0].Run.Plan.Digest != up.Stacks[0].Run.Plan.Digest || s.Repositories[0].Head != head {
		t.Errorf("the store says %s", r.stdout)
	}
	noNullLists(t, r.stdout)
	for _, args := range [][]string{{"status"}, {"runs"}, {"show", "1"}, {"show", "box"}, {"show", "1", "--plan"}} {
		r := h.try(args...)
		if r.code != 0 || r.stdout == "" || !strings.Contains(r.stderr, "no agent answers") {
			t.Errorf("%v: exit code %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	h.refused(3, []string{"plan", "box"}, "no agent answers")
}

func TestSecondAgentOnTheSameData(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, i.box()).start()
	h.reaches("box", "planned")
	pid := fmt.Sprint(h.agent.Process.Pid)
	h.refused(1, []string{"agent"}, "in use by process "+pid, "hint: ", "kill "+pid, "systemctl stop sallyport", h.Data())
	// Another socket does not help: the data is the same.
	h.refused(1, []string{"agent", "--socket", h.Path("other.sock")}, fmt.Sprintf("%d", h.agent.Process.Pid))
	h.must("approve", h.number("box"))
	h.reaches("1", "applied")
}

// What stands in the way of a start is said at once.
func TestAgentDoesNotStart(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "repository \"infra\" {\n  url = \"https://example.com/x.git\"\n  branch = \"main\"\n  schedule = \"whenever\"\n}\nstack \"box\" {}\n")
	r := h.refused(1, []string{"agent"}, "sallyport.hcl", "schedule", "whenever", "dir")
	for _, verb := range []string{"check", "agent"} {
		if got := h.try(verb); got.stderr != r.stderr {
			t.Errorf("%s says something else:\n%s\n%s", verb, got.stderr, r.stderr)
		}
	}
}

// With --json a verb prints one value and nothing else, the one that tells a story too.
func TestDemoForMachines(t *testing.T) {
	t.Parallel()
	need.Long(t, "it tells the whole story of the demo")
	cmd := exec.CommandContext(t.Context(), binary, "demo", "--yes", "--json")
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, talk.String())
	}
	var told struct {
		Runs []run `json:"runs"`
	}
	if err := json.Unmarshal(out, &told); err != nil {
		t.Fatalf("stdout is no JSON: %v\n%s", err, out)
	}
	var ends []string
	for _, r := range told.Runs {
		ends = append(ends, string(r.Status))
	}
	if got, want := strings.Join(ends, " "), "previewed discarded no_changes interrupted applied applied applied"; got != want {
		t.Errorf("the runs ended as %s, not %s", got, want)
	}
	if !strings.Contains(talk.String(), "the node is gone") {
		t.Errorf("the story is not told on stderr:\n%s", talk.String())
	}
}
