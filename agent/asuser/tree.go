package asuser

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Between the plan and the apply a run's directories belong to the agent. What the plan wrote there stays, and the digest of it is
// bound to the plan: see [Reclaim], [Digest].

// Bounds of what is taken back, so that it costs the agent no more than it costs a run to make.
const (
	maxEntries = 1 << 20
	maxDepth   = 128
	maxContent = 8 << 30 // bytes, holes of sparse files included
)

// Reclaim makes this process the owner of a directory of a user's with everything in it. Its parent must be a directory in which
// only this process can write, and none of the user's processes may live. Owners are those to whom the things in it may belong,
// besides this process and the owner of the directory itself.
//
// What others could still write to is copied: a file that somebody has open for writing, whose descriptor went to another user
// over a socket for example, and one with a second name. What is neither a file nor a directory nor a link is removed: a pipe or
// a socket is nothing without the process behind it. No link is followed.
func Reclaim(dir string, owners ...int) error {
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return fmt.Errorf("taking back %s: %w", dir, err)
	}
	defer func() { _ = parent.Close() }()
	r := reclaimer{owners: append(slices.Clone(owners), os.Geteuid())}
	if err := r.top(int(parent.Fd()), filepath.Base(dir)); err != nil {
		return fmt.Errorf("taking back %s: %w", dir, err)
	}
	return nil
}

type reclaimer struct {
	owners  []int
	device  uint64
	entries int
	content int64
}

// top takes the directory itself first: its owner gets at nothing inside any more.
func (r *reclaimer) top(parent int, name string) error {
	fd, st, err := openPath(parent, name)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	r.owners, r.device = append(r.owners, int(st.Uid)), st.Dev
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return errors.New("it is not a directory")
	}
	if st.Uid == 0 && os.Geteuid() != 0 {
		return errors.New("it is root's")
	}
	return r.directory(fd, 0)
}

// openPath opens whatever has a name, without following a link and without opening it in earnest.
func openPath(dir int, name string) (fd int, st unix.Stat_t, err error) {
	fd, err = unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, st, err
	}
	if err = unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
	}
	return fd, st, err
}

// through is the path of what a descriptor is open to, for calls that take no descriptor of this kind.
func through(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// directory takes a directory and what is in it.
func (r *reclaimer) directory(fd, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("its directories are more than %d deep", maxDepth)
	}
	if err := own(fd, 0o700); err != nil {
		return err
	}
	// Only now: before, it may have had no right to be read.
	opened, err := os.OpenFile(through(fd), os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = opened.Close() }()
	names, err := opened.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := r.entry(int(opened.Fd()), name, depth); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (r *reclaimer) entry(dir int, name string, depth int) error {
	if r.entries++; r.entries > maxEntries {
		return fmt.Errorf("there are more than %d files in it", maxEntries)
	}
	fd, st, err := openPath(dir, name)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if !slices.Contains(r.owners, int(st.Uid)) {
		return fmt.Errorf("it belongs to user %d", st.Uid)
	}
	if st.Dev != r.device {
		return errors.New("it is on another file system")
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return r.directory(fd, depth+1)
	case unix.S_IFREG:
		return r.file(dir, name, fd, st)
	case unix.S_IFLNK:
		return unix.Fchownat(fd, "", os.Geteuid(), os.Getegid(), unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW)
	}
	return unix.Unlinkat(dir, name, 0)
}

// file takes a file, or puts a copy in its place.
func (r *reclaimer) file(dir int, name string, fd int, st unix.Stat_t) error {
	if r.content += st.Size; r.content > maxContent {
		return fmt.Errorf("there is more than %d GiB in it", int64(maxContent)>>30)
	}
	if int(st.Uid) == os.Geteuid() && st.Nlink > 1 {
		return errors.New("it is a second name of a file of the agent's")
	}
	mode := fs.FileMode(0o600 | st.Mode&0o100)
	if st.Nlink == 1 {
		err := own(fd, mode)
		if err == nil {
			var free bool
			if free, err = unwritten(fd); free {
				return nil
			}
		}
		if err != nil && !errors.Is(err, unix.EPERM) { // of a file with an s bit, which not even a change of its owner is allowed for
			return err
		}
	}
	return replace(dir, name, fd, mode, st.Size)
}

// own makes this process the owner, alone: no other group, no access list, no s bit.
func own(fd int, mode fs.FileMode) error {
	// First the owner, who then may do the rest.
	if err := unix.Fchownat(fd, "", os.Geteuid(), os.Getegid(), unix.AT_EMPTY_PATH); err != nil {
		return err
	}
	for _, list := range []string{"system.posix_acl_access", "system.posix_acl_default"} {
		err := unix.Removexattr(through(fd), list)
		if err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.EOPNOTSUPP) {
			return fmt.Errorf("removing its access list: %w", err)
		}
	}
	return os.Chmod(through(fd), mode)
}

// unwritten reports whether nobody has a file open for writing: a lease for reading is given for no other. Where the file system
// knows no leases nobody can tell.
func unwritten(fd int) (bool, error) {
	f, err := os.OpenFile(through(fd), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		return false, nil
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK); err != nil {
		return false, fmt.Errorf("giving back a lease: %w", err)
	}
	return true, nil
}

// replace puts a copy in the place of a file, in a directory that is this process's own by now.
func replace(dir int, name string, fd int, mode fs.FileMode, size int64) error {
	in, err := os.OpenFile(through(fd), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	temp := ".sallyport-" + rand.Text()
	to, err := unix.Openat(dir, temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(mode))
	if err != nil {
		return err
	}
	out := os.NewFile(uintptr(to), temp)
	_, err = io.Copy(out, io.LimitReader(in, size)) // whoever still writes to it makes it no longer
	err = errors.Join(err, out.Chmod(mode), out.Close())
	if err == nil {
		err = unix.Renameat(dir, temp, dir, name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("copying it: %w", err), unix.Unlinkat(dir, temp, 0))
	}
	return nil
}

// ErrNotOurs says that something in a directory belongs to somebody else: it has to be reclaimed first.
var ErrNotOurs = errors.New("not all of it belongs to the agent")

// Digest is the SHA-256, in hex, of what lies under some names below a directory: kinds, names, whether a file can be executed,
// content, where links lead to. All of it must be this process's own.
func Digest(base string, names ...string) (string, error) {
	d := digester{hash: sha256.New()}
	parent, err := os.Open(base)
	if err != nil {
		return "", fmt.Errorf("digesting %s: %w", base, err)
	}
	defer func() { _ = parent.Close() }()
	for _, name := range names {
		// Only the last part may be anybody's doing.
		err := d.entry(int(parent.Fd()), name, name, 0)
		if errors.Is(err, fs.ErrNotExist) {
			d.note("none", name, 0)
			continue
		}
		if err != nil {
			return "", fmt.Errorf("digesting %s: %w", filepath.Join(base, name), err)
		}
	}
	return hex.EncodeToString(d.hash.Sum(nil)), nil
}

type digester struct {
	hash    hash.Hash
	entries int
	content int64
}

// note takes in what something is. Its name is quoted, so that no two trees read alike.
func (d *digester) note(kind, name string, size int64) {
	fmt.Fprintf(d.hash, "%s %q %d\n", kind, name, size)
}

func (d *digester) entry(dir int, name, full string, depth int) error {
	if d.entries++; d.entries > maxEntries || depth > maxDepth {
		return errors.New("there is too much in it")
	}
	fd, st, err := openPath(dir, name)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s: %w", full, ErrNotOurs)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return d.directory(fd, full, depth)
	case unix.S_IFREG:
		kind := "file"
		if st.Mode&0o100 != 0 {
			kind = "program"
		}
		d.note(kind, full, st.Size)
		return d.file(fd, st.Size)
	case unix.S_IFLNK:
		to := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(fd, "", to)
		if err != nil {
			return err
		}
		d.note("link", full, int64(n))
		_, err = d.hash.Write(to[:n])
		return err
	}
	return fmt.Errorf("%s is neither a file nor a directory nor a link", full)
}

func (d *digester) directory(fd int, full string, depth int) error {
	d.note("directory", full, 0)
	opened, err := os.OpenFile(through(fd), os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = opened.Close() }()
	names, err := opened.Readdirnames(-1)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if err := d.entry(int(opened.Fd()), name, full+"/"+name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (d *digester) file(fd int, size int64) error {
	if d.content += size; d.content > maxContent {
		return fmt.Errorf("there is more than %d GiB in it", int64(maxContent)>>30)
	}
	f, err := os.OpenFile(through(fd), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	n, err := io.Copy(d.hash, io.LimitReader(f, size+1))
	if err == nil && n != size {
		err = errors.New("it changes while it is read")
	}
	return err
}
