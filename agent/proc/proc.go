// Package proc tells which processes live, of whom they are and from whom they come, and ends those that have no parent to end them.
//
// It goes by /proc. [List], [Of], [Children] and [Descendants] fail where that does not show everything: what is not shown cannot be
// said not to be there. Whoever makes other programs run and has to end all that they leave behind becomes the parent of it with
// [Adopt], and kills with [Process.Kill], which never hits a stranger that was given the same number meanwhile.
//
// The package imports nothing of this module. Whose processes these are to be is for package asuser to say.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Process is one that lives, as /proc tells of it.
type Process struct {
	PID     int
	Parent  int
	Session int
	Start   uint64 // clock ticks since boot
	Name    string // of its program
	UIDs    [4]int // real, effective, saved, of file access
}

// Belongs reports whether a process has a user's number in any of its identities.
func (p Process) Belongs(uid int) bool { return slices.Contains(p.UIDs[:], uid) }

// errHidden: what is not shown cannot be said not to be there.
var errHidden = errors.New("/proc does not show the processes of other users here (hidepid, or ProtectProc of the unit)")

// List returns the processes of this machine that live and that keep says yes to. A process whose first thread has ended
// lives as long as another one does; one that has ended altogether and only waits to be asked for its exit code does not.
//
// What starts or ends meanwhile may or may not be among them.
func List(keep func(Process) bool) ([]Process, error) {
	return list(func(dir string) (Process, bool, error) {
		p, alive, err := look(dir)
		return p, alive && keep(p), err
	})
}

// list asks of each process whether it is meant.
func list(ask func(dir string) (Process, bool, error)) ([]Process, error) {
	if _, err := os.ReadFile("/proc/1/stat"); err != nil {
		return nil, fmt.Errorf("listing processes: %w: %w", errHidden, err)
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var out []Process
	for _, name := range names {
		if name[0] < '0' || name[0] > '9' {
			continue
		}
		p, meant, err := ask(filepath.Join("/proc", name))
		if err != nil {
			return nil, fmt.Errorf("looking at process %s: %w", name, err)
		}
		if meant {
			out = append(out, p)
		}
	}
	return out, nil
}

// Of returns the living processes of a user. It is asked several times in each run, of a machine with hundreds of processes: all is
// read only of those that are the user's.
func Of(uid int) ([]Process, error) {
	var buffer [4096]byte
	return list(func(dir string) (p Process, keep bool, err error) {
		status, err := readShort(filepath.Join(dir, "status"), buffer[:])
		if err != nil {
			return p, false, ignoreGone(err)
		}
		if err := p.readIdentities(status); err != nil || !p.Belongs(uid) {
			return p, false, err
		}
		p, alive, err := look(dir)
		return p, alive && p.Belongs(uid), err
	})
}

// readShort reads the beginning of a file of /proc with as few calls of the system as there can be.
func readShort(path string, buffer []byte) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	for {
		n, err := unix.Read(fd, buffer)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		}
		return buffer[:n], nil
	}
}

// Children are the numbers of a process's children, those included that have ended and were not asked for.
func Children(pid int) ([]int, error) {
	var out []int
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, fmt.Errorf("listing the children of a process: %w", err)
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			if ignoreGone(err) != nil {
				return nil, fmt.Errorf("listing the children of a process: %w", err)
			}
			continue // a thread that has ended
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return nil, fmt.Errorf("listing the children of a process: %q is not a number", field)
			}
			out = append(out, child)
		}
	}
	return out, nil
}

// Descendants are the living processes that were started by a process, directly or through others that live.
func Descendants(pid int) ([]Process, error) {
	all, err := List(func(Process) bool { return true })
	if err != nil {
		return nil, err
	}
	children := map[int][]Process{}
	for _, p := range all {
		children[p.Parent] = append(children[p.Parent], p)
	}
	var out []Process
	for next := children[pid]; len(next) > 0; {
		p := next[0]
		out, next = append(out, p), append(slices.Clip(next[1:]), children[p.PID]...)
	}
	return out, nil
}

// Look returns what /proc says of the process with a number, and whether it lives. One that has ended, and was not asked for yet,
// is told of as well; of one that is gone nothing is.
func Look(pid int) (p Process, alive bool, err error) {
	return look(filepath.Join("/proc", strconv.Itoa(pid)))
}

// look reads what /proc says of one process. One that is gone does not live.
func look(dir string) (p Process, alive bool, err error) {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return p, false, ignoreGone(err)
	}
	state, err := p.readStat(stat)
	if err != nil {
		return p, false, err
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return p, false, ignoreGone(err)
	}
	if err := p.readIdentities(status); err != nil {
		return p, false, err
	}
	if !ended(state) {
		return p, true, nil
	}
	alive, err = threadLives(dir)
	return p, alive, err
}

// ended tells by the state of a process or thread whether it has ended.
func ended(state byte) bool { return state == 'Z' || state == 'X' || state == 'x' }

// threadLives reports whether any thread of a process has not ended.
func threadLives(dir string) (bool, error) {
	threads, err := os.ReadDir(filepath.Join(dir, "task"))
	if err != nil {
		return false, ignoreGone(err)
	}
	for _, t := range threads {
		stat, err := os.ReadFile(filepath.Join(dir, "task", t.Name(), "stat"))
		if err != nil {
			if ignoreGone(err) != nil {
				return false, err
			}
			continue
		}
		var thread Process
		if state, err := thread.readStat(stat); err != nil || !ended(state) {
			return err == nil, err
		}
	}
	return false, nil
}

// readStat takes in /proc/PID/stat. Its second field is the name in brackets, which may hold blanks and brackets itself.
func (p *Process) readStat(stat []byte) (state byte, err error) {
	errForm := errors.New("its stat has an unknown form")
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return 0, errForm
	}
	fields := strings.Fields(string(stat[end+1:])) // from the third on
	if len(fields) < 20 || len(fields[0]) != 1 {
		return 0, errForm
	}
	p.Name = string(stat[open+1 : end])
	var faults [4]error
	p.PID, faults[0] = strconv.Atoi(strings.TrimSpace(string(stat[:open])))
	p.Parent, faults[1] = strconv.Atoi(fields[1])
	p.Session, faults[2] = strconv.Atoi(fields[3])
	p.Start, faults[3] = strconv.ParseUint(fields[19], 10, 64)
	if errors.Join(faults[:]...) != nil {
		return 0, errForm
	}
	return fields[0][0], nil
}

// readIdentities takes the users in from /proc/PID/status.
func (p *Process) readIdentities(status []byte) error {
	_, after, found := bytes.Cut(status, []byte("\nUid:"))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	fields := strings.Fields(string(line))
	if !found || len(fields) != len(p.UIDs) {
		return errors.New("its status has an unknown form")
	}
	for i, field := range fields {
		var err error
		if p.UIDs[i], err = strconv.Atoi(field); err != nil {
			return errors.New("its status has an unknown form")
		}
	}
	return nil
}

// ignoreGone makes nil of the error that says that a process is gone.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// Ended are this process's children that have ended and that nobody has asked for, with when each was started.
func Ended() (map[int]uint64, error) {
	children, err := Children(os.Getpid())
	out := map[int]uint64{}
	for _, pid := range children {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil {
			continue // asked for meanwhile
		}
		var p Process
		if state, err := p.readStat(stat); err == nil && ended(state) {
			out[pid] = p.Start
		}
	}
	return out, err
}
