package transport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"sallyport/agent/repo/odb"
	"sallyport/agent/repo/pack"
)

// localRemote reads a repository on this machine's disk without a git process.
type localRemote struct {
	dir   string
	child *pack.Unpacker
}

// Refs reads the references that are named in full one by one. Where something else is asked for, a prefix that ends in a slash, or
// one of them has a form that only go-git knows, all references are listed.
func (l *localRemote) Refs(_ context.Context, prefixes []string) (RefList, error) {
	dir, err := l.source()
	if err != nil {
		return RefList{}, err
	}
	if len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasSuffix(p, "/") }) {
		return listRefs(dir)
	}
	list := RefList{Hashes: map[string]plumbing.Hash{}}
	for _, name := range prefixes {
		if name == plumbing.HEAD.String() {
			continue // which commit it leads to is the branch's matter
		}
		h, ok, err := resolveRef(dir, name)
		if errors.Is(err, errOddRef) {
			return listRefs(dir)
		}
		if err != nil {
			return RefList{}, err
		}
		if ok {
			list.Hashes[name] = h
		}
	}
	return list, nil
}

// listRefs lists every reference of a repository on this disk.
func listRefs(dir string) (RefList, error) {
	src := odb.OpenStorage(dir)
	defer odb.CloseQuietly(src)
	list := RefList{Hashes: map[string]plumbing.Hash{}}
	if head, err := src.Reference(plumbing.HEAD); err == nil && head.Type() == plumbing.SymbolicReference {
		list.head = head.Target().String()
	}
	refs, err := src.IterReferences()
	if err != nil {
		return RefList{}, fmt.Errorf("reading references: %w", err)
	}
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		leads := ref
		if ref.Type() == plumbing.SymbolicReference {
			if leads, err = storer.ResolveReference(src, ref.Name()); err != nil {
				return nil // HEAD of an empty repository
			}
		}
		list.Hashes[ref.Name().String()] = leads.Hash()
		return nil
	})
	return list, err
}

func (l *localRemote) Fetch(ctx context.Context, dst *odb.Storage, ref plumbing.ReferenceName) (plumbing.Hash, error) {
	source, err := l.source()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	list, err := l.Refs(ctx, []string{ref.String()})
	if err != nil {
		return plumbing.ZeroHash, err
	}
	tip, ok := list.Hashes[ref.String()]
	if !ok {
		if list, err = listRefs(source); err != nil { // to say what there is in its place
			return plumbing.ZeroHash, err
		}
		if tip, ok = list.Hashes[ref.String()]; !ok {
			return plumbing.ZeroHash, BranchGone(ref, list)
		}
	}
	if dst.HasEncodedObject(tip) == nil {
		if _, err := odb.ReadCommit(dst, tip); err == nil {
			return tip, nil
		}
	}
	_, err = l.child.Run(ctx, pack.Order{Kind: pack.OrderCopy, Dir: dst.Filesystem().Root(), Source: source, Shown: l.dir, Tip: tip.String()}, nil)
	dst.Reindex()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return tip, nil
}

func (l *localRemote) Close() {}
