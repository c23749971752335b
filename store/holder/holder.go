// Package holder tells which process holds the lock of a file, as far as the kernel says.
//
// It imports nothing of ours.
package holder

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"golang.org/x/sys/unix"
)

// Process is one that holds a lock.
type Process struct {
	PID     int    // 0: it is not known
	Command string // program and first argument; empty: they are not known
}

// Of describes who holds the lock of the file at path. It never fails: not knowing leaves the fields empty.
func Of(path string) (e Process) {
	info, err := os.Stat(path)
	if err != nil {
		return e
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return e
	}
	f, err := os.Open("/proc/locks")
	if err != nil {
		return e
	}
	defer f.Close()
	dev := uint64(st.Dev) //nolint:unconvert // int32 or uint64, by platform
	device := fmt.Sprintf("%02x:%02x", unix.Major(dev), unix.Minor(dev))
	other := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		pid, on, ok := parse(lines.Text(), st.Ino)
		if !ok {
			continue
		}
		if on == device {
			e.PID = pid
			break
		}
		// btrfs and overlayfs show another device to stat than to the lock table.
		other = pid
	}
	if e.PID == 0 {
		e.PID = other
	}
	if e.PID != 0 {
		e.Command = commandOf(e.PID)
	}
	return e
}

// parse reads one line of /proc/locks, such as
//
//	3: FLOCK  ADVISORY  WRITE 1234 fd:00:5678 0 EOF
//
// and returns holder and device ("fd:00") if it is a whole-file lock on the inode. A line with "->" waits for a lock
// and does not hold it.
func parse(line string, inode uint64) (pid int, device string, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || fields[1] != "FLOCK" {
		return 0, "", false
	}
	cut := strings.LastIndexByte(fields[5], ':')
	if cut < 0 {
		return 0, "", false
	}
	n, err := strconv.ParseUint(fields[5][cut+1:], 10, 64)
	if err != nil || n != inode {
		return 0, "", false
	}
	if pid, err = strconv.Atoi(fields[4]); err != nil || pid <= 0 {
		return 0, "", false
	}
	return pid, fields[5][:cut], true
}

// commandOf returns program and first argument of a process, "sallyport agent". Further arguments are left out: they
// would be somebody else's business, should the holder not be ours.
func commandOf(pid int) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	args := strings.SplitN(string(raw), "\x00", 3)
	text := filepath.Base(args[0])
	if args[0] == "" {
		return ""
	}
	if len(args) > 1 && args[1] != "" && !strings.HasPrefix(args[1], "-") {
		text += " " + args[1]
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}
