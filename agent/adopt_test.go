package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/rescue"
	"sallyport/store"
)

// counted is a resource whose every creation adds a line to a file.
func counted(file, version string) string {
	return fmt.Sprintf(`
resource "terraform_data" "counted" {
  triggers_replace = %q
  provisioner "local-exec" {
    command = "echo ran >> %s"
  }
}
`, version, file)
}

// dropSnapshots removes every snapshot but those that the test made.
func (h *house) dropSnapshots(but string) {
	h.t.Helper()
	all, err := rescue.Snapshots(filepath.Join(h.Dir, "data"))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, s := range all {
		if s.Path != but {
			if err := os.Remove(s.Path); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// ruin cuts the store of a stopped agent short, inside of what is in use.
func (h *house) ruin() {
	h.t.Helper()
	path := datadir.Store(filepath.Join(h.Dir, "data"))
	b, err := os.ReadFile(path)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(bytes.TrimRight(b, "\x00"))/2)); err != nil {
		h.t.Fatal(err)
	}
}

// copyStore makes the store of a stopped agent a snapshot of now.
func (h *house) copyStore() string {
	h.t.Helper()
	b, err := os.ReadFile(datadir.Store(filepath.Join(h.Dir, "data")))
	if err != nil {
		h.t.Fatal(err)
	}
	path := filepath.Join(datadir.Snapshots(filepath.Join(h.Dir, "data")), time.Now().UTC().Format("20060102T150405.000Z")+".db")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// What was applied is known after the store was lost, whatever the snapshot knew of it, and is not applied again.
func TestAppliesOutliveTheStore(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		when string // the snapshot: "planned", "before" run 2, or "never"
		hand bool   // a person put the snapshot in place, not the agent
		old  bool   // the record beside the run is that of the begin of the apply
	}{
		{name: "the snapshot has the run as planned", when: "planned"},
		{name: "the snapshot has the run as planned, the record does not know the end", when: "planned", old: true},
		{name: "the snapshot does not know the run", when: "before"},
		{name: "the snapshot does not know the run, the record does not know the end", when: "before", old: true},
		{name: "there is no snapshot", when: "never"},
		{name: "a person put the snapshot in place", when: "planned", hand: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ran := filepath.Join(t.TempDir(), "ran")
			r := newRepository(t)
			r.commit("Add the box", map[string]string{"box/main.tf": counted(ran, "one")})
			h := newHouse(t, box(r, "")).start()
			h.Reaches("1", store.Planned)
			h.MustDecide("1", "approve")
			h.Reaches("1", store.Applied)
			snapshot := ""
			if h.stop(); tc.when == "before" {
				snapshot = h.copyStore()
			}
			second := r.commit("Change the box", map[string]string{"box/main.tf": counted(ran, "two")})
			h.start()
			h.Reaches("2", store.Planned)
			if h.stop(); tc.when == "planned" {
				snapshot = h.copyStore()
			}
			h.start()
			h.MustDecide("2", "approve destroy")
			h.Reaches("2", store.Applied)
			h.Eventually("the raw log is dropped", func(control.Status) bool {
				_, err := os.Stat(filepath.Join(datadir.Run(filepath.Join(h.Dir, "data"), 2), "apply.jsonl"))
				return os.IsNotExist(err)
			})
			h.stop()
			h.dropSnapshots(snapshot)
			if tc.old {
				h.forgetEnd(2)
			}
			h.ruin()
			if tc.hand {
				if err := os.Rename(snapshot, datadir.Store(filepath.Join(h.Dir, "data"))); err != nil {
					t.Fatal(err)
				}
			}
			h.start()
			h.knowsSecond(second, !tc.hand)
			if b, err := os.ReadFile(ran); err != nil || strings.Count(string(b), "ran") != 2 {
				t.Errorf("what the applies did: %q, %v", b, err)
			}
			// Life goes on: nothing is asked about what is applied, and the next change is a run with a number of its own.
			if !tc.hand {
				if _, err := h.Client.Resume(context.Background(), control.ResumeRequest{}); err != nil {
					t.Fatal(err)
				}
			}
			r.commit("Change it again", map[string]string{"box/main.tf": counted(ran, "three")})
			next := h.Reaches("box", store.Planned)
			if !tc.hand && next.ID < 1000 || next.ID < 3 {
				t.Errorf("the next run is #%d", next.ID)
			}
		})
	}
}

// The store is lost while an apply runs. The next agent follows the apply that lives, whatever its store knew of the run.
func TestLivingApplyOutlivesTheStore(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"planned", "never"} {
		t.Run("the snapshot: "+when, func(t *testing.T) {
			t.Parallel()
			gate := t.TempDir()
			ran := filepath.Join(gate, "ran")
			r := newRepository(t)
			commit := r.commit("Add the box", map[string]string{"box/main.tf": fmt.Sprintf(`
resource "terraform_data" "gated" {
  provisioner "local-exec" {
    command = "echo ran >> %[1]s/ran; until [ -e %[1]s/go ]; do sleep 0.05; done"
  }
}
`, gate)})
			h := newHouse(t, box(r, "")).start()
			t.Cleanup(func() { _ = os.WriteFile(filepath.Join(gate, "go"), nil, 0o600) }) // no runner outlives the test
			h.Reaches("1", store.Planned)
			snapshot := ""
			if when == "planned" {
				h.stop()
				snapshot = h.copyStore()
				h.start()
			}
			h.MustDecide("1", "approve")
			h.Eventually("terraform runs", func(control.Status) bool {
				_, err := os.Stat(ran)
				return err == nil
			})
			h.stop()
			h.dropSnapshots(snapshot)
			h.ruin()
			h.start()
			h.Reaches("1", store.Applying)
			if err := os.WriteFile(filepath.Join(gate, "go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			h.Reaches("1", store.Applied)
			s := h.Eventually("the stack is at the commit", func(s control.Status) bool { return s.Stacks[0].AppliedCommit == commit })
			if !s.Agent.Paused {
				t.Error("the agent is not paused")
			}
			if b, err := os.ReadFile(ran); err != nil || strings.Count(string(b), "ran") != 1 {
				t.Errorf("what the apply did: %q, %v", b, err)
			}
		})
	}
}

// forgetEnd makes the record of a run that of the decision to apply: the agent was killed before it wrote the end.
func (h *house) forgetEnd(run int) {
	h.t.Helper()
	path := filepath.Join(datadir.Run(filepath.Join(h.Dir, "data"), run), "run.json")
	b, err := os.ReadFile(path)
	if err != nil {
		h.t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(`"status": "applied"`)) {
		h.t.Fatalf("the record does not say how the run ended: %s", b)
	}
	if err := os.WriteFile(path, bytes.Replace(b, []byte(`"status": "applied"`), []byte(`"status": "applying"`), 1), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// knowsSecond checks that the agent knows of run 2 that it was applied.
func (h *house) knowsSecond(commit string, rescued bool) {
	t := h.t
	t.Helper()
	run := h.Reaches("2", store.Applied)
	if run.Commit != commit || run.Plan == nil || len(run.Decisions) != 1 || run.Apply == nil {
		t.Errorf("run 2: %+v", run)
	}
	s := h.Eventually("the stack is at the second commit", func(s control.Status) bool { return s.Stacks[0].AppliedCommit == commit })
	if rescued && (!s.Agent.Paused || s.Agent.Pause.By != "agent" || !strings.Contains(s.Agent.Pause.Reason, "quarantine")) {
		t.Errorf("the agent is not paused, or does not say why: %+v", s.Agent.Pause)
	}
	runs, err := h.Client.Runs(context.Background(), control.RunsQuery{Limit: 100})
	if err != nil || len(runs) != 2 {
		t.Errorf("%d runs, %v: %+v", len(runs), err, runs)
	}
	if rescued {
		told := 0
		for _, n := range h.Told() {
			if strings.Contains(n, "Sallyport is PAUSED") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("people were told %d times", told)
		}
	}
}
