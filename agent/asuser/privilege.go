package asuser

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"

	"sallyport/agent/hint"
)

// needs are the capabilities of an agent that is not root: to become the user, to give files to it and to read and remove
// what it has made, and to interrupt it.
var needs = []uintptr{unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_KILL}

// Needs are the names of the capabilities that an agent needs that is not root.
func Needs() string { return "CAP_SETUID CAP_SETGID CAP_CHOWN CAP_DAC_OVERRIDE CAP_KILL" }

// Ready reports, as an error, that this process cannot become another user.
func (u *User) Ready() error {
	if u == nil {
		return nil
	}
	permitted, err := permittedSet()
	if err != nil {
		return fmt.Errorf("looking at this process's capabilities: %w", err)
	}
	for _, c := range needs {
		if permitted&(1<<c) == 0 {
			return &hint.Error{Err: fmt.Errorf("terraform.user is %s, and this process may not become another user", u.Name),
				Hint: "the unit that comes with this version has AmbientCapabilities=" + Needs() + "; run install.sh again, or start the agent as root"}
		}
	}
	return nil
}

// permittedSet is the calling thread's permitted set; the others have the same.
func permittedSet() (uint64, error) {
	data, err := capget()
	return uint64(data[0].Permitted) | uint64(data[1].Permitted)<<32, err
}

func capget() (data [2]unix.CapUserData, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return data, unix.Capget(&header, &data[0])
}

func capset(data [2]unix.CapUserData) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return unix.Capset(&header, &data[0])
}

// Renounce empties the ambient set of this process, if it has one: what it starts from now on inherits no capability, the
// agent's commands and a terraform without a terraform.user included. The process keeps its own.
func Renounce() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("looking at this process's capabilities: %w", err)
	}
	_, after, found := strings.Cut(string(status), "\nCapAmb:")
	line, _, _ := strings.Cut(after, "\n")
	if !found || strings.Trim(line, "\t 0") == "" {
		return nil
	}
	if _, _, errno := psx.Syscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("giving up ambient capabilities: %w", errno)
	}
	return nil
}

// Capabilities are those that a process must be started with (syscall.SysProcAttr.AmbientCaps) that is going to become the
// user.
func (u *User) Capabilities() []uintptr {
	if u == nil || os.Geteuid() == 0 {
		return nil
	}
	return needs
}

// Output runs a program as the user, with an environment, and returns what it prints.
func (u *User) Output(cmd *exec.Cmd) ([]byte, error) {
	var out []byte
	cmd.Env = append(slices.Clone(cmd.Env), u.Environ(Program{Path: cmd.Path}))
	cmd.Path = Executable
	err := u.Raise(func() (err error) {
		out, err = cmd.Output()
		return err
	})
	return out, err
}

// Raise calls f, which starts a process that becomes the user by way of [User.Environ], where nothing but f starts a process
// with these privileges. f must start it in its own goroutine.
func (u *User) Raise(f func() error) error {
	if u.Capabilities() == nil {
		return f()
	}
	// The ambient set is the thread's. The runtime makes no new threads from one that a goroutine has locked.
	runtime.LockOSThread()
	before, err := capget()
	if err != nil {
		return fmt.Errorf("looking at this thread's capabilities: %w", err)
	}
	raised := before
	for _, c := range needs {
		raised[0].Inheritable |= 1 << c
	}
	if err := capset(raised); err != nil {
		return fmt.Errorf("making capabilities inheritable: %w", err)
	}
	for _, c := range needs {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0, 0); err != nil {
			return fmt.Errorf("raising an ambient capability: %w", err) // the thread stays locked and ends with the goroutine
		}
	}
	err = f()
	if lowered := errors.Join(unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), capset(before)); lowered != nil {
		return errors.Join(err, fmt.Errorf("lowering ambient capabilities: %w", lowered))
	}
	runtime.UnlockOSThread()
	return err
}
