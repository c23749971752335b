package runner_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/runner"
)

// terraform says this at its second signal, and drops its state.
const twoInterrupts = "Two interrupts received"

// interrupted checks that terraform was asked to stop once, stopped properly and saved what it had.
func interrupted(t *testing.T, r *run) {
	t.Helper()
	s := r.follow()
	if s.Phase != runner.Finished || s.Result.ExitCode != 1 || s.Result.Signal != "" || !s.Result.Interrupted {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
	if !strings.Contains(r.stateText(), `"status": "tainted"`) {
		t.Errorf("the resource is not tainted in the state:\n%s", r.stateText())
	}
	if strings.Contains(r.log(), twoInterrupts) {
		t.Errorf("terraform got a second signal\n%s", r.log())
	}
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, r *run, pid int){
		"once": func(t *testing.T, r *run, _ int) { must(t, runner.Interrupt(r.dir)) },
		"many times": func(t *testing.T, r *run, _ int) {
			for range 20 {
				must(t, runner.Interrupt(r.dir))
			}
		},
		"by the file alone": func(t *testing.T, r *run, _ int) {
			must(t, os.Remove(filepath.Join(r.dir, "runner.json")))
			must(t, runner.Interrupt(r.dir))
		},
		"SIGTERM to the runner": func(t *testing.T, r *run, pid int) {
			must(t, syscall.Kill(pid, syscall.SIGTERM))
		},
		"SIGTERM to everybody, as when the machine is shut down": func(t *testing.T, r *run, pid int) {
			terraform := r.terraformPID(pid)
			must(t, syscall.Kill(pid, syscall.SIGTERM)) // first: once terraform has ended, the runner may be gone
			if err := syscall.Kill(terraform, syscall.SIGTERM); !errors.Is(err, syscall.ESRCH) {
				must(t, err)
			}
		},
		"SIGHUP and SIGPIPE do nothing": func(t *testing.T, r *run, pid int) {
			must(t, syscall.Kill(pid, syscall.SIGHUP))
			must(t, syscall.Kill(pid, syscall.SIGPIPE))
			must(t, runner.Interrupt(r.dir))
		},
	}
	for name, ask := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, gated).plan()
			pid := r.start()
			r.reached()
			ask(t, r, pid)
			interrupted(t, r)
			if r.attach().InterruptAsked == strings.HasPrefix(name, "SIGTERM") {
				t.Errorf("state %+v", r.attach())
			}
			must(t, runner.Interrupt(r.dir)) // after the end: nothing
		})
	}
}

// An interrupt right after the start must not meet a terraform that has no signal handler yet: it would die of it.
func TestInterruptAtOnce(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it interrupts terraform again and again")
	for range 8 {
		r := newRun(t, gated).plan()
		r.start()
		must(t, runner.Interrupt(r.dir))
		s := r.follow()
		if s.Phase != runner.Finished || s.Result.Signal != "" || s.Result.OK() {
			t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
		}
		if s.Result.Refused == "" && !s.Result.Interrupted {
			t.Fatalf("neither refused nor interrupted: %+v\n%s", s.Result, r.log())
		}
	}
}

// The runner is dead and its number belongs to another process now: that one must not be hit.
func TestInterruptSparesStrangers(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	stranger := exec.Command("cat")
	in, err := stranger.StdinPipe()
	must(t, err)
	must(t, stranger.Start())
	write(t, filepath.Join(dir, "claim"), "{}")
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	must(t, err)
	pid := strconv.Itoa(stranger.Process.Pid)
	for name, identity := range map[string]string{
		"other start time": `{"pid":` + pid + `,"start_time":1,"boot_id":"` + strings.TrimSpace(string(boot)) + `"}`,
		"other boot":       `{"pid":` + pid + `,"start_time":1,"boot_id":"x"}`,
		"every process":    `{"pid":-1,"start_time":1}`,
		"damaged":          `{`,
	} {
		write(t, filepath.Join(dir, "runner.json"), identity)
		if err := runner.Interrupt(dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, in.Close())
	if err := stranger.Wait(); err != nil {
		t.Errorf("the stranger was hit: %v", err)
	}
}
