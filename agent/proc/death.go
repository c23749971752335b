package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Adopt makes this process the parent of every process that its children start and that loses its own parent, whatever session
// it is in: so none of them can hide from where it comes.
func Adopt() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// Kill kills the process if it still is the one that was seen: numbers are given again.
func (p Process) Kill() {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return // gone
	}
	defer func() { _ = unix.Close(fd) }()
	if now, alive, err := Look(p.PID); err == nil && alive && now.Start == p.Start {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) // gone meanwhile is as good
	}
}

// KillMarked kills every process with an entry in its environment. What goes on between the look and the kill cannot hit a
// stranger: the process is held by a descriptor.
func KillMarked(mark string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // gone
		}
		environ, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err == nil && slices.ContainsFunc(bytes.Split(environ, []byte{0}), func(kv []byte) bool { return string(kv) == mark }) {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) // gone meanwhile is as good
		}
		_ = unix.Close(fd)
	}
}
