package agent_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/keptstate"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

// tries has another terraform tried, and returns what was told by stack.
func (h *house) tries(engine, version string) (tool string, results map[string]control.TrialResult, err error) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	results = map[string]control.TrialResult{}
	err = h.Client.Trial(ctx, control.TrialRequest{Engine: engine, Version: version}, func(news control.TrialNews) error {
		if news.Result == nil {
			tool = news.Tool
		} else {
			results[news.Result.Stack] = *news.Result
		}
		return nil
	})
	return tool, results, err
}

// left is everything that a trial must not touch: what the store says of runs and stacks, the states that are kept, what is kept of inits.
func (h *house) left() (status control.Status, files map[string]string) {
	h.t.Helper()
	status, err := h.Client.Status(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range status.Repositories {
		status.Repositories[i].PolledAt = nil
	}
	files = map[string]string{}
	data := h.Data()
	for _, dir := range []string{datadir.States(data), datadir.AllStateCopies(data), datadir.StatesBefore(data), filepath.Join(datadir.Cache(data), "stacks")} {
		found, err := keptstate.Files(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			h.t.Fatal(err)
		}
		for name, sum := range found {
			files[filepath.Join(dir, name)] = sum
		}
	}
	trials, err := filepath.Glob(datadir.Trials(data))
	if err != nil || len(trials) > 0 {
		h.t.Errorf("a trial left %v, %v", trials, err)
	}
	return status, files
}

// A trial plans every stack with both terraforms and leaves no trace: what waits for people goes on waiting, and can be approved.
func TestATrialLeavesEverythingAsItIs(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "clean/main.tf": "locals {}\n", "bad/main.tf": "resource \"terraform_data\" \"x\" {\n  input = nosuch.y\n}\n"})
	h := newHouse(t, box(r, "")+"stack \"clean\" { dir = \"clean\" }\nstack \"bad\" { dir = \"bad\" }\n").start()
	h.applies("box")
	r.commit("Change", map[string]string{"box/main.tf": data("a", "two")})
	waits := h.Reaches("box", store.Planned)
	h.Eventually("all is quiet", func(s control.Status) bool {
		return s.Outbox == 0 && !slices.ContainsFunc(s.Stacks, func(st control.Stack) bool {
			return st.Run == nil || !st.Run.Status.Terminal() && st.Run.Status != store.Planned
		})
	})
	before, files := h.left()

	tool, got, err := h.tries("terraform", waits.Plan.Version)
	if err != nil || tool != "terraform "+waits.Plan.Version || len(got) != 3 {
		t.Fatalf("%q, %v, %v", tool, got, err)
	}
	if r := got["box"]; r.Outcome != control.TrialSame || r.Plan.Change != 1 || r.Commit != waits.Commit || r.Configured != tool {
		t.Errorf("box: %+v", r)
	}
	if r := got["clean"]; r.Outcome != control.TrialSame || r.Plan.Add+r.Plan.Change+r.Plan.Destroy != 0 {
		t.Errorf("clean: %+v", r)
	}
	if r := got["bad"]; r.Outcome != control.TrialError || !strings.Contains(r.Text, "which is configured, cannot plan it either") || !strings.Contains(r.Text, "nosuch") {
		t.Errorf("bad: %+v", r)
	}
	after, now := h.left()
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the status is another one: %s", diff)
	}
	if diff := cmp.Diff(files, now); diff != "" {
		t.Errorf("files are other ones: %s", diff)
	}
	runs, err := h.Client.Runs(context.Background(), control.RunsQuery{Limit: 100})
	if err != nil || runs[0].ID != waits.ID {
		t.Errorf("the newest run is %+v, %v", runs[0], err)
	}
	h.MustDecide(fmt.Sprint(waits.ID), "approve")
	h.Reaches(fmt.Sprint(waits.ID), store.Applied)
}

func TestATrialOfWhatThereIsNot(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": "locals {}\n"})
	h := newHouse(t, box(r, "")+asking(workspace(t))).start()
	for version, want := range map[string]string{"../evil": "is not one exact version", "1.15": "is not one exact version", "98.7.6": "there is no tofu 98.7.6 here"} {
		if _, _, err := h.tries("tofu", version); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", version, err)
		}
	}
	h.Body = "cli_approvals = false\n" + h.Body
	if err := h.agent.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.tries("tofu", "98.7.6"); err == nil || !strings.Contains(err.Error(), control.LookOnly().Error()) {
		t.Errorf("who may only look: %v", err)
	}
}

// holding is a terraform whose first plan of a trial begins and does not end by itself.
func holding(t *testing.T) (program, held string) {
	t.Helper()
	dir := t.TempDir()
	program, held = filepath.Join(dir, "terraform"), filepath.Join(dir, "held")
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	tftest.Program(t, program, fmt.Appendf(nil, `#!/bin/sh
case "$1 $TF_DATA_DIR" in
"plan "*/.trial-*)
  if [ ! -e %[1]s ]; then
    : > %[1]s
    exec cat %[2]s
  fi
  ;;
esac
exec %[3]s "$@"
`, held, fifo, tftest.Terraform(t)))
	return program, held
}

// Where there is one terraform process at a time, a person's run does not wait for a trial: its plan gives way, and is made again.
func TestARealRunGoesBeforeATrial(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": "locals {}\n", "other/main.tf": data("a", "one")})
	program, held := holding(t)
	h := newHouse(t, fmt.Sprintf("terraform {\n  binary   = %q\n  parallel = 1\n}\n", program)+box(r, "")+"stack \"other\" { dir = \"other\" }\n").start()
	version := h.Reaches("other", store.Planned).Plan.Version
	h.Reaches("1", store.NoChanges)

	type outcome struct {
		results map[string]control.TrialResult
		err     error
	}
	over := make(chan outcome, 1)
	go func() {
		_, results, err := h.tries("terraform", version)
		over <- outcome{results, err}
	}()
	h.Eventually("the trial is at work", func(control.Status) bool { _, err := os.Stat(held); return err == nil })
	if _, _, err := h.tries("terraform", version); err == nil || !strings.Contains(err.Error(), "tries terraform "+version+" on all stacks since") {
		t.Errorf("a second trial: %v", err)
	}
	h.Reaches(fmt.Sprint(h.Plan(control.StartRequest{Stack: "other"})), store.Planned)
	select {
	case got := <-over:
		if got.err != nil || len(got.results) != 2 || got.results["box"].Outcome != control.TrialSame || got.results["other"].Outcome != control.TrialSame {
			t.Errorf("%+v", got)
		}
	case <-time.After(patience.Limit()):
		t.Fatal("the trial never ended")
	}
}

// An agent that is killed in the middle of a trial leaves nothing to be mended; the next one says that it was cut off.
func TestATrialThatIsCutOffIsTold(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": "locals {}\n"})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.NoChanges)
	h.stop()
	s, err := store.Open(store.Options{Path: datadir.Store(h.Data())})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(func(tx *store.Tx) error {
		return tx.PutSetting("trial", map[string]any{"tool": "terraform 1.15.1", "by": "cli:jane", "at": time.Now().UTC(), "stacks": 20})
	})
	dir := datadir.Trial(h.Data(), "box")
	if err := errors.Join(err, s.Close(), os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "plan.tfplan"), []byte("secret"), 0o600)); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.Eventually("it is told", func(control.Status) bool {
		return slices.ContainsFunc(h.Told(), func(text string) bool {
			return strings.Contains(text, "jane tried terraform 1.15.1 on all stacks when the agent stopped. Nothing was changed")
		})
	})
	h.left()
	h.stop()
	h.start()
	told := 0
	h.Eventually("it is told once", func(s control.Status) bool { return s.Outbox == 0 })
	for _, text := range h.Told() {
		if strings.Contains(text, "when the agent stopped") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

// What is tried in earnest: engines that are newer than those of the suite, where the machine has them.
func TestATrialOfNewerEngines(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]string{"terraform-1.15": "terraform", "tofu": "tofu"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, err := exec.LookPath(name)
			if err != nil {
				need.Skip(t, "there is no "+name, err.Error())
			}
			tool, err := binary.Find(t.Context(), binary.Options{Name: engine, Binary: path})
			if err != nil {
				t.Fatal(err)
			}
			r := newRepository(t)
			r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "old/main.tf": "terraform {\n  required_version = \"~> 1.11.0, < 1.12\"\n}\n"})
			h := newHouse(t, box(r, "")+"stack \"old\" { dir = \"old\" }\n").start()
			h.applies("box")
			h.Eventually("all is quiet", func(s control.Status) bool { return s.Stacks[1].AppliedCommit != "" && s.Outbox == 0 })
			before, files := h.left()
			called, got, err := h.tries(engine, tool.Version)
			if err != nil || called != engine+" "+tool.Version {
				t.Fatalf("%q, %v", called, err)
			}
			if r := got["box"]; r.Outcome != control.TrialSame || r.Plan == nil || r.Plan.Version != tool.Version || r.Was.Version == tool.Version {
				t.Errorf("box: %+v", r)
			}
			if r := got["old"]; engine == "terraform" && (r.Outcome != control.TrialError || !strings.Contains(r.Text, "Unsupported Terraform Core version")) {
				t.Errorf("old: %+v", r)
			}
			after, now := h.left()
			if diff := cmp.Diff(before, after) + cmp.Diff(files, now); diff != "" {
				t.Error(diff)
			}
		})
	}
}
