package proc

import (
	"os/exec"
	"runtime"
	"syscall"
)

// How a program that is started hangs on this process is said here, before its start, in one of three ways; a program may have
// capabilities of ours besides, see [Lend].

// OwnGroup makes the program the first of a process group: what is typed at our terminal does not reach it, and [EndGroup] ends all of
// it.
func OwnGroup(cmd *exec.Cmd) { attr(cmd).Setpgid = true }

// OwnSession makes the program the first of a session: it lives on when we end, whatever ends us.
func OwnSession(cmd *exec.Cmd) { attr(cmd).Setsid = true }

// DieWithUs has the kernel send the program a signal when we die, whatever of: nothing here outlives the agent. The signal comes with
// the end of the thread that starts the program, so the goroutine that calls this keeps its own until it calls release, which is when
// the program has ended.
func DieWithUs(cmd *exec.Cmd, signal syscall.Signal) (release func()) {
	runtime.LockOSThread()
	attr(cmd).Pdeathsig = signal
	return runtime.UnlockOSThread
}

// Lend lends the program capabilities of this process, which it needs to become another user.
func Lend(cmd *exec.Cmd, capabilities []uintptr) { attr(cmd).AmbientCaps = capabilities }

// EndGroup sends a signal to every process of the group of a program that was started with [OwnGroup]. That none is left is no error.
func EndGroup(cmd *exec.Cmd, signal syscall.Signal) error {
	if cmd.Process == nil {
		return nil // it was never started
	}
	if err := syscall.Kill(-cmd.Process.Pid, signal); err != nil && err != syscall.ESRCH {
		return err
	}
	return nil
}

func attr(cmd *exec.Cmd) *syscall.SysProcAttr {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	return cmd.SysProcAttr
}
