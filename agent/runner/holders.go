package runner

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Holder is a process that still has the lock of a run open.
type Holder struct {
	PID  int
	Name string // of its program
}

// Holders finds the processes that keep a run's lock, as far as this user may look: the runner, terraform, and what
// terraform started. It is for telling people; whether the lock is held is for [Attach] to say.
func Holders(runDir string) []Holder {
	lock, err := os.Stat(filepath.Join(runDir, lockFile))
	if err != nil {
		return nil
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	var out []Holder
	for _, process := range processes {
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil || pid == os.Getpid() || !hasOpen(process, lock) { // we may be probing it in this moment
			continue
		}
		name, _ := os.ReadFile(filepath.Join(process, "comm")) // gone since: nameless
		out = append(out, Holder{PID: pid, Name: strings.TrimSpace(string(name))})
	}
	return out
}

func hasOpen(process string, file os.FileInfo) bool {
	fds, err := os.ReadDir(filepath.Join(process, "fd"))
	if err != nil {
		return false
	}
	for _, fd := range fds {
		if fi, err := os.Stat(filepath.Join(process, "fd", fd.Name())); err == nil && os.SameFile(fi, file) {
			return true
		}
	}
	return false
}
