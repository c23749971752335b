package asuser_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/asuser"
)

// kept is a script with a keeper.
func kept(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	shell, err := exec.LookPath("sh")
	must(t, err)
	cmd := exec.Command(asuser.Executable, "-c", script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), asuser.KeepEnviron(asuser.Program{Path: shell, Parent: os.Getpid()})}
	return cmd
}

// A program with a keeper ends as it would without, and nothing that it started lives on, in whatever session it hides.
func TestKeeper(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := kept(t, fmt.Sprintf(`env | grep SALLYPORT; for i in 1 2 3; do
		env -i PATH=$PATH setsid sh -c 'trap "" TERM HUP INT; echo $$ >%s/'$i'; sleep 3600' >/dev/null 2>&1 </dev/null &
	done; until [ -s %[1]s/1 ] && [ -s %[1]s/2 ] && [ -s %[1]s/3 ]; do sleep 0.02; done; echo said; exit 7`, dir)).Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 || string(out) != "said\n" {
		t.Fatalf("it says %q and ends with %v", out, err)
	}
	for _, name := range []string{"1", "2", "3"} {
		pid, err := strconv.Atoi(strings.TrimSpace(text(t, filepath.Join(dir, name))))
		must(t, err)
		if list, err := asuser.Processes(func(p asuser.Process) bool { return p.PID == pid }); err != nil || len(list) > 0 {
			t.Errorf("process %d lives: %+v, %v", pid, list, err)
		}
	}
	err = kept(t, "kill -KILL $$").Run()
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("a killed one ends with %v", err)
	}
	// A signal gets through, once.
	cmd := kept(t, fmt.Sprintf("trap 'echo got >>%[1]s/signal; exit 3' INT; touch %[1]s/ready; while :; do sleep 0.02; done", dir))
	must(t, cmd.Start())
	eventually(t, "it is ready", func() bool { _, err := os.Stat(filepath.Join(dir, "ready")); return err == nil })
	must(t, cmd.Process.Signal(os.Interrupt))
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 3 || text(t, filepath.Join(dir, "signal")) != "got\n" {
		t.Errorf("an interrupted one ends with %v", err)
	}
}
