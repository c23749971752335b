package repo

import (
	"bufio"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// localRemote reads a repository on this machine's disk without a git process.
type localRemote struct {
	dir   string
	child *unpacker
}

// openStorage opens a directory of git's. The cache is small, because an idle agent must be.
func openStorage(dir string) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(indexFS{osfs.New(dir)}, cache.NewObjectLRU(8*cache.MiByte), filesystem.Options{
		KeepDescriptors:      true,
		LargeObjectThreshold: 4 << 20,
	})
}

// indexFS reads the indexes of packs through a buffer. go-git reads their first kilobyte four bytes at a time, which is 256
// calls of the system for each pack whenever the mirror is opened.
type indexFS struct{ billy.Filesystem }

// Open implements billy.Basic.
func (f indexFS) Open(name string) (billy.File, error) {
	file, err := f.Filesystem.Open(name)
	if err != nil || !strings.HasSuffix(name, ".idx") {
		return file, err
	}
	return &indexFile{File: file, buffer: bufio.NewReaderSize(file, 32<<10)}, nil
}

// Capabilities implements billy.Capable.
func (f indexFS) Capabilities() billy.Capability { return billy.Capabilities(f.Filesystem) }

// indexFile is only ever read from its start to its end.
type indexFile struct {
	billy.File
	buffer *bufio.Reader
}

// Read implements io.Reader.
func (f *indexFile) Read(p []byte) (int, error) { return f.buffer.Read(p) }

func (l *localRemote) refs(_ context.Context, _ []string) (refList, error) {
	src, err := l.openSource()
	if err != nil {
		return refList{}, err
	}
	defer closeQuietly(src)
	list := refList{hashes: map[string]plumbing.Hash{}}
	if head, err := src.Reference(plumbing.HEAD); err == nil && head.Type() == plumbing.SymbolicReference {
		list.head = head.Target().String()
	}
	refs, err := src.IterReferences()
	if err != nil {
		return refList{}, fmt.Errorf("reading references: %w", err)
	}
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() == plumbing.SymbolicReference {
			if ref, err = storer.ResolveReference(src, ref.Name()); err != nil {
				return nil // HEAD of an empty repository
			}
		}
		list.hashes[ref.Name().String()] = ref.Hash()
		return nil
	})
	return list, err
}

func (l *localRemote) fetch(ctx context.Context, dst *filesystem.Storage, ref plumbing.ReferenceName) (plumbing.Hash, error) {
	list, err := l.refs(ctx, nil)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	tip, ok := list.hashes[ref.String()]
	if !ok {
		return plumbing.ZeroHash, branchGone(ref, list)
	}
	source, err := l.source()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if dst.HasEncodedObject(tip) == nil {
		if _, err := readCommit(dst, tip); err == nil {
			return tip, nil
		}
	}
	_, err = l.child.run(ctx, order{Kind: orderCopy, Dir: dst.Filesystem().Root(), Source: source, Shown: l.dir, Tip: tip.String()}, nil)
	dst.Reindex()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return tip, nil
}

// explainSource makes it plain that what cannot be read is not our mirror.
func explainSource(shown string, err error) error {
	var d *damageError
	switch {
	case errors.As(err, &d):
		err = d.cause
	case errors.Is(err, packfile.ErrMalformedPackFile), errors.Is(err, idxfile.ErrMalformedIdxFile), errors.Is(err, zlib.ErrHeader),
		errors.Is(err, zlib.ErrChecksum), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
	default:
		return err
	}
	return withHint(fmt.Errorf("%w: %w", ErrUnreadable, err), "run git fsck in %s, and mend what it finds", shown)
}

func (l *localRemote) close() {}

// copying is from where to where objects are brought, and how large each may be; without limits any size is.
type copying struct {
	src, dst *filesystem.Storage
	limits   *limits
	most     int // objects that are brought one by one; 0: any number
}

// manyObjects is how many objects are brought one by one. For more it is cheaper to copy packs as they are.
const manyObjects = 20_000

// errMany says that more objects are missing than are worth a list.
var errMany = errors.New("many objects are missing")

// copyHistory brings a commit and everything below it from a repository on this disk into a mirror. A mirror that holds nothing
// yet, or lacks much, gets all the packs there are; one that lacks little gets that as one pack.
func copyHistory(ctx context.Context, c copying, tip plumbing.Hash) error {
	dst := c.dst
	c.most = manyObjects
	packs, err := dst.ObjectPacks()
	if err != nil {
		return fmt.Errorf("listing the mirror's packs: %w", err)
	}
	err = errMany
	for n := 0; n < maxRounds && len(packs) > 0; n++ {
		err = copyMissing(ctx, c, tip)
		if !errors.Is(err, plumbing.ErrObjectNotFound) && !errors.Is(err, fs.ErrNotExist) {
			break
		}
		c.src.Reindex() // a repack moved it
	}
	if errors.Is(err, errMany) || errors.Is(err, idxfile.ErrUnsupportedVersion) {
		err = copyAll(ctx, c)
	}
	dst.Reindex()
	if err != nil {
		return err
	}
	if err := dst.HasEncodedObject(tip); err != nil {
		return damage(tip, err)
	}
	return nil
}

// copyMissing brings what dst lacks of a commit and everything below it, as one pack. What dst has is taken to be complete below,
// which holds because packs arrive whole. The error is errMany where more objects are missing than are to be brought one by one.
func copyMissing(ctx context.Context, c copying, tip plumbing.Hash) error {
	missing := &collector{copying: c, seen: map[plumbing.Hash]bool{}}
	commits := []plumbing.Hash{tip}
	for len(commits) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		h := commits[len(commits)-1]
		commits = commits[:len(commits)-1]
		fresh, err := missing.add(h)
		if err != nil {
			return err
		}
		if !fresh {
			continue
		}
		commit, err := readCommit(c.src, h)
		if err != nil {
			return err
		}
		if err := missing.tree(ctx, commit.TreeHash); err != nil {
			return err
		}
		commits = append(commits, commit.ParentHashes...)
	}
	if len(missing.list) == 0 {
		return nil
	}
	_, _, err := placePack(c.dst.Filesystem().Root(), func(w io.Writer) error { return writePack(ctx, w, c, missing.list) })
	if err != nil {
		return fmt.Errorf("copying objects: %w", err)
	}
	c.dst.Reindex()
	return nil
}

// collector gathers the objects that dst lacks.
type collector struct {
	copying
	seen map[plumbing.Hash]bool
	list []plumbing.Hash
}

// add reports whether the object is one that dst lacks and that was not met before.
func (c *collector) add(h plumbing.Hash) (bool, error) {
	if c.seen[h] {
		return false, nil
	}
	c.seen[h] = true
	err := c.dst.HasEncodedObject(h)
	if err == nil {
		return false, nil
	}
	if !errors.Is(err, plumbing.ErrObjectNotFound) {
		return false, err
	}
	if c.list = append(c.list, h); c.most > 0 && len(c.list) > c.most {
		return false, errMany
	}
	return true, nil
}

func (c *collector) tree(ctx context.Context, h plumbing.Hash) error {
	fresh, err := c.add(h)
	if err != nil || !fresh {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	tree, err := readTree(c.src, h)
	if err != nil {
		return err
	}
	for _, e := range tree.Entries {
		switch e.Mode {
		case filemode.Submodule:
		case filemode.Dir:
			if err := c.tree(ctx, e.Hash); err != nil {
				return err
			}
		default:
			if _, err := c.add(e.Hash); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeQuietly closes files that were only read.
func closeQuietly(s *filesystem.Storage) { _ = s.Close() }
