package transport

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"sallyport/agent/repo/odb"
	"sallyport/agent/repo/pack"
)

// localRemote reads a repository on this machine's disk without a git process.
type localRemote struct {
	dir   string
	child *pack.Unpacker
}

func (l *localRemote) Refs(_ context.Context, _ []string) (RefList, error) {
	src, err := l.openSource()
	if err != nil {
		return RefList{}, err
	}
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
		if ref.Type() == plumbing.SymbolicReference {
			if ref, err = storer.ResolveReference(src, ref.Name()); err != nil {
				return nil // HEAD of an empty repository
			}
		}
		list.Hashes[ref.Name().String()] = ref.Hash()
		return nil
	})
	return list, err
}

func (l *localRemote) Fetch(ctx context.Context, dst *filesystem.Storage, ref plumbing.ReferenceName) (plumbing.Hash, error) {
	list, err := l.Refs(ctx, nil)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	tip, ok := list.Hashes[ref.String()]
	if !ok {
		return plumbing.ZeroHash, BranchGone(ref, list)
	}
	source, err := l.source()
	if err != nil {
		return plumbing.ZeroHash, err
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
