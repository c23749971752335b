package peercred

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A process's number says who it is only while it lives: whoever connects and dies leaves the number to somebody else. So the
// server holds on to the process itself, by a descriptor of the kernel's (SO_PEERPIDFD, Linux 6.5), where there is none by the
// moment at which it was started, and asks both again when it matters.

const (
	maxLineage   = 256 // ancestors; more are not looked at, and then nobody is told apart
	lineageTries = 10  // while a process loses its parent in the middle of the look
)

// process is who is at the other end of a connection.
type process struct {
	pid   int
	fd    *os.File // of the process; nil where the kernel has none to give. Closed with the caller, by the collector.
	start uint64   // clock ticks since boot, as of the moment when it connected
}

// hold takes hold of who connected. A process that cannot be looked at is one that does not live.
func hold(socket, pid int) *process {
	p := &process{pid: pid}
	if fd, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_PEERPIDFD); err == nil {
		p.fd = os.NewFile(uintptr(fd), "pidfd")
	}
	if s, err := statOf(pid); err == nil {
		p.start = s.start
	}
	return p
}

// lives says why the number of a process does not stand for it any more; nil if it does.
func (p *process) lives() error {
	errGone := fmt.Errorf("process %d, which asked, is gone", p.pid)
	s, err := statOf(p.pid)
	if err != nil || p.start == 0 || s.start != p.start || s.ended {
		return errGone
	}
	if p.fd == nil {
		return nil
	}
	// Readable as soon as it has ended, though nobody has asked for its exit code yet.
	ready, err := unix.Poll([]unix.PollFd{{Fd: int32(p.fd.Fd()), Events: unix.POLLIN}}, 0)
	if err != nil || ready != 0 {
		return errGone
	}
	return nil
}

// Lineage is the process that asked and its ancestors, up to the first of all. It is an error if that process is gone, or if
// one of them cannot be looked at: nobody knows then who asks.
func (c Caller) Lineage() ([]int, error) {
	if c.process == nil {
		return nil, errors.New("the kernel does not say which process asks")
	}
	for range lineageTries {
		line, err := climb(c.process.pid)
		if errors.Is(err, errMoved) {
			continue
		}
		return line, errors.Join(c.process.lives(), err)
	}
	return nil, fmt.Errorf("the ancestors of process %d change faster than they can be looked at", c.process.pid)
}

// errMoved: a process got another parent meanwhile.
var errMoved = errors.New("its parent is another one now")

// climb goes from a process to its parent and on. That a number is the parent's holds if the child still names it after the
// parent was looked at.
func climb(pid int) ([]int, error) {
	line := []int{pid}
	child, err := statOf(pid)
	if err != nil {
		return nil, err
	}
	for child.parent > 0 {
		if len(line) > maxLineage || slices.Contains(line, child.parent) {
			return nil, fmt.Errorf("process %d has more than %d ancestors", pid, maxLineage)
		}
		parent, err := statOf(child.parent)
		again, gone := statOf(line[len(line)-1])
		if gone != nil {
			return nil, gone
		}
		if again.parent != child.parent || again.start != child.start {
			return nil, errMoved
		}
		if err != nil {
			return nil, err
		}
		line, child = append(line, child.parent), parent
	}
	return line, nil
}

// stat is what /proc says of a process.
type stat struct {
	parent int
	start  uint64
	ended  bool
}

func statOf(pid int) (stat, error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, syscall.ESRCH) || errors.Is(err, os.ErrNotExist) {
		return stat{}, fmt.Errorf("process %d is gone", pid)
	}
	if err != nil {
		return stat{}, fmt.Errorf("looking at process %d: %w", pid, err)
	}
	// The second field is the name in brackets, which may hold blanks and brackets itself.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) < 20 {
		return stat{}, fmt.Errorf("looking at process %d: its stat has an unknown form", pid)
	}
	parent, err := strconv.Atoi(fields[1])
	start, startErr := strconv.ParseUint(fields[19], 10, 64)
	if err := errors.Join(err, startErr); err != nil {
		return stat{}, fmt.Errorf("looking at process %d: %w", pid, err)
	}
	return stat{parent: parent, start: start, ended: strings.Contains("ZXx", fields[0])}, nil
}
