package repo

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	// maxPacks is how many packs pile up, one for each fetch, before the small ones are joined. go-git reads all indexes
	// whenever the mirror is opened: with 200 packs that is a noticeable part of seeing a commit.
	maxPacks = 100
	// smallPack is the largest pack that is joined with others. The first, large one is never written again.
	smallPack = 4 << 20
)

// compact joins all small packs into one. go-git's own repacking walks and rewrites the whole history, which takes
// several times its size in memory; this costs what the last fetches brought.
func (r *Repository) compact() error {
	s := openStorage(r.options.Dir)
	defer closeQuietly(s)
	pack := filepath.Join(r.options.Dir, "objects", "pack")
	var joined []string
	var objects []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	for name := range r.packs(r.options.Dir) {
		info, err := os.Stat(filepath.Join(pack, name+".pack"))
		if err != nil {
			return fmt.Errorf("reading pack: %w", err)
		}
		if info.Size() > smallPack {
			continue
		}
		hashes, err := packObjects(filepath.Join(pack, name+".idx"))
		if err != nil {
			return err
		}
		joined = append(joined, name)
		for _, h := range hashes {
			if !seen[h] {
				seen[h] = true
				objects = append(objects, h)
			}
		}
	}
	if len(joined) < maxPacks/2 || len(objects) == 0 {
		return nil
	}
	w, err := s.PackfileWriter()
	if err != nil {
		return fmt.Errorf("making joined pack: %w", err)
	}
	sum, err := packfile.NewEncoder(w, s, false).Encode(objects, packWindow(len(objects)))
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing joined pack: %w", err), r.removePartial())
	}
	before := map[string]bool{}
	for _, name := range joined {
		before[name] = true
	}
	if err := r.syncPacks(r.options.Dir, before); err != nil {
		return err
	}
	return r.removePacks(joined, "pack-"+sum.String())
}

// packObjects lists what an index names.
func packObjects(file string) ([]plumbing.Hash, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading index: %w", err)
	}
	defer f.Close()
	index := idxfile.NewMemoryIndex()
	if err := idxfile.NewDecoder(f).Decode(index); err != nil {
		return nil, fmt.Errorf("reading index: %w", err)
	}
	entries, err := index.Entries()
	if err != nil {
		return nil, fmt.Errorf("reading index: %w", err)
	}
	defer entries.Close()
	var hashes []plumbing.Hash
	for {
		e, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return hashes, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading index: %w", err)
		}
		hashes = append(hashes, e.Hash)
	}
}

// removePacks deletes packs whose objects are elsewhere now, while nobody reads.
func (r *Repository) removePacks(names []string, keep string) error {
	r.swap.Lock()
	defer r.swap.Unlock()
	r.invalidate()
	pack := filepath.Join(r.options.Dir, "objects", "pack")
	for _, name := range names {
		if name == keep {
			continue
		}
		for _, ext := range []string{".pack", ".idx"} {
			if err := os.Remove(filepath.Join(pack, name+ext)); err != nil {
				return fmt.Errorf("removing joined pack: %w", err)
			}
		}
	}
	return nil
}
