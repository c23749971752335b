package api

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sallyport/agent/datadir"
	"sallyport/agent/runner"
)

// insideRun reports whether a process, given with its ancestors, is of what the agent or a runner has started. Descent cannot be
// shaken off while that one lives: both take in what loses its parent (see adoptOrphans). Under systemd everything in
// the service's control group is ours besides, whatever became of who started it. What cannot be found out is an error.
func insideRun(line []int, dataDir string) (bool, error) {
	if slices.Contains(line[1:], os.Getpid()) {
		return true, nil
	}
	runs, err := filepath.EvalSymlinks(datadir.Runs(dataDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, fmt.Errorf("looking for the runs: %w", err)
	}
	for _, pid := range line {
		process := filepath.Join("/proc", strconv.Itoa(pid))
		command, err := os.ReadFile(filepath.Join(process, "cmdline"))
		if err != nil {
			return false, fmt.Errorf("looking at process %d: %w", pid, err)
		}
		if args := strings.Split(string(command), "\x00"); len(args) > 1 && args[1] == runner.Verb {
			return true, nil // of an earlier agent's
		}
		// Of another user's process this is not told; then it is not of the agent's user, whom it would be told.
		if cwd, err := os.Readlink(filepath.Join(process, "cwd")); err == nil && runs != "" && strings.HasPrefix(cwd, runs+string(filepath.Separator)) {
			return true, nil
		}
	}
	return sameService(line[0])
}

// underSystemd reports whether this process is a service that systemd has started: that such a one is above it, as above a
// terminal of somebody's desktop, is not enough.
func underSystemd() bool {
	if os.Getenv("INVOCATION_ID") == "" {
		return false
	}
	if pid := os.Getenv("SYSTEMD_EXEC_PID"); pid != "" {
		return pid == strconv.Itoa(os.Getpid())
	}
	return os.Getppid() == 1
}

// ownUser reports whether somebody is the agent's own user where that is a user for the service alone: whoever is that one,
// plan-time code without terraform.user may be. Root is not: it can do anything anyhow, and people come as root.
func ownUser(uid int) bool { return underSystemd() && uid == os.Geteuid() && uid != 0 }

// sameService reports whether a process is in our own control group under systemd, or in one below it. Without systemd every
// process of a login shares one group, and it says nothing.
func sameService(pid int) (bool, error) {
	if os.Getenv("INVOCATION_ID") == "" {
		return false, nil
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return false, fmt.Errorf("reading the control group of the agent: %w", err)
	}
	theirs, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return false, fmt.Errorf("reading the control group of process %d: %w", pid, err)
	}
	return within(string(own), string(theirs)), nil
}

// within compares two processes' control groups, as /proc has them: the same, or one below, but for the group of everything.
func within(own, theirs string) bool {
	if own == theirs {
		return true
	}
	for line := range strings.Lines(own) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "0::") || line == "0::/" {
			continue
		}
		for other := range strings.Lines(theirs) {
			if other = strings.TrimSuffix(other, "\n"); other == line || strings.HasPrefix(other, line+"/") {
				return true
			}
		}
	}
	return false
}
