package asuser

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sallyport/agent/proc"
)

// Without a user of its own for each run the agent cannot end everything of a user's. A keeper stands between it and terraform instead: whatever
// terraform starts and leaves behind becomes the keeper's child, in whatever session it hides and whatever its environment says,
// and is ended before the keeper is.

// KeepEnviron returns the entry that makes [Executable], with a program's arguments, the keeper of that program, as the user; a nil
// one is this process's own. The keeper passes signals on and ends as the program ends.
func (u *User) KeepEnviron(p Program) string {
	e := errand{Keep: true, Program: p}
	if u != nil {
		e.User = *u
	}
	return e.entry()
}

// keep runs a program as its keeper and returns its exit code.
func keep(p Program, args, env []string) (int, error) {
	runtime.LockOSThread() // the program's death is bound to this thread's
	if err := errors.Join(proc.Adopt(), unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)); err != nil {
		return 0, fmt.Errorf("becoming a keeper: %w", err)
	}
	if os.Getppid() != p.Parent {
		return 0, errors.New("the agent died")
	}
	asked := make(chan os.Signal, 16)
	signal.Notify(asked, syscall.SIGINT, syscall.SIGTERM)
	cmd := exec.Command(p.Path, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	defer proc.DieWithUs(cmd, syscall.SIGKILL)()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("executing %s: %w", p.Path, err)
	}
	go func() {
		for s := range asked {
			_ = cmd.Process.Signal(s) // it may just have ended
		}
	}()
	waited := cmd.Wait()
	if err := endChildren(); err != nil {
		return 0, err
	}
	var exit *exec.ExitError
	if waited != nil && !errors.As(waited, &exit) {
		return 0, waited
	}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		signal.Reset()
		_ = syscall.Kill(os.Getpid(), ws.Signal())
		return 128 + int(ws.Signal()), nil // where that one does not end a process
	}
	return cmd.ProcessState.ExitCode(), nil
}

// endChildren ends all descendants of this process, which is the parent of those whose own has died.
func endChildren() error {
	for deadline := time.Now().Add(endPatience); ; time.Sleep(endFirst) {
		below, err := proc.Descendants(os.Getpid())
		if err != nil {
			return err
		}
		for _, p := range below {
			p.Kill()
		}
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if errors.Is(err, syscall.ECHILD) {
				return nil
			}
			if pid <= 0 && !errors.Is(err, syscall.EINTR) {
				break
			}
		}
		if time.Now().After(deadline) {
			return &StuckError{User: "the agent", Processes: below}
		}
	}
}
