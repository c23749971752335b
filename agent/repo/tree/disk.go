package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/repo/odb"
)

// Disk is the files of a checkout that somebody has on this machine, to be read as those of a commit are: links are followed
// within it alone, and what is in a submodule is not there. It shows what lies there now, committed or not.
type Disk struct{ root string }

// OnDisk returns the files below a directory.
func OnDisk(root string) (*Disk, error) {
	info, err := os.Stat(root)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, fmt.Errorf("reading a checkout: %w", err)
	}
	return &Disk{root: root}, nil
}

// ReadFile is as [Tree.ReadFile].
func (d *Disk) ReadFile(name string) ([]byte, error) {
	f, err := d.find(name)
	if err == nil && isDir(f.entry.Mode) {
		err = errIsDir
	}
	if err != nil {
		return nil, d.fail(f, name, err)
	}
	info, err := os.Lstat(d.path(f.at))
	switch {
	case err != nil:
		return nil, d.fail(f, name, err)
	case info.Size() > maxFileBytes:
		return nil, d.fail(f, name, odb.ErrTooLarge)
	}
	content, err := os.ReadFile(d.path(f.at))
	if err != nil {
		return nil, d.fail(f, name, err)
	}
	return content, nil
}

// ReadDir is as [Tree.ReadDir]. What belongs to git itself is not listed.
func (d *Disk) ReadDir(name string) ([]fs.DirEntry, error) {
	f, err := d.find(name)
	switch {
	case err != nil:
		return nil, d.fail(f, name, err)
	case f.entry.Mode == filemode.Submodule:
		return nil, nil
	case f.entry.Mode != filemode.Dir:
		return nil, d.fail(f, name, errNotDir)
	}
	list, err := os.ReadDir(d.path(f.at))
	if err != nil {
		return nil, d.fail(f, name, err)
	}
	var entries []fs.DirEntry
	for _, e := range list {
		found, err := d.child(f.entry, append(f.at[:len(f.at):len(f.at)], e.Name()))
		if e.Name() == ".git" || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, d.fail(f, name, err)
		}
		entries = append(entries, dirEntry{name: e.Name(), mode: found.Mode})
	}
	return entries, nil
}

// Resolve is as [Tree.Resolve].
func (d *Disk) Resolve(name string) (at string, through []string, err error) {
	f, err := d.find(name)
	if err != nil {
		return "", f.through, d.fail(f, name, err)
	}
	return path.Join(append([]string{"."}, f.at...)...), f.through, nil
}

func (d *Disk) find(name string) (*followed, error) {
	return find(d, object.TreeEntry{Mode: filemode.Dir}, name)
}

func (d *Disk) path(at []string) string {
	return filepath.Join(d.root, filepath.FromSlash(path.Join(at...)))
}

func (d *Disk) child(parent object.TreeEntry, at []string) (object.TreeEntry, error) {
	switch parent.Mode {
	case filemode.Dir:
	case filemode.Submodule:
		return object.TreeEntry{}, errInSubmodule
	default:
		return object.TreeEntry{}, fs.ErrNotExist
	}
	info, err := os.Lstat(d.path(at))
	if errors.Is(err, syscall.ENAMETOOLONG) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return object.TreeEntry{}, err
	}
	e := object.TreeEntry{Name: at[len(at)-1], Mode: filemode.Regular}
	switch {
	case info.IsDir():
		e.Mode = filemode.Dir
		if _, err := os.Lstat(filepath.Join(d.path(at), ".git")); err == nil {
			e.Mode = filemode.Submodule
		}
	case info.Mode()&fs.ModeSymlink != 0:
		e.Mode = filemode.Symlink
	case !info.Mode().IsRegular():
		return object.TreeEntry{}, fs.ErrNotExist // git keeps no such thing
	}
	return e, nil
}

func (d *Disk) target(_ object.TreeEntry, at []string) (string, error) {
	return os.Readlink(d.path(at))
}

func (d *Disk) fail(f *followed, name string, err error) error {
	if wrong := f.wrong(name, err); wrong != nil {
		return wrong
	}
	return fmt.Errorf("reading a checkout: %w", err)
}
