package agent

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// descendant reports whether a process was started by this one, directly or through others. It reads /proc, so that a
// process whose parent died (it then belongs to init) is not recognised; see insideRunner for applies.
func descendant(pid int) bool {
	self := os.Getpid()
	for range 64 {
		if pid <= 1 {
			return false
		}
		parent, ok := parentOf(pid)
		if !ok {
			return false
		}
		if parent == self {
			return true
		}
		pid = parent
	}
	return false
}

// insideRunner reports whether a process works inside a run's directory, as everything does that terraform starts.
func insideRunner(pid int, dataDir string) bool {
	runs, err := filepath.EvalSymlinks(filepath.Join(dataDir, "runs"))
	if err != nil {
		return false
	}
	for range 64 {
		if pid <= 1 {
			return false
		}
		cwd, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
		if err == nil && strings.HasPrefix(cwd, runs+string(filepath.Separator)) {
			return true
		}
		parent, ok := parentOf(pid)
		if !ok {
			return false
		}
		pid = parent
	}
	return false
}

// parentOf reads a process's parent: the second field after the command's name, which may hold blanks and brackets.
func parentOf(pid int) (int, bool) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, false
	}
	_, rest, ok := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	return parent, err == nil
}

// sameService reports whether a process is in our own control group under systemd. Without systemd every process of a
// login shares one group, and it says nothing.
func sameService(pid int) bool {
	if os.Getenv("INVOCATION_ID") == "" {
		return false
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return false
	}
	theirs, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	return err == nil && string(own) == string(theirs)
}
