package api

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"sallyport/agent/runner"
)

// What the agent or a runner has started is inside, whatever session and directory it is in; what cannot be looked at is nobody.
func TestInsideRun(t *testing.T) {
	data := t.TempDir()
	if err := os.MkdirAll(filepath.Join(data, "runs", "1"), 0o700); err != nil {
		t.Fatal(err)
	}
	start := func(dir string, args ...string) int {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd.Process.Pid
	}
	elsewhere := start("/", "sleep", "300")
	inDir := start(filepath.Join(data, "runs", "1"), "sleep", "300")
	if err := syscall.Mkfifo(filepath.Join(data, runner.Verb), 0o600); err != nil {
		t.Fatal(err)
	}
	like := start(data, "cat", runner.Verb) // as the command line of a runner begins
	for name, tc := range map[string]struct {
		line   []int
		inside bool
		fails  bool
	}{
		"somebody else":             {[]int{elsewhere, 1}, false, false},
		"our child":                 {[]int{elsewhere, os.Getpid(), 1}, true, false},
		"our grandchild":            {[]int{elsewhere, inDir, os.Getpid(), 1}, true, false},
		"we ourselves":              {[]int{os.Getpid(), 1}, false, false},
		"in a run's directory":      {[]int{inDir, 1}, true, false},
		"below one that is there":   {[]int{elsewhere, inDir, 1}, true, false},
		"an earlier agent's runner": {[]int{elsewhere, like, 1}, true, false},
		"what cannot be looked at":  {[]int{elsewhere, 1 << 30}, false, true},
	} {
		inside, err := insideRun(tc.line, data)
		if inside != tc.inside || (err != nil) != tc.fails {
			t.Errorf("%s (%v): %v, %v", name, tc.line, inside, err)
		}
	}
}

func TestControlGroupsWithin(t *testing.T) {
	const own = "0::/system.slice/sallyport.service\n"
	for name, tc := range map[string]struct {
		own, theirs string
		within      bool
	}{
		"the same":               {own, own, true},
		"one below":              {own, "0::/system.slice/sallyport.service/sub/x\n", true},
		"a name that goes on":    {own, "0::/system.slice/sallyport.service2\n", false},
		"somebody's session":     {own, "0::/user.slice/user-1000.slice/session-3.scope\n", false},
		"all are in one":         {"0::/\n", "0::/user.slice\n", false},
		"of two hierarchies":     {"1:name=systemd:/a\n" + own, "1:name=systemd:/b\n0::/system.slice/sallyport.service/x\n", true},
		"only the old hierarchy": {"1:name=systemd:/a\n", "1:name=systemd:/b\n", false},
	} {
		if got := within(tc.own, tc.theirs); got != tc.within {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The agent's own user decides nothing where it is the service's: plan-time code without terraform.user is that user too.
func TestOwnUserUnderSystemd(t *testing.T) {
	self, parent := strconv.Itoa(os.Getpid()), os.Getppid()
	for name, tc := range map[string]struct {
		invocation, pid string
		want            bool
	}{
		"a service":                         {"abc", self, true},
		"below one, as on a desktop":        {"abc", strconv.Itoa(parent), false},
		"no service":                        {"", self, false},
		"an older systemd that says no pid": {"abc", "", parent == 1},
	} {
		t.Setenv("INVOCATION_ID", tc.invocation)
		t.Setenv("SYSTEMD_EXEC_PID", tc.pid)
		if got := underSystemd(); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := ownUser(os.Geteuid()); got != (tc.want && os.Geteuid() != 0) || ownUser(os.Geteuid()+1) {
			t.Errorf("%s: own user %v", name, got)
		}
	}
}
