package proc_test

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"sallyport/agent/proc"
)

// A process is listed with what /proc says of it as long as it lives, and not as what is left of it until its parent asks.
func TestProcesses(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "3600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	must(t, cmd.Start())
	ended := false
	defer func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	pid := cmd.Process.Pid
	find := func() []proc.Process {
		t.Helper()
		list, err := proc.List(func(p proc.Process) bool { return p.PID == pid })
		must(t, err)
		return list
	}
	list := find()
	if len(list) != 1 {
		t.Fatalf("%d processes have the number %d", len(list), pid)
	}
	p := list[0]
	if p.Parent != os.Getpid() || p.Session != pid || p.Start == 0 || !p.Belongs(os.Geteuid()) || p.Belongs(os.Geteuid()+1) {
		t.Errorf("it is %+v", p)
	}
	below, err := proc.Descendants(os.Getpid())
	if err != nil || !slices.ContainsFunc(below, func(p proc.Process) bool { return p.PID == pid }) {
		t.Errorf("it is not among the descendants %+v, %v", below, err)
	}
	children, err := proc.Children(os.Getpid())
	if err != nil || !slices.Contains(children, pid) {
		t.Errorf("it is not among the children %v, %v", children, err)
	}
	must(t, cmd.Process.Kill())
	// Ended, and not asked for: it waits for the state without taking it.
	must(t, unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil))
	if list := find(); len(list) != 0 {
		t.Errorf("what has ended is listed: %+v", list)
	}
	_ = cmd.Wait()
	ended = true
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
