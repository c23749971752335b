package repo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"sallyport/notify/words"
)

const (
	// maxEntries bounds the paths of one commit. A few hundred bytes of crafted trees that name each other can stand
	// for billions of paths.
	maxEntries = 250_000
	// maxDepth bounds how deep directories nest.
	maxDepth = 256
	// maxName bounds a file's name in bytes, as file systems do.
	maxName = 255
	// maxTreeBytes bounds one directory's listing.
	maxTreeBytes = 64 << 20
)

// walker checks that a tree is whole, reading only directories that differ from another, known one.
type walker struct {
	storage *filesystem.Storage
	known   map[[2]plumbing.Hash]int
}

func newWalker(s *filesystem.Storage) *walker {
	return &walker{storage: s, known: map[[2]plumbing.Hash]int{}}
}

// count returns how many paths of a tree are not the same in another, which may be the zero hash. Every directory that
// counts was read, every file was found. Each pair is walked once, so a crafted tree costs no more than its bytes.
func (w *walker) count(tree, other plumbing.Hash, depth int) (int, error) {
	if tree == other {
		return 0, nil
	}
	key := [2]plumbing.Hash{tree, other}
	if n, ok := w.known[key]; ok {
		return n, nil
	}
	if depth > maxDepth {
		return 0, tooLarge("directories nest deeper than %d", maxDepth)
	}
	t, err := readTree(w.storage, tree)
	if err != nil {
		return 0, err
	}
	same := map[string]object.TreeEntry{}
	if !other.IsZero() {
		if o, err := readTree(w.storage, other); err == nil {
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
		if total += n; total > maxEntries {
			return 0, tooLarge("more than %d files and directories", maxEntries)
		}
	}
	w.known[key] = total
	return total, nil
}

func (w *walker) entry(e, other object.TreeEntry, depth int) (int, error) {
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
		n, err := w.count(e.Hash, against, depth+1)
		return n + 1, err
	}
	if err := w.storage.HasEncodedObject(e.Hash); err != nil {
		return 0, &damageError{cause: fmt.Errorf("file %q: %w", e.Name, err)}
	}
	return 1, nil
}

func tooLarge(format string, args ...any) error {
	return withHint(fmt.Errorf("%w: %s", ErrTooLarge, fmt.Sprintf(format, args...)), "keep such trees out of the repository that is planned")
}

// readTree reads a directory and checks that it is the one that was named.
func readTree(s *filesystem.Storage, h plumbing.Hash) (*object.Tree, error) {
	content, err := readObject(s, plumbing.TreeObject, h, maxTreeBytes)
	if err != nil {
		return nil, err
	}
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
			return nil, withHint(fmt.Errorf("%w: %q in directory %s has a name of %d bytes", ErrUnsafeTree, cutName(e.Name), words.Short(h.String()), len(e.Name)),
				"no file system takes such a name: find out who pushed it")
		}
	}
	t.Hash = h
	return t, nil
}

// readCommit reads a commit and checks that it is the one that was named.
func readCommit(s *filesystem.Storage, h plumbing.Hash) (*object.Commit, error) {
	content, err := readObject(s, plumbing.CommitObject, h, maxTreeBytes)
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

// readObject reads an object that must be there and computes its hash anew, which go-git does not: a flipped bit on
// disk must not become a changed plan.
func readObject(s *filesystem.Storage, t plumbing.ObjectType, h plumbing.Hash, limit int64) ([]byte, error) {
	o, err := s.EncodedObject(t, h)
	if err != nil {
		return nil, damage(h, err)
	}
	if o.Size() > limit {
		return nil, tooLarge("an object has %d bytes", o.Size())
	}
	r, err := o.Reader()
	if err != nil {
		return nil, damage(h, err)
	}
	defer r.Close()
	content := make([]byte, o.Size())
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, damage(h, err)
	}
	if plumbing.ComputeHash(t, content) != h {
		return nil, damage(h, errors.New("content does not match its hash"))
	}
	return content, nil
}

// damage marks an error of reading as one of the mirror, unless the machine is at fault.
func damage(h plumbing.Hash, err error) error {
	for _, machine := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOSPC, fs.ErrPermission, fs.ErrClosed} {
		if errors.Is(err, machine) {
			return fmt.Errorf("reading object %s: %w", words.Short(h.String()), err)
		}
	}
	return &damageError{cause: fmt.Errorf("reading object %s: %w", words.Short(h.String()), err)}
}

// damageError is ErrDamaged with its cause, which is another repository's where that is being read.
type damageError struct{ cause error }

// Error implements error.
func (d *damageError) Error() string { return ErrDamaged.Error() + ": " + d.cause.Error() }

// Unwrap makes it ErrDamaged.
func (d *damageError) Unwrap() []error { return []error{ErrDamaged, d.cause} }

// noteDamage remembers damage for the next Fetch and passes the error on.
func (r *Repository) noteDamage(err error) error {
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	r.damaged.Store(true)
	return withHint(err, "the next fetch makes the mirror anew; a full disk or a failing one causes this")
}
