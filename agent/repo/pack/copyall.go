package pack

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
)

// maxRounds is how often the packs of a repository may change while it is copied.
const maxRounds = 10

// copyAll brings every object of a repository on this disk into a mirror, as git's own local clone does: packs as they are, so
// that neither the number of objects nor their size costs memory, and the loose objects as one pack. A repack in the
// meantime moves objects from one pack to another; so it lists again until there is nothing that it has not seen.
func copyAll(ctx context.Context, c copying) error {
	from, dst := c.src.Filesystem().Root(), c.dst
	dir := dst.Filesystem().Root()
	copied := map[string]bool{}
	for range maxRounds {
		names, err := odb.IndexedPacks(from)
		if err != nil {
			return err
		}
		for _, name := range names {
			if copied[name] {
				continue
			}
			err := copyPack(ctx, filepath.Join(odb.PackDir(from), name), dir, c.limits)
			if errors.Is(err, fs.ErrNotExist) {
				continue // a repack took it away; the next round finds the new one
			}
			if err != nil {
				return err
			}
			copied[name] = true
		}
		dst.Reindex()
		err = copyLoose(ctx, from, c)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			continue // it lies in a pack now
		}
		if err != nil {
			return err
		}
		names, err = odb.IndexedPacks(from)
		if err != nil {
			return err
		}
		if holdsAll(copied, names) {
			return nil
		}
	}
	return hint.With(errors.New("the repository was repacked again and again while it was copied"), "it is tried again; see what runs git gc or git repack in %s", from)
}

func holdsAll(set map[string]bool, names []string) bool {
	for _, name := range names {
		if !set[name] {
			return false
		}
	}
	return true
}

// copyLoose brings the objects that lie in files of their own and that dst lacks.
func copyLoose(ctx context.Context, from string, c copying) error {
	dst := c.dst
	loose, err := looseObjects(from)
	if err != nil {
		return err
	}
	var missing []plumbing.Hash
	for _, h := range loose {
		err := dst.HasEncodedObject(h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			missing = append(missing, h)
		} else if err != nil {
			return fmt.Errorf("looking for an object: %w", err)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	src := odb.OpenStorage(from)
	defer odb.CloseQuietly(src)
	_, _, err = placePack(dst.Filesystem().Root(), func(w io.Writer) error {
		return writePack(ctx, w, copying{src: src, dst: dst, limits: c.limits}, missing)
	})
	dst.Reindex()
	return err
}

func looseObjects(dir string) ([]plumbing.Hash, error) {
	var all []plumbing.Hash
	for i := range 256 {
		prefix := hex.EncodeToString([]byte{byte(i)})
		entries, err := os.ReadDir(filepath.Join(dir, "objects", prefix))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing objects: %w", err)
		}
		for _, e := range entries {
			if name := prefix + e.Name(); plumbing.IsHash(name) {
				all = append(all, plumbing.NewHash(name))
			}
		}
	}
	return all, nil
}
