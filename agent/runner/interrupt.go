package runner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// identity names one process for good: its number may be given to another after its death, or after a reboot.
type identity struct {
	PID       int    `json:"pid"`
	StartTime uint64 `json:"start_time"` // clock ticks since boot, of /proc/PID/stat
	BootID    string `json:"boot_id,omitempty"`
}

// self is the identity of this process.
func self() (identity, error) {
	pid := os.Getpid()
	t, err := startTime(pid)
	return identity{PID: pid, StartTime: t, BootID: bootID()}, err
}

// Interrupt asks a run's apply to stop: terraform gets one SIGINT, lets what is in flight come to an end, saves its
// state, unlocks it and exits. The request is durable and can be repeated; terraform still gets one signal, because a
// second would make it drop everything at once. An apply that has not begun will not. After the end it does nothing.
func Interrupt(runDir string) error {
	if exists(filepath.Join(runDir, resultFile)) {
		return nil
	}
	asked := touch(runDir, cancelFile)
	// The runner names itself before it looks for the file, so one of the two sees the other. The signal saves the
	// second until the runner looks again, and is all there is if the disk is full.
	var id identity
	err := readJSON(runDir, runnerFile, &id)
	if err == nil {
		err = id.signal(syscall.SIGINT)
	}
	if asked != nil {
		return fmt.Errorf("asking an apply to stop: %w", errors.Join(asked, err))
	}
	return nil // the runner looks for the file, whatever became of the signal
}

// signal sends a signal to the process if it is still the same one; if it is gone it does nothing.
func (id identity) signal(sig os.Signal) error {
	if !id.known() {
		return nil
	}
	// FindProcess holds the process by a pidfd where the kernel has them: from here on the number cannot come to
	// mean another, and the start time is that of the process that gets the signal.
	p, err := os.FindProcess(id.PID)
	if err != nil {
		return nil // gone
	}
	defer func() { _ = p.Release() }()
	if t, err := startTime(id.PID); err != nil || t != id.StartTime {
		return nil
	}
	if err := p.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// known: it is of this boot of the machine.
func (id identity) known() bool { return id.PID > 1 && id.BootID == bootID() }

// alive reports whether the process is there and still the same one.
func (id identity) alive() bool {
	t, err := startTime(id.PID)
	return id.known() && err == nil && t == id.StartTime
}

// startTime reads when a process started, in clock ticks since boot.
func startTime(pid int) (uint64, error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	// The second field is the command's name in parentheses, which may hold blanks and parentheses itself. The
	// start time is field 22, the 20th after it.
	_, rest, ok := strings.Cut(string(raw[strings.LastIndexByte(string(raw), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat has an unknown form", pid)
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// bootID tells one boot of the machine from another; empty where the kernel does not say.
func bootID() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}
