// Package foreign reads files in directories where code of a repository's could write: checkouts, terraform's own directories,
// states that terraform keeps on this machine.
//
// Whoever can write there can put in the place of a file a symlink to one that only the agent may read, a pipe that nobody ever
// writes to, or a sparse file of a terabyte. So nothing is opened through a link that leaves the directory, only regular files
// are opened, opening one never waits, and whoever reads says how much at most.
package foreign

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// A TooLargeError is about a file that is larger than anybody wants to read.
type TooLargeError struct {
	Name string
	Most int64 // bytes
}

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than %d MiB", e.Name, e.Most>>20)
}

// NotRegularError is about a link, a pipe, a directory in the place of a file.
type NotRegularError struct{ Name string }

// Error implements error.
func (e *NotRegularError) Error() string { return e.Name + " is not a regular file" }

// Open opens a file for reading whose directory nobody can replace: a regular one, and not through a link.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) { // a link, a socket
		return nil, &NotRegularError{path}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &NotRegularError{path}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// OpenIn opens a file below a directory for reading, whatever its directories are by now: a regular one, not through a link of
// its own, and nothing outside of the directory.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	full := filepath.Join(root.Name(), name)
	found, err := root.Lstat(name)
	if err != nil && throughLink(root, name) {
		return nil, &NotRegularError{full}
	}
	if err != nil {
		return nil, err
	}
	if !found.Mode().IsRegular() { // opening a device can do things
		return nil, &NotRegularError{full}
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if opened, err := f.Stat(); err != nil || !opened.Mode().IsRegular() || !os.SameFile(found, opened) {
		return nil, errors.Join(&NotRegularError{full}, err, f.Close())
	}
	return f, nil
}

// throughLink reports whether a directory on the way to a file is a link: it may lead out, where nothing is looked for.
func throughLink(root *os.Root, name string) bool {
	for dir := filepath.Dir(name); filepath.IsLocal(dir) && dir != "."; dir = filepath.Dir(dir) {
		if info, err := root.Lstat(dir); err == nil && info.Mode()&os.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// OpenBelow is [OpenIn] for a path below a directory that nobody can replace.
func OpenBelow(top, path string) (*os.File, error) {
	name, err := filepath.Rel(top, path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return nil, err
	}
	f, err := OpenIn(root, name)
	if closed := root.Close(); err == nil && closed != nil {
		return nil, errors.Join(closed, f.Close())
	}
	return f, err
}

// Read reads an open file to its end, at most so many bytes.
func Read(f *os.File, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, &TooLargeError{f.Name(), most}
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1)) // it may grow
	if err == nil && int64(len(data)) > most {
		err = &TooLargeError{f.Name(), most}
	}
	return data, err
}

// ReadFile is [Open] and [Read].
func ReadFile(path string, most int64) ([]byte, error) { return whole(most)(Open(path)) }

// ReadBelow is [OpenBelow] and [Read].
func ReadBelow(top, path string, most int64) ([]byte, error) {
	return whole(most)(OpenBelow(top, path))
}

func whole(most int64) func(*os.File, error) ([]byte, error) {
	return func(f *os.File, err error) ([]byte, error) {
		if err != nil {
			return nil, err
		}
		data, err := Read(f, most)
		return data, errors.Join(err, f.Close())
	}
}

// Copy copies an open file to its end, at most so many bytes.
func Copy(to io.Writer, f *os.File, most int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > most {
		return &TooLargeError{f.Name(), most}
	}
	n, err := io.Copy(to, io.LimitReader(f, most+1))
	if err == nil && n > most {
		err = &TooLargeError{f.Name(), most}
	}
	return err
}
