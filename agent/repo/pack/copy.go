package pack

import (
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
)

// explainSource makes it plain that what cannot be read is not our mirror.
func explainSource(shown string, err error) error {
	var d *odb.DamageError
	switch {
	case errors.As(err, &d):
		err = d.Cause
	case errors.Is(err, packfile.ErrMalformedPackFile), errors.Is(err, idxfile.ErrMalformedIdxFile), errors.Is(err, zlib.ErrHeader),
		errors.Is(err, zlib.ErrChecksum), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
	default:
		return err
	}
	return hint.With(fmt.Errorf("%w: %w", odb.ErrUnreadable, err), "run git fsck in %s, and mend what it finds", shown)
}

// copying is from where to where objects are brought, and how large each may be; without limits any size is.
type copying struct {
	src, dst *odb.Storage
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
	packs := odb.PacksOf(dst.Filesystem().Root())
	err := errMany
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
		return odb.Damage(tip, err)
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
		commit, err := odb.ReadCommit(c.src, h)
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
	tree, err := odb.ReadTree(c.src, h)
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
