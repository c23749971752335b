package pack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"

	"sallyport/agent/repo/odb"
	"sallyport/notify/words"
	"sallyport/store/disk"
)

const (
	// MaxPacks is how many packs pile up, one for each fetch, before the small ones are joined. go-git reads all indexes
	// whenever the mirror is opened: with 200 packs that is a noticeable part of seeing a commit.
	MaxPacks = 100
	// smallPack is the largest pack that is joined with others. The first, large one is never written again.
	smallPack = 4 << 20
)

// joinSmall makes one pack of all small ones, which it names, and leaves those where they are. There are none if there is nothing to
// join.
func joinSmall(mirror string) (joined []string, pack string, err error) {
	names, hashes, err := smallPacks(mirror)
	if err != nil || len(names) < MaxPacks/2 || len(hashes) == 0 {
		return nil, "", err
	}
	dir := odb.PackDir(mirror)
	sum, index, err := placePack(mirror, func(w io.Writer) error { return joinPacks(w, dir, names, len(hashes)) })
	if err != nil {
		return nil, "", err
	}
	for h := range hashes {
		there, err := index.Contains(h)
		if err == nil && !there {
			err = errors.New("it is not there")
		}
		if err != nil {
			return nil, "", fmt.Errorf("looking for object %s in the joined pack: %w", words.Short(h.String()), err)
		}
	}
	if err := disk.Sync(dir); err != nil {
		return nil, "", err
	}
	before := map[string]bool{}
	for _, name := range names {
		before[name] = true
	}
	return names, "pack-" + sum.String(), wholeWithout(mirror, before)
}

// smallPacks lists the packs that are to be joined, and what they hold.
func smallPacks(mirror string) (names []string, hashes map[plumbing.Hash]struct{}, err error) {
	hashes = map[plumbing.Hash]struct{}{}
	for name := range odb.PacksOf(mirror) {
		base := filepath.Join(odb.PackDir(mirror), name)
		info, err := os.Stat(base + ".pack")
		if err != nil {
			return nil, nil, fmt.Errorf("reading pack: %w", err)
		}
		if info.Size() > smallPack {
			continue
		}
		index, err := ReadIndex(base + ".idx")
		if err != nil {
			return nil, nil, err
		}
		names = append(names, name)
		err = eachEntry(index, func(e *idxfile.Entry) error { hashes[e.Hash] = struct{}{}; return nil })
		if err != nil {
			return nil, nil, err
		}
	}
	slices.Sort(names)
	return names, hashes, nil
}

// wholeWithout checks that each reference of the mirror leads to a whole commit if those packs are gone. One that is broken with
// them too is no reason to keep them.
func wholeWithout(mirror string, gone map[string]bool) error {
	view := mirror + ".new-" + strings.ToLower(rand.Text()[:10])
	defer os.RemoveAll(view)
	if err := os.MkdirAll(odb.PackDir(view), 0o700); err != nil {
		return fmt.Errorf("making a view of the mirror: %w", err)
	}
	for name := range odb.PacksOf(mirror) {
		if gone[name] {
			continue
		}
		for _, ext := range []string{".pack", ".idx"} {
			if err := os.Link(filepath.Join(odb.PackDir(mirror), name+ext), filepath.Join(odb.PackDir(view), name+ext)); err != nil {
				return fmt.Errorf("making a view of the mirror: %w", err)
			}
		}
	}
	full, without := odb.OpenStorage(mirror), odb.OpenStorage(view)
	defer odb.CloseQuietly(full)
	defer odb.CloseQuietly(without)
	refs, err := full.IterReferences()
	if err != nil {
		return fmt.Errorf("reading references: %w", err)
	}
	walk, before := odb.NewWalker(without), odb.NewWalker(full)
	return refs.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() != plumbing.HashReference {
			return nil
		}
		if err := wholeCommit(walk, without, ref.Hash()); err != nil && wholeCommit(before, full, ref.Hash()) == nil {
			return fmt.Errorf("%s would be broken without the old packs: %w", ref.Name(), err)
		}
		return nil
	})
}

// wholeCommit reads a commit and every directory of it, and finds its files.
func wholeCommit(w *odb.Walker, s *odb.Storage, h plumbing.Hash) error {
	c, err := odb.ReadCommit(s, h)
	if err != nil {
		return err
	}
	_, err = w.Count(c.TreeHash, plumbing.ZeroHash, 0)
	return err
}
