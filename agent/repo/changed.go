package repo

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing/object"
)

// Changed lists the paths that differ between two commits, sorted: of a renamed file both names, of a submodule its
// directory. The commits need not be related. ErrUnknownCommit means that one of them is gone; then everything must be
// taken for changed.
func (r *Repository) Changed(ctx context.Context, a, b string) ([]string, error) {
	h, from, err := r.open(a)
	if err != nil {
		return nil, r.fail("comparing commits of", err)
	}
	defer r.release(h)
	hash, err := parseHash(b)
	if err != nil {
		return nil, r.fail("comparing commits of", err)
	}
	to, err := r.commit(h, hash)
	if err != nil {
		return nil, r.fail("comparing commits of", err)
	}
	paths, err := r.diff(ctx, h, from, to)
	return paths, r.fail("comparing commits of", err)
}

// TouchedBy lists the paths that a commit changed against its first parent; of a first commit, all of its paths.
func (r *Repository) TouchedBy(ctx context.Context, commit string) ([]string, error) {
	h, to, err := r.open(commit)
	if err != nil {
		return nil, r.fail("comparing commits of", err)
	}
	defer r.release(h)
	var from *object.Commit
	if len(to.ParentHashes) > 0 {
		if from, err = r.commit(h, to.ParentHashes[0]); err != nil {
			return nil, r.fail("comparing commits of", err)
		}
	}
	paths, err := r.diff(ctx, h, from, to)
	return paths, r.fail("comparing commits of", err)
}

// diff compares trees without looking for renames: a rename is a deletion in one place and an addition in the other, and
// both places are touched. from may be nil.
func (r *Repository) diff(ctx context.Context, h *handle, from, to *object.Commit) ([]string, error) {
	var before *object.Tree
	w := newWalker(h.storage, skipBlobs)
	var err error
	if from != nil {
		if before, err = object.GetTree(h.storage, from.TreeHash); err != nil {
			return nil, r.noteDamage(damage(from.TreeHash, err))
		}
		if _, err := w.count(from.TreeHash, to.TreeHash, 0); err != nil {
			return nil, r.noteDamage(err)
		}
		if _, err := w.count(to.TreeHash, from.TreeHash, 0); err != nil {
			return nil, r.noteDamage(err)
		}
	} else if _, err := w.count(to.TreeHash, [20]byte{}, 0); err != nil {
		return nil, r.noteDamage(err)
	}
	after, err := object.GetTree(h.storage, to.TreeHash)
	if err != nil {
		return nil, r.noteDamage(damage(to.TreeHash, err))
	}
	changes, err := object.DiffTreeWithOptions(ctx, before, after, nil)
	if err != nil {
		return nil, fmt.Errorf("comparing trees: %w", err)
	}
	paths := make([]string, 0, len(changes))
	for _, c := range changes {
		for _, name := range []string{c.From.Name, c.To.Name} {
			if name != "" {
				paths = append(paths, name)
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}
