package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/hint"
	"sallyport/agent/repo/inflated"
	"sallyport/agent/repo/odb"
)

const (
	defaultMaxFiles = 200_000
	defaultMaxBytes = 2 << 30
	// maxLinkBytes is the longest target that a symlink can have.
	maxLinkBytes = 4096
	// maxPointerBytes is the longest Git LFS pointer, by its specification.
	maxPointerBytes = 1024
	// maxPath is the length from which on the kernel takes no path.
	maxPath = 4096
)

// Options say what matters in a checkout and how large it may be.
type Options struct {
	// Roots are the directories that are used, such as a stack's and those of its modules; "." is all. Git LFS pointers
	// and submodules there are errors. Elsewhere pointers are written as they are and submodules are empty directories.
	Roots []string
	// Belongs reports whether a path is used though it lies in no root. May be nil.
	Belongs  func(path string) bool
	MaxFiles int   // of files, directories and symlinks; default 200,000
	MaxBytes int64 // of all files; default 2 GiB
}

// Objects are where the files of a commit are read: the mirror, and what of it is kept inflated, which may be nil.
type Objects struct {
	Mirror *odb.Storage
	Kept   *inflated.Store
}

// Write writes the files below a directory of the mirror into an empty directory; see [Options].
func Write(ctx context.Context, from Objects, tree plumbing.Hash, dir string, o Options) error {
	if o.MaxFiles <= 0 {
		o.MaxFiles = defaultMaxFiles
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening directory: %w", err)
	}
	defer root.Close()
	w := &checkout{ctx: ctx, from: from, options: o, dir: dir}
	defer func() { from.Kept.Done(w.read) }()
	if err := w.directory(root, tree, "", 0); err != nil {
		return err
	}
	return w.symlinks(root)
}

// checkout is one Materialise.
type checkout struct {
	ctx     context.Context
	from    Objects
	options Options
	dir     string
	files   int
	bytes   int64 // of all files
	read    int64 // of all objects
	links   []link
}

type link struct {
	name, target string
	nowhere      bool // no file system can hold such a target
}

// directory writes the entries of a directory. Symlinks wait until everything else is there, so that nothing can be
// written through one; that os.Root would refuse it too is the second lock on the same door.
func (w *checkout) directory(root *os.Root, hash plumbing.Hash, prefix string, depth int) error {
	if depth > odb.MaxDepth {
		return odb.TooLarge("directories nest deeper than %d", odb.MaxDepth)
	}
	tree, err := w.tree(hash)
	if err != nil {
		return err
	}
	met := make(map[string]bool, len(tree.Entries)) // one of two that is left out must not hide the other
	for _, e := range tree.Entries {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		name := path.Join(prefix, e.Name)
		if met[e.Name] {
			return written(name, fs.ErrExist)
		}
		met[e.Name] = true
		if err := safeName(e.Name, prefix); err != nil {
			return err
		}
		if e.Name == ".terraform" {
			continue
		}
		if w.files++; w.files > w.options.MaxFiles {
			return odb.TooLarge("more than %d files and directories", w.options.MaxFiles)
		}
		if err := w.entry(root, e, name, depth); err != nil && !w.leftOut(e, name, err) {
			return err
		}
	}
	return nil
}

// leftOut reports whether an error of writing is only that this file system cannot hold such a name, and nobody uses it.
func (w *checkout) leftOut(e object.TreeEntry, name string, err error) bool {
	var file *FileError
	return errors.As(err, &file) && errors.Is(err, errName) && !w.belongs(name) && !(e.Mode == filemode.Dir && w.holdsRoot(name))
}

// errName: the name is not one that this file system can hold.
var errName = errors.New("name that the file system does not take")

// fits is an error if the path of a file would be longer than what programs can open.
func (w *checkout) fits(name string) error {
	if len(w.dir)+1+len(name) < maxPath {
		return nil
	}
	return &FileError{Path: odb.CutName(name), Why: fmt.Sprintf("has a path of %d bytes, too long to be checked out", len(name)), err: errName}
}

func (w *checkout) entry(root *os.Root, e object.TreeEntry, name string, depth int) error {
	if err := w.fits(name); err != nil {
		return err
	}
	switch e.Mode {
	case filemode.Dir:
		if err := root.Mkdir(e.Name, 0o700); err != nil {
			return written(name, err)
		}
		sub, err := root.OpenRoot(e.Name)
		if err != nil {
			return written(name, err)
		}
		defer sub.Close()
		return w.directory(sub, e.Hash, name, depth+1)
	case filemode.Submodule:
		if w.needed(name) || w.holdsRoot(name) {
			return hint.With(&FileError{Path: name, Why: "is a git submodule", err: ErrSubmodule}, "submodules are not fetched: use the module by its git source address, or commit its files")
		}
		return written(name, root.Mkdir(e.Name, 0o700))
	case filemode.Symlink:
		target, err := linkTarget(w.from.Mirror, e)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		w.links = append(w.links, link{name: name, target: target, nowhere: err != nil})
		return nil
	case filemode.Executable:
		return w.file(root, e, name, 0o700)
	}
	return w.file(root, e, name, 0o600)
}

// safeName refuses names that mean something else to the file system or to git.
func safeName(name, prefix string) error {
	if name == "" || name == "." || name == ".." || strings.EqualFold(name, ".git") || strings.ContainsAny(name, "/\x00") {
		return hint.With(fmt.Errorf("%w: %q in directory %q", odb.ErrUnsafeTree, name, prefix), "no honest commit has such a path: find out who pushed it")
	}
	return nil
}

// needed reports whether a path lies in one of the roots.
func (w *checkout) needed(name string) bool {
	for _, root := range w.options.Roots {
		if root = path.Clean(root); root == "." || name == root || strings.HasPrefix(name, root+"/") {
			return true
		}
	}
	return false
}

// belongs also counts what is used in no root.
func (w *checkout) belongs(name string) bool {
	return w.needed(name) || w.options.Belongs != nil && w.options.Belongs(name)
}

// holdsRoot reports whether a root lies inside a directory.
func (w *checkout) holdsRoot(name string) bool {
	return slices.ContainsFunc(w.options.Roots, func(root string) bool { return strings.HasPrefix(path.Clean(root), name+"/") })
}

func isPointer(content []byte) bool {
	return len(content) <= maxPointerBytes && bytes.HasPrefix(content, []byte("version https://git-lfs.github.com/spec/v1"))
}

// written names the file that could not be written. One that is there already means that the commit lists it twice.
func written(name string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return hint.With(fmt.Errorf("%w: %q is there twice", odb.ErrUnsafeTree, name), "no honest commit has such a path: find out who pushed it")
	}
	if errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, syscall.EILSEQ) || errors.Is(err, syscall.EINVAL) {
		return &FileError{Path: odb.CutName(name), Why: fmt.Sprintf("has a name that this file system does not take: %v", errors.Unwrap(err)), err: errName}
	}
	return fmt.Errorf("writing %s: %w", name, err)
}
