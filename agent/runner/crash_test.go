package runner_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/runner"
)

// The agent is killed in the middle of an apply. Another process finds it running, and later how it ended.
func TestApplyOutlivesTheAgent(t *testing.T) {
	t.Parallel()
	r := newRun(t, gated).plan()
	opts, err := json.Marshal(r.opts)
	must(t, err)
	cmd := exec.Command(executable(t), agentVerb)
	cmd.Stdin = bytes.NewReader(opts)
	must(t, cmd.Start())
	r.reached()
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Fatal("the agent ended by itself")
	}
	if s := r.attach(); s.Phase != runner.Running {
		t.Fatalf("after the agent's death: %+v\n%s", s, r.log())
	}
	r.open()
	if s := r.follow(); s.Phase != runner.Finished || !s.Result.OK() {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
}

// The runner is killed too. Terraform goes on and saves its state, but nobody sees how it ends.
func TestRunnerKilled(t *testing.T) {
	t.Parallel()
	r := newRun(t, gated).plan()
	pid := r.start()
	r.reached()
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	eventually(t, "the runner is gone", func() bool { return syscall.Kill(pid, 0) != nil })
	if s := r.attach(); s.Phase != runner.Running {
		t.Fatalf("terraform still runs, and the state is %+v", s)
	}
	if _, err := runner.Start(t.Context(), r.opts); !errors.Is(err, runner.ErrClaimed) {
		t.Errorf("start: %v", err)
	}
	must(t, runner.Interrupt(r.dir)) // there is nobody to pass it on, and nobody else is hit
	r.open()
	s := r.follow()
	if s.Phase != runner.Lost || !s.TerraformStarted || s.Result != nil {
		t.Fatalf("state %+v\n%s", s, r.log())
	}
	if !strings.Contains(r.stateText(), `"name": "node"`) {
		t.Errorf("terraform did not save its state:\n%s", r.stateText())
	}
	if p, err := runner.ReadProgress(r.dir); err != nil || p.Done != 1 {
		t.Errorf("progress %+v, %v", p, err)
	}
	must(t, runner.Clean(r.dir))
	if has(filepath.Join(r.dir, "apply")) || has(filepath.Join(r.dir, "result.new")) {
		t.Error("the copy of the plan is still there")
	}
}

// Terraform is killed. The script that it ran lives on, so that nobody believes it is over.
func TestTerraformKilled(t *testing.T) {
	t.Parallel()
	r := newRun(t, gated).plan()
	pid := r.start()
	r.reached()
	must(t, syscall.Kill(r.terraformPID(pid), syscall.SIGKILL))
	s := r.follow()
	if s.Phase != runner.Finished || s.Result.Signal != "SIGKILL" || s.Result.ExitCode != -1 || s.Result.OK() {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
	if !r.attach().StillHeld {
		t.Error("the orphaned script does not hold the run")
	}
	if left := runner.Holders(r.dir); len(left) == 0 {
		t.Error("nobody says which processes those are")
	}
	// The same without the runner, which only waits.
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	eventually(t, "the runner is gone", func() bool { return syscall.Kill(pid, 0) != nil })
	if !r.attach().StillHeld || len(runner.Holders(r.dir)) == 0 {
		t.Error("the orphaned script does not hold the run without its runner")
	}
	if p, err := runner.ReadProgress(r.dir); err != nil || len(p.Open) != 1 {
		t.Errorf("progress %+v, %v", p, err)
	}
	must(t, runner.Clean(r.dir))
	if !has(filepath.Join(r.dir, "tmp")) {
		t.Error("temporary files were removed under a living script")
	}
	r.open()
	eventually(t, "the script is gone", func() bool { return !r.attach().StillHeld })
}

// A script that goes into the background holds the run after a good end.
func TestOrphanAfterGoodEnd(t *testing.T) {
	t.Parallel()
	r := newRun(t, `resource "terraform_data" "a" {
	  provisioner "local-exec" { command = "(@GATE) >/dev/null 2>&1 &" }
	}`).plan()
	r.start()
	r.reached()
	s := r.follow()
	if s.Phase != runner.Finished || !s.Result.OK() || !s.StillHeld {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
	r.open()
	eventually(t, "the script is gone", func() bool { return !r.attach().StillHeld })
}

// What hides, in a session of its own and with nothing in its environment, is the runner's all the same.
func TestHiddenOrphan(t *testing.T) {
	t.Parallel()
	r := newRun(t, `resource "terraform_data" "a" {
	  provisioner "local-exec" { command = "env -i PATH=$PATH setsid sh -c '(@GATE) >/dev/null 2>&1 3>&- 4>&-' >/dev/null 2>&1 </dev/null &" }
	}`).plan()
	r.start()
	r.reached()
	if s := r.follow(); s.Phase != runner.Finished || !s.Result.OK() || !s.StillHeld {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
	r.open()
	eventually(t, "the script is gone", func() bool { return has(filepath.Join(r.dir, "vacated")) && !r.attach().StillHeld })
}

// A provisioner gets no file of ours: letting go of every lock that it finds does not make an apply that is at work look lost,
// nor does the death of the runner after it.
func TestProvisionerLetsGoOfLocks(t *testing.T) {
	t.Parallel()
	need.Program(t, "flock")
	r := newRun(t, `resource "terraform_data" "a" {
	  provisioner "local-exec" {
	    command = "for fd in 3 4 5 6 7 8 9; do if [ -e /proc/$$/fd/$fd ]; then readlink /proc/$$/fd/$fd >>@ROOT/found; flock -u $fd || :; fi; done; @GATE"
	  }
	}`).plan()
	pid := r.start()
	r.reached()
	if s := r.attach(); s.Phase != runner.Running {
		t.Errorf("terraform works, and the state is %+v", s)
	}
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	eventually(t, "the runner is gone", func() bool { return syscall.Kill(pid, 0) != nil })
	if s := r.attach(); s.Phase != runner.Running {
		t.Errorf("terraform works without its runner, and the state is %+v", s)
	}
	if found, err := os.ReadFile(filepath.Join(r.root, "found")); err == nil && strings.Contains(string(found), r.dir) {
		t.Errorf("the provisioner has files of the run open:\n%s", found)
	}
	r.open()
	if s := r.follow(); s.Phase != runner.Lost || !s.TerraformStarted {
		t.Fatalf("state %+v\n%s", s, r.log())
	}
}

// The state cannot be saved at the end: terraform leaves a file, and the run keeps it.
func TestErroredStateIsKept(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer backend.Close()
	r := newRun(t, `terraform {
	  backend "http" {
	    address = "`+backend.URL+`"
	    retry_max = 0
	  }
	}
	resource "terraform_data" "volume" {}`).plan()
	r.start()
	s := r.follow()
	if s.Phase != runner.Finished || s.Result.ExitCode != 1 || s.ErroredState != filepath.Join(r.dir, "errored.tfstate") {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
	raw, err := os.ReadFile(s.ErroredState)
	must(t, err)
	if !bytes.Contains(raw, []byte(`"name": "volume"`)) {
		t.Errorf("errored state:\n%s", raw)
	}
	if text, err := runner.Log(r.dir); err != nil || !strings.Contains(text, s.ErroredState) {
		t.Errorf("log: %v\n%s", err, text)
	}
}
