package asuser

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sallyport/store/disk"
)

// What a user's processes can leave behind outside of the directories that they were given: files where everybody may write,
// shared memory, semaphores, message queues, keys.

// open are the directories where everybody may write.
var openDirs = []string{"/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/dev/hugepages", "/run/lock"}

const (
	sweepPatience = 20 * time.Second
	sweepMost     = 200_000 // names looked at
	sweepDepth    = 3       // of directories of others in which the user may write
	clearDepth    = 256     // of the user's own
)

// Sweep removes what an exclusive user left outside of the directories that it was given. None of its processes may live. An
// error says that something may be left, which the next run of that user's would find, and others could read.
func (u *User) Sweep() error {
	if u == nil || !u.Exclusive {
		return nil
	}
	err := u.onThread(wholeIdentity, func() error {
		s := sweeper{uid: u.UID, until: time.Now().Add(sweepPatience)}
		var faults []error
		for _, dir := range openDirs {
			if err := s.shared(dir, 0); err != nil {
				faults = append(faults, fmt.Errorf("sweeping %s: %w", dir, err))
			}
		}
		return errors.Join(append(faults, s.systemV(), clearKeyrings())...)
	})
	if err != nil {
		return fmt.Errorf("removing what %s left: %w", u.Name, err)
	}
	return nil
}

// A sweeper works as the user, so that whatever it is led to, it can remove nothing that is not the user's.
type sweeper struct {
	uid   int
	until time.Time
	seen  int
}

var errSweepBound = errors.New("there is too much in it to look at all of it")

func (s *sweeper) count() error {
	if s.seen++; s.seen > sweepMost || s.seen%1000 == 0 && time.Now().After(s.until) {
		return errSweepBound
	}
	return nil
}

// shared goes through a directory of others.
func (s *sweeper) shared(dir string, depth int) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil // what it may not enter it has nothing in: who may not search cannot have made anything
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	names, err := namesIn(root)
	if errors.Is(err, fs.ErrPermission) {
		// Writable and not readable: names in it can only be guessed. Nobody makes such a directory, but a run that wants to hide.
		return fmt.Errorf("%s cannot be listed", dir)
	}
	if err != nil {
		return err
	}
	var faults []error
	for _, name := range names {
		if err := s.count(); err != nil {
			return errors.Join(append(faults, err)...)
		}
		info, err := root.Lstat(name)
		if err != nil {
			continue // gone
		}
		switch {
		case ownerOf(info) == s.uid:
			if err := s.clear(root, name, info, 0); err != nil {
				faults = append(faults, err)
			}
		case info.IsDir() && depth < sweepDepth && unix.Access(filepath.Join(dir, name), unix.W_OK|unix.X_OK) == nil:
			faults = append(faults, s.shared(filepath.Join(dir, name), depth+1))
		}
	}
	return errors.Join(faults...)
}

func namesIn(root *os.Root) ([]string, error) {
	d, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	return d.Readdirnames(-1)
}

// clear removes what is the user's, with all that is in it.
func (s *sweeper) clear(root *os.Root, name string, info fs.FileInfo, depth int) error {
	if err := s.count(); err != nil {
		return err
	}
	if !info.IsDir() {
		return disk.IgnoreMissing(root.Remove(name))
	}
	if depth > clearDepth {
		return errSweepBound
	}
	if info.Mode().Perm()&0o700 != 0o700 && ownerOf(info) == s.uid {
		if err := root.Chmod(name, 0o700); err != nil {
			return err
		}
	}
	inner, err := root.OpenRoot(name)
	if err != nil {
		return err
	}
	defer func() { _ = inner.Close() }()
	names, err := namesIn(inner)
	if err != nil {
		return err
	}
	var faults []error
	for _, n := range names {
		info, err := inner.Lstat(n)
		if err != nil {
			faults = append(faults, disk.IgnoreMissing(err))
			continue
		}
		faults = append(faults, s.clear(inner, n, info, depth+1))
	}
	return errors.Join(append(faults, disk.IgnoreMissing(root.Remove(name)))...)
}

// systemV removes shared memory, semaphores and message queues.
func (s *sweeper) systemV() error {
	var faults []error
	for _, kind := range []struct {
		list string
		id   string
		call uintptr
		at   int // which argument the command is
	}{{"shm", "shmid", unix.SYS_SHMCTL, 1}, {"sem", "semid", unix.SYS_SEMCTL, 2}, {"msg", "msqid", unix.SYS_MSGCTL, 1}} {
		text, err := os.ReadFile("/proc/sysvipc/" + kind.list)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without them
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		ids, err := ownedIPC(string(text), kind.id, s.uid)
		if err != nil {
			faults = append(faults, fmt.Errorf("/proc/sysvipc/%s: %w", kind.list, err))
		}
		for _, id := range ids {
			args := [3]uintptr{uintptr(id), 0, 0}
			args[kind.at] = unix.IPC_RMID
			_, _, errno := unix.RawSyscall(kind.call, args[0], args[1], args[2])
			if errno != 0 && errno != syscall.EINVAL && errno != syscall.EIDRM {
				faults = append(faults, fmt.Errorf("removing %s %d: %w", kind.id, id, errno))
			}
		}
	}
	return errors.Join(faults...)
}

// ownedIPC finds in one of the lists of /proc/sysvipc what a user owns or has made.
func ownedIPC(text, idColumn string, uid int) ([]int, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	at := map[string]int{}
	for i, column := range strings.Fields(lines[0]) {
		at[column] = i
	}
	var out []int
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		number := func(column string) (int, error) {
			i, known := at[column]
			if !known || i >= len(fields) {
				return 0, fmt.Errorf("no column %s", column)
			}
			return strconv.Atoi(fields[i])
		}
		id, err := number(idColumn)
		owner, ownerErr := number("uid")
		maker, makerErr := number("cuid")
		if err := errors.Join(err, ownerErr, makerErr); err != nil {
			return out, err
		}
		if owner == uid || maker == uid {
			out = append(out, id)
		}
	}
	return out, nil
}

// clearKeyrings empties the keyrings that belong to a user and not to a process.
func clearKeyrings() error {
	var faults []error
	for _, ring := range []int{unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_USER_SESSION_KEYRING} {
		_, err := unix.KeyctlInt(unix.KEYCTL_CLEAR, ring, 0, 0, 0)
		// Without keys in this kernel, or with a filter, the user's programs have none either.
		if err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOKEY) {
			faults = append(faults, fmt.Errorf("emptying a keyring: %w", err))
		}
	}
	return errors.Join(faults...)
}
