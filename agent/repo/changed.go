package repo

import (
	"context"
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
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
		if from, err = r.parent(h, to.ParentHashes[0]); err != nil {
			return nil, r.fail("comparing commits of", err)
		}
	}
	paths, err := r.diff(ctx, h, from, to)
	return paths, r.fail("comparing commits of", err)
}

// diff compares trees without looking for renames: a rename is a deletion in one place and an addition in the other, and
// both places are touched. from may be nil.
func (r *Repository) diff(ctx context.Context, h *handle, from, to *object.Commit) ([]string, error) {
	d := &differ{ctx: ctx, storage: h.storage}
	before := plumbing.ZeroHash
	if from != nil {
		before = from.TreeHash
	}
	if err := d.trees("", before, to.TreeHash, 0); err != nil {
		return nil, r.noteDamage(err)
	}
	slices.Sort(d.paths)
	return d.paths, nil
}

// differ collects the paths in which trees differ. go-git's own comparison does not check what it reads, takes a
// directory that it cannot read for an empty one, and has no bounds; a change must never be missed.
type differ struct {
	ctx     context.Context
	storage *filesystem.Storage
	paths   []string
	visited int
}

// trees compares two directories, either of which may be the zero hash for none.
func (d *differ) trees(prefix string, a, b plumbing.Hash, depth int) error {
	if depth > maxDepth {
		return tooLarge("directories nest deeper than %d", maxDepth)
	}
	if err := d.ctx.Err(); err != nil {
		return err
	}
	before, err := d.entries(a)
	if err != nil {
		return err
	}
	after, err := d.entries(b)
	if err != nil {
		return err
	}
	for name, old := range before {
		if err := d.entry(path.Join(prefix, name), old, after[name], depth); err != nil {
			return err
		}
	}
	for name, fresh := range after {
		if _, met := before[name]; met {
			continue
		}
		if err := d.entry(path.Join(prefix, name), object.TreeEntry{}, fresh, depth); err != nil {
			return err
		}
	}
	return nil
}

// entry compares what stands at one path before and after; the zero entry is nothing.
func (d *differ) entry(name string, a, b object.TreeEntry, depth int) error {
	if a.Hash == b.Hash && a.Mode == b.Mode {
		return nil
	}
	if d.visited++; d.visited > maxEntries {
		return tooLarge("more than %d paths differ", maxEntries)
	}
	dirs := [2]plumbing.Hash{}
	file := false
	for i, e := range []object.TreeEntry{a, b} {
		switch e.Mode {
		case filemode.Empty:
		case filemode.Dir:
			dirs[i] = e.Hash
		default:
			file = true
		}
	}
	if file {
		d.paths = append(d.paths, name)
	}
	if dirs[0] == dirs[1] {
		return nil
	}
	return d.trees(name, dirs[0], dirs[1], depth+1)
}

func (d *differ) entries(tree plumbing.Hash) (map[string]object.TreeEntry, error) {
	if tree.IsZero() {
		return nil, nil
	}
	t, err := readTree(d.storage, tree)
	if err != nil {
		return nil, err
	}
	entries := make(map[string]object.TreeEntry, len(t.Entries))
	for _, e := range t.Entries {
		entries[e.Name] = e
	}
	return entries, nil
}
