package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/repo/odb"
)

const (
	// maxFileBytes bounds a file that is read from a tree. Larger ones are not configuration.
	maxFileBytes = 16 << 20
	// maxLinks bounds how many symlinks a path may lead through.
	maxLinks = 40
)

// Tree is the files of one commit, read from the mirror. Paths are relative, with slashes. Symlinks inside the tree are
// followed, since shared .tf files are often linked; those that leave it lead nowhere. It is safe for concurrent use.
//
// What is wrong with the commit's own content is a [*FileError]. Any other error is of the mirror, or of this machine.
type Tree struct {
	mirror Mirror
	root   plumbing.Hash
}

// Mirror is where the files of a tree lie.
type Mirror struct {
	// Borrow opens it for one reading goroutine, and returns what must be called when it has read.
	Borrow func() (*odb.Storage, func(), error)
	// Fail makes an error of reading one that people can read, and notes damage of the mirror. op is a gerund.
	Fail func(op string, err error) error
}

// New returns the files below a directory of the mirror.
func New(m Mirror, root plumbing.Hash) *Tree { return &Tree{mirror: m, root: root} }

// ReadFile returns the content of a file of at most 16 MiB. The error is fs.ErrNotExist where there is no such file.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	s, done, err := t.mirror.Borrow()
	if err != nil {
		return nil, t.mirror.Fail("reading a file of", err)
	}
	defer done()
	f, err := t.find(s, name)
	if err != nil {
		return nil, t.fail(f, name, err)
	}
	if isDir(f.entry.Mode) {
		return nil, t.fail(f, name, errIsDir)
	}
	content, err := odb.ReadObject(s, plumbing.BlobObject, f.entry.Hash, maxFileBytes)
	if err != nil {
		return nil, t.fail(f, name, err)
	}
	return content, nil
}

// ReadDir lists a directory by name; "." is the root. The error is fs.ErrNotExist where there is no such directory. A
// symlink is listed as one; a submodule is an empty directory. The entries' Info is not supported.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	s, done, err := t.mirror.Borrow()
	if err != nil {
		return nil, t.mirror.Fail("reading a directory of", err)
	}
	defer done()
	f, err := t.find(s, name)
	if err != nil {
		return nil, t.fail(f, name, err)
	}
	switch f.entry.Mode {
	case filemode.Submodule:
		return nil, nil
	case filemode.Dir:
	default:
		return nil, t.fail(f, name, errNotDir)
	}
	dir, err := odb.ReadTree(s, f.entry.Hash)
	if err != nil {
		return nil, t.fail(f, name, err)
	}
	entries := make([]fs.DirEntry, 0, len(dir.Entries))
	for _, e := range dir.Entries {
		entries = append(entries, dirEntry{name: e.Name, mode: e.Mode})
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// Resolve follows the symlinks of a path and returns where it really lies. through are the paths whose change can lead it
// elsewhere: each symlink on the way, and, of what is not there, the first name that is missing and where it would be. They
// are returned with a [*FileError] too, and then at is empty.
func (t *Tree) Resolve(name string) (at string, through []string, err error) {
	s, done, err := t.mirror.Borrow()
	if err != nil {
		return "", nil, t.mirror.Fail("reading a file of", err)
	}
	defer done()
	f, err := t.find(s, name)
	if err != nil {
		return "", f.through, t.fail(f, name, err)
	}
	return path.Join(append([]string{"."}, f.at...)...), f.through, nil
}

// fail makes the error that leaves the package: of the mirror, or of the path alone.
func (t *Tree) fail(f *followed, name string, err error) error {
	if wrong := f.wrong(name, err); wrong != nil {
		return wrong
	}
	return t.mirror.Fail("reading a file of", err)
}

// wrong is what is wrong with the files themselves; nil if that is not what an error is about.
func (f *followed) wrong(name string, err error) (wrong *FileError) {
	for _, content := range []error{fs.ErrNotExist, errLoop, errIsDir, errNotDir} {
		if errors.Is(err, content) && !errors.Is(err, odb.ErrDamaged) {
			wrong = f.fileError(name, err)
		}
	}
	if errors.Is(err, odb.ErrTooLarge) {
		wrong = &FileError{Path: path.Clean(name), Why: fmt.Sprintf("has more than %d MiB and is not read", maxFileBytes>>20), err: err}
	}
	return wrong
}

func (t *Tree) find(s *odb.Storage, name string) (*followed, error) {
	return find(stored{s}, object.TreeEntry{Mode: filemode.Dir, Hash: t.root}, name)
}

// reader reads the directories and symlinks on the way to a file. at are the names that lead there without symlinks.
type reader interface {
	child(parent object.TreeEntry, at []string) (object.TreeEntry, error)
	target(link object.TreeEntry, at []string) (string, error)
}

// stored is what a mirror holds.
type stored struct{ storage *odb.Storage }

func (s stored) child(parent object.TreeEntry, at []string) (object.TreeEntry, error) {
	return child(s.storage, parent, at[len(at)-1])
}

func (s stored) target(link object.TreeEntry, _ []string) (string, error) {
	return linkTarget(s.storage, link)
}

// find resolves a path the way a kernel would: component by component, following symlinks, with ".." meaning the parent
// of where a symlink led to. What it returns is never nil.
func find(r reader, root object.TreeEntry, name string) (*followed, error) {
	f := &followed{}
	if escapes(name) {
		return f, fs.ErrNotExist
	}
	rest := strings.Split(path.Clean("/" + name)[1:], "/")
	stack := []object.TreeEntry{root}
	lexical := "."
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(stack) == 1 {
				return f, errOutside
			}
			stack, f.at = stack[:len(stack)-1], f.at[:len(f.at)-1]
			continue
		}
		if links == 0 {
			lexical = path.Join(lexical, part)
		}
		f.at = append(f.at, part)
		e, err := r.child(stack[len(stack)-1], f.at)
		if errors.Is(err, fs.ErrNotExist) {
			f.through = append(f.through, path.Join(f.at...))
			f.at = append(f.at, rest...)
			if end := path.Join(f.at...); len(rest) > 0 && !escapes(end) {
				f.through = append(f.through, end)
			}
			return f, err
		}
		if err != nil {
			return f, err
		}
		if e.Mode != filemode.Symlink {
			stack = append(stack, e)
			continue
		}
		f.through = append(f.through, path.Join(f.at...))
		target, err := r.target(e, f.at)
		f.at = f.at[:len(f.at)-1]
		if f.link == "" {
			f.link, f.target = lexical, target
		}
		if err != nil {
			return f, err
		}
		if links++; links > maxLinks {
			return f, errLoop
		}
		if strings.HasPrefix(target, "/") {
			return f, errOutside
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	f.entry = stack[len(stack)-1]
	return f, nil
}

// linkTarget reads a symlink. One that no file system could hold leads nowhere.
func linkTarget(s *odb.Storage, e object.TreeEntry) (string, error) {
	target, err := odb.ReadObject(s, plumbing.BlobObject, e.Hash, maxLinkBytes)
	if errors.Is(err, odb.ErrTooLarge) || err == nil && (len(target) == 0 || slices.Contains(target, 0)) {
		return "nothing", fs.ErrNotExist
	}
	return string(target), err
}

// child finds a name in a directory.
func child(s *odb.Storage, parent object.TreeEntry, name string) (object.TreeEntry, error) {
	switch parent.Mode {
	case filemode.Dir:
	case filemode.Submodule:
		return object.TreeEntry{}, errInSubmodule
	default:
		return object.TreeEntry{}, fs.ErrNotExist
	}
	dir, err := odb.ReadTree(s, parent.Hash)
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

// FileAt reads a file at exactly this path below a directory: unlike [Tree.ReadFile] it follows no link.
func FileAt(s *odb.Storage, root plumbing.Hash, path string) ([]byte, filemode.FileMode, error) {
	e := object.TreeEntry{Mode: filemode.Dir, Hash: root}
	for _, part := range strings.Split(path, "/") {
		var err error
		if e, err = child(s, e, part); err != nil {
			return nil, 0, err
		}
	}
	if isDir(e.Mode) {
		return nil, 0, fs.ErrNotExist
	}
	text, err := odb.ReadObject(s, plumbing.BlobObject, e.Hash, maxFileBytes)
	return text, e.Mode, err
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
func (d dirEntry) IsDir() bool { return isDir(d.mode) }

// isDir reports whether a mode is that of a directory; a submodule is an empty one.
func isDir(m filemode.FileMode) bool { return m == filemode.Dir || m == filemode.Submodule }

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
