package odb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/hint"
	"sallyport/notify/words"
)

const (
	// MaxEntries bounds the paths of one commit. A few hundred bytes of crafted trees that name each other can stand
	// for billions of paths.
	MaxEntries = 250_000
	// MaxDepth bounds how deep directories nest.
	MaxDepth = 256
	// maxName bounds a file's name in bytes: the kernel opens no path that is longer. Shorter names that this file system does not
	// take are left out of a checkout, so that they harm only who uses them.
	maxName = 4095
	// maxShownName is how much of a name that is too long is told.
	maxShownName = 80
	// MaxTreeBytes bounds one directory's listing.
	MaxTreeBytes = 64 << 20
)

// Walker checks that a tree is whole, reading only directories that differ from another, known one.
type Walker struct {
	storage *Storage
	known   map[[2]plumbing.Hash]int
}

// NewWalker returns a walker of a repository.
func NewWalker(s *Storage) *Walker {
	return &Walker{storage: s, known: map[[2]plumbing.Hash]int{}}
}

// Count returns how many paths of a tree are not the same in another, which may be the zero hash. Every directory that
// counts was read, every file was found. Each pair is walked once, so a crafted tree costs no more than its bytes.
func (w *Walker) Count(tree, other plumbing.Hash, depth int) (int, error) {
	if tree == other {
		return 0, nil
	}
	key := [2]plumbing.Hash{tree, other}
	if n, ok := w.known[key]; ok {
		return n, nil
	}
	if depth > MaxDepth {
		return 0, TooLarge("directories nest deeper than %d", MaxDepth)
	}
	t, err := ReadTree(w.storage, tree)
	if err != nil {
		return 0, err
	}
	same := map[string]object.TreeEntry{}
	if !other.IsZero() {
		if o, err := ReadTree(w.storage, other); err == nil {
			for _, e := range o.Entries {
				same[e.Name] = e
			}
		}
	}
	total := 0
	for _, e := range t.Entries {
		n, err := w.entry(e, same[e.Name], depth)
		if err != nil {
			return 0, err
		}
		if total += n; total > MaxEntries {
			return 0, TooLarge("more than %d files and directories", MaxEntries)
		}
	}
	w.known[key] = total
	return total, nil
}

func (w *Walker) entry(e, other object.TreeEntry, depth int) (int, error) {
	if e.Hash == other.Hash && e.Mode == other.Mode {
		return 0, nil
	}
	switch {
	case e.Mode == filemode.Submodule:
		return 1, nil
	case e.Mode == filemode.Dir:
		against := plumbing.ZeroHash
		if other.Mode == filemode.Dir {
			against = other.Hash
		}
		n, err := w.Count(e.Hash, against, depth+1)
		return n + 1, err
	}
	if err := w.storage.HasEncodedObject(e.Hash); err != nil {
		return 0, &DamageError{Cause: fmt.Errorf("file %q: %w", e.Name, err)}
	}
	return 1, nil
}

// TooLarge is ErrTooLarge, of what the words say.
func TooLarge(format string, args ...any) error {
	return hint.With(fmt.Errorf("%w: %s", ErrTooLarge, fmt.Sprintf(format, args...)), "keep such trees out of the repository that is planned")
}

// ReadTree reads a directory and checks that it is the one that was named.
func ReadTree(s *Storage, h plumbing.Hash) (*object.Tree, error) {
	content, err := ReadObject(s, plumbing.TreeObject, h, MaxTreeBytes)
	if err != nil {
		return nil, err
	}
	return ParseTree(h, content)
}

// ParseTree is a directory from its content, which was held against its hash.
func ParseTree(h plumbing.Hash, content []byte) (*object.Tree, error) {
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.TreeObject)
	if _, err := o.Write(content); err != nil {
		return nil, fmt.Errorf("reading tree %s: %w", words.Short(h.String()), err)
	}
	t := &object.Tree{}
	if err := t.Decode(o); err != nil {
		return nil, fmt.Errorf("%w: reading directory %s: %w", ErrUnsafeTree, words.Short(h.String()), err)
	}
	for _, e := range t.Entries {
		if len(e.Name) > maxName {
			return nil, hint.With(fmt.Errorf("%w: %q in directory %s has a name of %d bytes", ErrUnsafeTree, CutName(e.Name), words.Short(h.String()), len(e.Name)),
				"no path can be as long as this name: find out who pushed it")
		}
	}
	t.Hash = h
	return t, nil
}

// CutName shortens a name for people.
func CutName(name string) string {
	if len(name) <= maxShownName {
		return name
	}
	return strings.ToValidUTF8(name[:maxShownName], "") + "..."
}

// ReadCommit reads a commit and checks that it is the one that was named.
func ReadCommit(s *Storage, h plumbing.Hash) (*object.Commit, error) {
	content, err := ReadObject(s, plumbing.CommitObject, h, MaxTreeBytes)
	if err != nil {
		return nil, err
	}
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.CommitObject)
	if _, err := o.Write(content); err != nil {
		return nil, fmt.Errorf("reading commit %s: %w", words.Short(h.String()), err)
	}
	c, err := object.DecodeCommit(s, o)
	if err != nil {
		return nil, fmt.Errorf("%w: reading commit %s: %w", ErrUnsafeTree, words.Short(h.String()), err)
	}
	return c, nil
}

// ReadObject reads an object that must be there and computes its hash anew, which go-git does not: a flipped bit on
// disk must not become a changed plan.
func ReadObject(s *Storage, t plumbing.ObjectType, h plumbing.Hash, limit int64) ([]byte, error) {
	o, err := s.EncodedObject(t, h)
	if err != nil {
		return nil, Damage(h, err)
	}
	if o.Size() > limit {
		return nil, TooLarge("an object has %d bytes", o.Size())
	}
	r, err := o.Reader()
	if err != nil {
		return nil, Damage(h, err)
	}
	defer r.Close()
	content := make([]byte, o.Size())
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, Damage(h, err)
	}
	if plumbing.ComputeHash(t, content) != h {
		return nil, Damage(h, errors.New("content does not match its hash"))
	}
	return content, nil
}

// Damage marks an error of reading as one of the mirror, unless the machine is at fault.
func Damage(h plumbing.Hash, err error) error {
	for _, machine := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOSPC, fs.ErrPermission, fs.ErrClosed} {
		if errors.Is(err, machine) {
			return fmt.Errorf("reading object %s: %w", words.Short(h.String()), err)
		}
	}
	return &DamageError{Cause: fmt.Errorf("reading object %s: %w", words.Short(h.String()), err)}
}

// DamageError is ErrDamaged with its cause, which is another repository's where that is being read.
type DamageError struct{ Cause error }

// Error implements error.
func (d *DamageError) Error() string { return ErrDamaged.Error() + ": " + d.Cause.Error() }

// Unwrap makes it ErrDamaged.
func (d *DamageError) Unwrap() []error { return []error{ErrDamaged, d.Cause} }
