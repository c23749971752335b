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
	"sallyport/agent/proc"
)

// kept is a script with a keeper, as a user; nil: this process's own.
func kept(t *testing.T, u *asuser.User, script string) *exec.Cmd {
	t.Helper()
	shell, err := exec.LookPath("sh")
	must(t, err)
	cmd := exec.Command(asuser.Executable, "-c", script)
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH"), u.KeepEnviron(asuser.Program{Path: shell, Parent: os.Getpid()})}
	return cmd
}

// A program with a keeper ends as it would without, and nothing that it started lives on, in whatever session it hides.
func TestKeeper(t *testing.T) {
	t.Parallel()
	keeps(t, nil, t.TempDir())
}

// A user that several runs share cannot have all of its processes ended, so that terraform has a keeper there too, who is that user.
func TestKeeperOfSharedUser(t *testing.T) {
	_, users := crew(t, 1)
	shared := *users[0]
	shared.Exclusive = false
	dir, err := os.MkdirTemp("", "keeper")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chown(dir, shared.UID, shared.GID))
	another := as(&shared, "exec sleep 3600") // another run's
	must(t, another.Start())
	defer func() { _ = another.Process.Kill(); _ = another.Wait() }()
	keeps(t, &shared, dir)
	out, err := kept(t, &shared, "id -u; grep -E 'Cap(Eff|Prm|Amb)|NoNewPrivs' /proc/$PPID/status /proc/self/status").Output()
	must(t, err)
	if said := string(out); !strings.HasPrefix(said, fmt.Sprintf("%d\n", shared.UID)) || strings.Count(said, "0000000000000000") != 6 || strings.Count(said, "NoNewPrivs:\t1") != 2 {
		t.Errorf("user, keeper and program are %s", said)
	}
	if list, err := proc.Of(shared.UID); err != nil || len(list) != 1 {
		t.Errorf("of the user live %+v, %v", list, err)
	}
}

func keeps(t *testing.T, u *asuser.User, dir string) {
	t.Helper()
	out, err := kept(t, u, fmt.Sprintf(`env | grep SALLYPORT; for i in 1 2 3; do
		env -i PATH=$PATH setsid sh -c 'trap "" TERM HUP INT; echo $$ >%s/'$i'; sleep 3600' >/dev/null 2>&1 </dev/null &
	done; until [ -s %[1]s/1 ] && [ -s %[1]s/2 ] && [ -s %[1]s/3 ]; do sleep 0.02; done; echo said; exit 7`, dir)).Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 || string(out) != "said\n" {
		t.Fatalf("it says %q and ends with %v", out, err)
	}
	for _, name := range []string{"1", "2", "3"} {
		pid, err := strconv.Atoi(strings.TrimSpace(text(t, filepath.Join(dir, name))))
		must(t, err)
		if list, err := proc.List(func(p proc.Process) bool { return p.PID == pid }); err != nil || len(list) > 0 {
			t.Errorf("process %d lives: %+v, %v", pid, list, err)
		}
	}
	err = kept(t, u, "kill -KILL $$").Run()
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("a killed one ends with %v", err)
	}
	// A signal gets through, once.
	cmd := kept(t, u, fmt.Sprintf("trap 'echo got >>%[1]s/signal; exit 3' INT; touch %[1]s/ready; while :; do sleep 0.02; done", dir))
	must(t, cmd.Start())
	eventually(t, "it is ready", func() bool { _, err := os.Stat(filepath.Join(dir, "ready")); return err == nil })
	must(t, cmd.Process.Signal(os.Interrupt))
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 3 || text(t, filepath.Join(dir, "signal")) != "got\n" {
		t.Errorf("an interrupted one ends with %v", err)
	}
}
