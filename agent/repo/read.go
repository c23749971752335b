package repo

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/go-git/go-git/v5/plumbing"

	"sallyport/agent/repo/odb"
	"sallyport/agent/repo/tree"
)

// What is read of a commit; see package tree.
type (
	// Tree is the files of one commit.
	Tree = tree.Tree
	// FileError says what is wrong with one file, directory or symlink of a commit.
	FileError = tree.FileError
	// MaterialiseOptions say what matters in a checkout and how large it may be.
	MaterialiseOptions = tree.Options
)

// OnDisk returns the files of a checkout of somebody's; see [tree.Disk].
func OnDisk(root string) (*tree.Disk, error) { return tree.OnDisk(root) }

// Tree returns the files of a commit.
func (r *Repository) Tree(commit string) (*tree.Tree, error) {
	h, c, err := r.open(commit)
	if err != nil {
		return nil, r.fail("reading a commit of", err)
	}
	defer r.release(h)
	return tree.New(tree.Mirror{Borrow: r.borrow, Fail: func(op string, err error) error { return r.fail(op, r.noteDamage(err)) }}, c.TreeHash), nil
}

// borrow opens the mirror for reading. What it returns must be called afterwards.
func (r *Repository) borrow() (*odb.Storage, func(), error) {
	h, err := r.acquire()
	if err != nil {
		return nil, nil, err
	}
	return h.storage, func() { r.release(h) }, nil
}

// Changed lists the paths that differ between two commits, sorted: of a renamed file both names, of a submodule its
// directory. The commits need not be related. ErrUnknownCommit means that one of them is gone; then everything must be
// taken for changed.
func (r *Repository) Changed(ctx context.Context, a, b string) ([]string, error) {
	h, from, err := r.open(a)
	if err != nil {
		return nil, r.fail("comparing commits of", err)
	}
	defer r.release(h)
	hash, err := odb.ParseHash(b)
	if err != nil {
		return nil, r.fail("comparing commits of", err)
	}
	to, err := r.commit(h, hash)
	if err != nil {
		return nil, r.fail("comparing commits of", err)
	}
	paths, err := tree.Changed(ctx, h.storage, from.TreeHash, to.TreeHash)
	return paths, r.fail("comparing commits of", r.noteDamage(err))
}

// TouchedBy lists the paths that a commit changed against its first parent; of a first commit, all of its paths.
func (r *Repository) TouchedBy(ctx context.Context, commit string) ([]string, error) {
	h, to, err := r.open(commit)
	if err != nil {
		return nil, r.fail("comparing commits of", err)
	}
	defer r.release(h)
	before := plumbing.ZeroHash
	if len(to.ParentHashes) > 0 {
		from, err := graph{r, h}.parent(to.ParentHashes[0])
		if err != nil {
			return nil, r.fail("comparing commits of", err)
		}
		before = from.TreeHash
	}
	paths, err := tree.Changed(ctx, h.storage, before, to.TreeHash)
	return paths, r.fail("comparing commits of", r.noteDamage(err))
}

// Materialise writes the files of a commit into a directory that must not exist. Everything belongs to this user
// alone: modes are 0600 and 0700, executable files stay so. Nothing is written outside, whatever the commit holds, and no
// symlink leads outside. Each file's content is checked against its hash. Directories named .terraform are left out, because
// their content would steer terraform. .gitattributes have no effect. After an error the directory is gone.
//
// What cannot be written as the commit says is left out where nobody uses it, so that one bad file stops nobody else:
// symlinks that leave the repository, names that are too long for this file system. In what is used, in a root or by
// Belongs, it is a [*FileError].
func (r *Repository) Materialise(ctx context.Context, commit, dir string, o tree.Options) error {
	const op = "checking out a commit of"
	h, c, err := r.open(commit)
	if err != nil {
		return r.fail(op, err)
	}
	defer r.release(h)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return r.fail(op, fmt.Errorf("making directory: %w", err))
	}
	kept := r.inflated.take(r.options.Dir)
	defer r.inflated.give()
	err = tree.Write(ctx, tree.Objects{Mirror: h.storage, Kept: kept}, c.TreeHash, dir, o)
	if err == nil {
		return nil
	}
	if removeErr := os.RemoveAll(dir); removeErr != nil {
		err = errors.Join(err, fmt.Errorf("removing what was written: %w", removeErr))
	}
	return r.fail(op, r.noteDamage(err))
}
