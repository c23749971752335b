package asuser

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// CommonLocks is where install.sh puts a file of root's for each numbered user, under its number. Who is at work as a user holds
// the lock of that file. Two agents of one machine, with a data directory each, so never have the same user at the same time: each
// would end the other's runs, in the middle of an apply.
const CommonLocks = "/etc/sallyport/users"

const lockSuffix = ".lock"

// errElsewhere: another process has the user.
var errElsewhere = errors.New("another process is at work as it: another agent of this machine, the runner of an apply, or the doctor")

// Unlocked are those of the users for whom a directory like [CommonLocks] has no file.
func Unlocked(dir string, users []*User) []*User {
	var out []*User
	for _, u := range users {
		if _, err := os.Lstat(filepath.Join(dir, strconv.Itoa(u.UID))); u.Exclusive && errors.Is(err, fs.ErrNotExist) {
			out = append(out, u)
		}
	}
	return out
}

// lock takes a user's lock, without waiting for it.
func (p *Pool) lock(u *User) (*os.File, error) {
	f, err := p.lockFile(u)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", u.Name, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errElsewhere
		}
		return nil, errors.Join(fmt.Errorf("locking %s: %w", u.Name, err), f.Close())
	}
	return f, nil
}

// lockFile is the lock of all agents of this machine, where there is one, or that of this pool's directory. Only reading is asked
// for: a service sees the first on a file system that it cannot write to.
func (p *Pool) lockFile(u *User) (*os.File, error) {
	path := filepath.Join(p.common, strconv.Itoa(u.UID))
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if p.common == "" || errors.Is(err, fs.ErrNotExist) {
		return os.OpenFile(filepath.Join(p.dir, u.Name+lockSuffix), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && (ownerOf(info) != 0 || info.Mode() != 0o600) {
		err = fmt.Errorf("%s has to be a file of root's with mode 0600: who else can open it could keep the user from every run", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
