package need

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// isGo reports whether a process is the go command.
func isGo(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.TrimSpace(string(name)) == "go"
}

// streamed reports whether this process's output goes where the go command's own goes, as it does for the package of the
// current directory.
func streamed(pid int) bool {
	own, err := os.Stdout.Stat()
	if err != nil {
		return false
	}
	theirs, err := os.Stat(fmt.Sprintf("/proc/%d/fd/1", pid))
	return err == nil && os.SameFile(own, theirs)
}

// console is where people see a line at once: the go command's standard error, since go test keeps that of tests to itself.
// Where it cannot be had it is this process's own.
func console() io.Writer {
	pid := os.Getppid()
	if shown() {
		return os.Stderr
	}
	if f, err := borrow(pid, 2); err == nil {
		return f
	}
	// A file that is opened anew has an end of its own, and the go command would write over what was put there.
	path := fmt.Sprintf("/proc/%d/fd/2", pid)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		if f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0); err == nil {
			return f
		}
	}
	return os.Stderr
}

// borrow is a file that another process has open. The kernel may refuse it to whoever may not look into that process.
func borrow(pid, fd int) (*os.File, error) {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(process) }()
	got, err := unix.PidfdGetfd(process, fd, 0)
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(got)
	return os.NewFile(uintptr(got), "the standard error of go test"), nil
}
