package tree

import (
	"context"
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/repo/odb"
)

// Changed lists the paths in which two directories differ, without looking for renames: a rename is a deletion in one place and an
// addition in the other, and both places are touched. before may be the zero hash for none.
func Changed(ctx context.Context, s *odb.Storage, before, after plumbing.Hash) ([]string, error) {
	d := &differ{ctx: ctx, storage: s}
	if err := d.trees("", before, after, 0); err != nil {
		return nil, err
	}
	slices.Sort(d.paths)
	return d.paths, nil
}

// differ collects the paths in which trees differ. go-git's own comparison does not check what it reads, takes a
// directory that it cannot read for an empty one, and has no bounds; a change must never be missed.
type differ struct {
	ctx     context.Context
	storage *odb.Storage
	paths   []string
	visited int
}

// trees compares two directories, either of which may be the zero hash for none.
func (d *differ) trees(prefix string, a, b plumbing.Hash, depth int) error {
	if depth > odb.MaxDepth {
		return odb.TooLarge("directories nest deeper than %d", odb.MaxDepth)
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
	if d.visited++; d.visited > odb.MaxEntries {
		return odb.TooLarge("more than %d paths differ", odb.MaxEntries)
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
	t, err := odb.ReadTree(d.storage, tree)
	if err != nil {
		return nil, err
	}
	entries := make(map[string]object.TreeEntry, len(t.Entries))
	for _, e := range t.Entries {
		entries[e.Name] = e
	}
	return entries, nil
}
