package agent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// chained is a stack whose apply leaves a word in a file, and whose plan changes with the files of those above it.
func chained(dir, name, word string, ups ...string) string {
	text := fmt.Sprintf("resource \"terraform_data\" \"own\" {\n  triggers_replace = [%q", word)
	for _, up := range ups {
		file := filepath.Join(dir, up)
		text += fmt.Sprintf(", fileexists(%[1]q) ? file(%[1]q) : \"none\"", file)
	}
	return text + fmt.Sprintf("]\n  provisioner \"local-exec\" {\n    command = \"date +%%s%%N > %s\"\n  }\n}\n", filepath.Join(dir, name))
}

// runsOf are the kinds and ends of a stack's runs, oldest first.
func (h *house) runsOf(stack string) []control.Run {
	h.t.Helper()
	runs, err := h.Client.Runs(context.Background(), control.RunsQuery{Stack: stack})
	if err != nil {
		h.t.Fatal(err)
	}
	for i, j := 0, len(runs)-1; i < j; i, j = i+1, j-1 {
		runs[i], runs[j] = runs[j], runs[i]
	}
	return runs
}

func (h *house) kinds(stack string) string {
	h.t.Helper()
	var out []string
	for _, r := range h.runsOf(stack) {
		out = append(out, fmt.Sprintf("%s %s", r.Kind, r.Status))
	}
	return strings.Join(out, ", ")
}

// applies brings the open run of a stack through.
func (h *house) applies(stack string) control.Run {
	h.t.Helper()
	run := h.Reaches(stack, store.Planned)
	h.MustDecide(fmt.Sprint(run.ID), "approve destroy")
	return h.Reaches(fmt.Sprint(run.ID), store.Applied)
}

// diamond is net above left and right, and those above box; every stack is applied once.
func diamond(t *testing.T) (*repository, *house, string) {
	t.Helper()
	dir := t.TempDir()
	r := newRepository(t)
	r.commit("Add", map[string]string{
		"net/main.tf": chained(dir, "net", "one"), "left/main.tf": chained(dir, "left", "one", "net"),
		"right/main.tf": chained(dir, "right", "one", "net"), "box/main.tf": chained(dir, "box", "one", "left", "right"),
	})
	h := newHouse(t, box(r, "depends_on = [\"left\", \"right\"]\nlabel = \"PROD\"")+`
stack "net" { dir = "net" }
stack "left" {
  dir        = "left"
  depends_on = ["net"]
}
stack "right" {
  dir        = "right"
  depends_on = ["net"]
}
`).start()
	for _, stack := range []string{"net", "left", "right", "box"} {
		h.applies(stack)
	}
	return r, h, dir
}

// around are the stacks of a run's commit, with those that come before each, behind the label of its own.
func (h *house) around(ref string) string {
	h.t.Helper()
	a, err := h.Client.Around(context.Background(), ref)
	if err != nil {
		h.t.Fatal(err)
	}
	text := a.Label + ": "
	for _, n := range a.Stacks {
		text += fmt.Sprintf("%s %s <%s; ", n.Stack, n.Status, strings.Join(n.After, ","))
	}
	return text
}

func TestAnAppliedChangeMakesRunsOfWhatDependsOnIt(t *testing.T) {
	t.Parallel()
	r, h, dir := diamond(t)
	if got := h.around("box"); got != "PROD: box applied <left,right; left applied <net; net applied <; right applied <net; " {
		t.Errorf("around box are %s", got)
	}
	r.commit("Change the network", map[string]string{"net/main.tf": chained(dir, "net", "two")})
	net := h.applies("net")
	left := h.Reaches("left", store.Planned)
	if left.Kind != store.KindDependency || left.Reason != fmt.Sprintf("net was changed by #%d", net.ID) {
		t.Errorf("left: %s, %q", left.Kind, left.Reason)
	}
	h.applies("left")
	held := h.Until("box", "held by right", func(r control.Run) bool { return strings.Contains(r.Held, "right") })
	if held.Kind != store.KindDependency || held.Status != store.Pending {
		t.Errorf("box: %s %s, held %q", held.Kind, held.Status, held.Held)
	}
	h.stop() // what is due is in the store
	h.start()
	h.applies("right")
	box := h.applies("box")
	if box.ID != held.ID || !strings.Contains(box.Reason, "left was changed by") || !strings.Contains(box.Reason, "right was changed by") {
		t.Errorf("box: #%d after #%d, %q", box.ID, held.ID, box.Reason)
	}
	h.stop()
	h.start()
	h.Reaches(fmt.Sprint(h.plan("net", false)), store.NoChanges)
	for stack, want := range map[string]string{
		"net":  "commit applied, commit applied, manual no_changes",
		"left": "commit applied, dependency applied", "right": "commit applied, dependency applied", "box": "commit applied, dependency applied",
	} {
		if got := h.kinds(stack); got != want {
			t.Errorf("%s: %s, want %s", stack, got, want)
		}
	}

	r.commit("Change the network again", map[string]string{"net/main.tf": chained(dir, "net", "three")})
	h.applies("net")
	no := h.Reaches("left", store.Planned)
	h.MustDecide("left", "deny")
	h.applies("right")
	h.Until("box", "held by who said no", func(r control.Run) bool {
		return r.Kind == store.KindDependency && r.Held == fmt.Sprintf("waits for left, whose run #%d ended discarded", no.ID)
	})
}

func TestWhatChangesUpstreamMeetsWhatIsOpenBelow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRepository(t)
	r.commit("Add", map[string]string{"net/main.tf": chained(dir, "net", "one"), "box/main.tf": chained(dir, "box", "one", "net")})
	h := newHouse(t, box(r, `depends_on = ["net"]`)+"stack \"net\" { dir = \"net\" }\n").start()
	h.applies("net")
	h.applies("box")

	// A denied commit is not asked again by way of the upstream: the applied commit is planned.
	applied := h.runsOf("box")[0].Commit
	r.commit("Change the box", map[string]string{"box/main.tf": chained(dir, "box", "two", "net")})
	h.Reaches("box", store.Planned)
	h.MustDecide("box", "deny")
	replace := func() control.Run {
		if err := os.WriteFile(filepath.Join(dir, "tick"), []byte(fmt.Sprint(len(h.runsOf("net")))), 0o600); err != nil {
			t.Fatal(err)
		}
		id := h.plan("net", false)
		h.Reaches(fmt.Sprint(id), store.Planned)
		h.MustDecide(fmt.Sprint(id), "approve destroy")
		return h.Reaches(fmt.Sprint(id), store.Applied)
	}
	r.commit("Watch the clock", map[string]string{"net/main.tf": chained(dir, "net", "one", "tick")})
	h.applies("net")
	run := h.Until("box", "a dependency run", func(r control.Run) bool { return r.Kind == store.KindDependency && r.Status == store.Planned })
	if run.Commit != applied {
		t.Errorf("it plans %s and not the applied commit %s", run.Commit, applied)
	}

	// The agent's own plan that waits is made again; a person's is left to be answered first.
	replace()
	h.Reaches(fmt.Sprint(run.ID), store.Superseded)
	h.Until("box", "planned again", func(r control.Run) bool { return r.ID > run.ID && r.Status == store.Planned })
	manual := h.plan("box", true)
	h.Reaches(fmt.Sprint(manual), store.Planned)
	up := replace()
	h.MustDecide(fmt.Sprint(manual), "deny")
	h.Reaches(fmt.Sprint(manual), store.Discarded)
	run = h.Until("box", "made after the person's run", func(r control.Run) bool { return r.ID > manual && r.Status == store.Planned })
	if run.Kind != store.KindDependency || run.Reason != fmt.Sprintf("net was changed by #%d", up.ID) {
		t.Errorf("%s, %q", run.Kind, run.Reason)
	}
	// Whoever says no to it is not asked again for the same change.
	h.MustDecide("box", "deny")
	h.stop()
	h.start()
	h.Reaches(fmt.Sprint(h.plan("net", true)), store.NoChanges)
	if got := h.runsOf("box"); got[len(got)-1].ID != run.ID {
		t.Errorf("the runs of box: %s", h.kinds("box"))
	}
}
