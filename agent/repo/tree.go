package repo

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const (
	// maxFileBytes bounds a file that is read from a tree. Larger ones are not configuration.
	maxFileBytes = 16 << 20
	// maxLinks bounds how many symlinks a path may lead through.
	maxLinks = 40
)

// Tree is the files of one commit, read from the mirror. Paths are relative, with slashes. Symlinks inside the tree are
// followed, since shared .tf files are often linked; those that leave it lead nowhere. It is safe for concurrent use.
type Tree struct {
	repository *Repository
	root       plumbing.Hash
}

// Tree returns the files of a commit.
func (r *Repository) Tree(commit string) (*Tree, error) {
	h, c, err := r.open(commit)
	if err != nil {
		return nil, r.fail("reading a commit of", err)
	}
	defer r.release(h)
	return &Tree{repository: r, root: c.TreeHash}, nil
}

// ReadFile returns the content of a file of at most 16 MiB. The error is fs.ErrNotExist where there is no such file.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	h, err := t.repository.acquire()
	if err != nil {
		return nil, t.repository.fail("reading a file of", err)
	}
	defer t.repository.release(h)
	e, err := t.find(h, name)
	if err != nil {
		return nil, t.fail("open", name, err)
	}
	if !e.Mode.IsFile() {
		return nil, t.fail("open", name, errors.New("is a directory"))
	}
	content, err := readObject(h.storage, plumbing.BlobObject, e.Hash, maxFileBytes)
	if err != nil {
		return nil, t.fail("open", name, err)
	}
	return content, nil
}

// ReadDir lists a directory by name; "." is the root. The error is fs.ErrNotExist where there is no such directory. A
// symlink is listed as one; a submodule is an empty directory. The entries' Info is not supported.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	h, err := t.repository.acquire()
	if err != nil {
		return nil, t.repository.fail("reading a directory of", err)
	}
	defer t.repository.release(h)
	e, err := t.find(h, name)
	if err != nil {
		return nil, t.fail("open", name, err)
	}
	switch e.Mode {
	case filemode.Submodule:
		return nil, nil
	case filemode.Dir:
	default:
		return nil, t.fail("open", name, errors.New("is not a directory"))
	}
	dir, err := readTree(h.storage, e.Hash)
	if err != nil {
		return nil, t.fail("open", name, err)
	}
	entries := make([]fs.DirEntry, 0, len(dir.Entries))
	for _, e := range dir.Entries {
		entries = append(entries, dirEntry{name: e.Name, mode: e.Mode})
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

func (t *Tree) fail(op, name string, err error) error {
	if errors.Is(err, ErrDamaged) {
		return t.repository.fail("reading a file of", t.repository.noteDamage(err))
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// find resolves a path the way a kernel would: component by component, following symlinks, with ".." meaning the parent
// of where a symlink led to.
func (t *Tree) find(h *handle, name string) (object.TreeEntry, error) {
	rest := strings.Split(path.Clean("/" + name)[1:], "/")
	if escapes(name) {
		return object.TreeEntry{}, fs.ErrNotExist
	}
	stack := []object.TreeEntry{{Mode: filemode.Dir, Hash: t.root}}
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(stack) == 1 {
				return object.TreeEntry{}, fs.ErrNotExist
			}
			stack = stack[:len(stack)-1]
			continue
		}
		e, err := child(h, stack[len(stack)-1], part)
		if err != nil {
			return object.TreeEntry{}, err
		}
		if e.Mode != filemode.Symlink {
			stack = append(stack, e)
			continue
		}
		if links++; links > maxLinks {
			return object.TreeEntry{}, errors.New("too many levels of symbolic links")
		}
		target, err := readObject(h.storage, plumbing.BlobObject, e.Hash, maxLinkBytes)
		if err != nil {
			return object.TreeEntry{}, err
		}
		if strings.HasPrefix(string(target), "/") {
			return object.TreeEntry{}, fs.ErrNotExist
		}
		rest = append(strings.Split(string(target), "/"), rest...)
	}
	return stack[len(stack)-1], nil
}

// child finds a name in a directory.
func child(h *handle, parent object.TreeEntry, name string) (object.TreeEntry, error) {
	if parent.Mode != filemode.Dir {
		return object.TreeEntry{}, fs.ErrNotExist
	}
	dir, err := readTree(h.storage, parent.Hash)
	if err != nil {
		return object.TreeEntry{}, err
	}
	for _, e := range dir.Entries {
		if e.Name == name {
			return e, nil
		}
	}
	return object.TreeEntry{}, fs.ErrNotExist
}

// escapes reports whether a relative path leads above its start, or is absolute.
func escapes(name string) bool {
	clean := path.Clean(name)
	return clean == ".." || strings.HasPrefix(clean, "../") || strings.HasPrefix(clean, "/")
}

// dirEntry implements fs.DirEntry.
type dirEntry struct {
	name string
	mode filemode.FileMode
}

// Name implements fs.DirEntry.
func (d dirEntry) Name() string { return d.name }

// IsDir implements fs.DirEntry.
func (d dirEntry) IsDir() bool { return d.mode == filemode.Dir || d.mode == filemode.Submodule }

// Type implements fs.DirEntry.
func (d dirEntry) Type() fs.FileMode {
	switch {
	case d.IsDir():
		return fs.ModeDir
	case d.mode == filemode.Symlink:
		return fs.ModeSymlink
	}
	return 0
}

// Info implements fs.DirEntry.
func (d dirEntry) Info() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }
