package odb

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

const (
	// cacheBytes is how much of what was read last is kept. It is little, because an idle agent must be.
	cacheBytes = 8 * cache.MiByte
	// largeObject is what is read from the disk bit by bit instead of as a whole.
	largeObject = 4 << 20
)

// Storage is a directory of git's. References and objects in files of their own are read by go-git; so are packs, with indexes
// of ours, since go-git would hold all of them in memory. It serves one goroutine at a time.
type Storage struct {
	*filesystem.Storage // to which no pack is shown

	fs    billy.Filesystem
	cache cache.Object
	packs []*openPack
	known bool // packs are those that there are
}

// openPack is a pack and its index.
type openPack struct {
	name  string // without its ending
	index *Index
	file  *packfile.Packfile // nil until something is read of it
}

func (p *openPack) close() {
	if p.file != nil {
		_ = p.file.Close() // files that were only read
	}
	_ = p.index.Close()
}

// OpenStorage opens a directory of git's.
func OpenStorage(dir string) *Storage {
	s := &Storage{fs: osfs.New(dir), cache: cache.NewObjectLRU(cacheBytes)}
	s.Storage = filesystem.NewStorageWithOptions(withoutPacks{s.fs}, s.cache, filesystem.Options{LargeObjectThreshold: largeObject})
	return s
}

// withoutPacks hides the packs of a repository.
type withoutPacks struct{ billy.Filesystem }

// ReadDir implements billy.Dir.
func (w withoutPacks) ReadDir(name string) ([]os.FileInfo, error) {
	if filepath.ToSlash(filepath.Clean(name)) == "objects/pack" {
		return nil, nil
	}
	return w.Filesystem.ReadDir(name)
}

// Capabilities implements billy.Capable.
func (w withoutPacks) Capabilities() billy.Capability { return billy.Capabilities(w.Filesystem) }

// Reindex looks for packs anew at the next question; those that are still there stay open.
func (s *Storage) Reindex() { s.known = false }

// Close closes all files.
func (s *Storage) Close() error {
	for _, p := range s.packs {
		p.close()
	}
	s.packs, s.known = nil, false
	return s.Storage.Close()
}

// open opens the packs that there are. One of which the index cannot be read makes all of it unreadable: what it held would be told
// as not there.
func (s *Storage) open() error {
	if s.known {
		return nil
	}
	there := PacksOf(s.fs.Root())
	have := map[string]bool{}
	kept := s.packs[:0]
	for _, p := range s.packs {
		if !there[p.name] {
			p.close()
			continue
		}
		have[p.name] = true
		kept = append(kept, p)
	}
	clear(s.packs[len(kept):])
	s.packs = kept
	for name := range there {
		if have[name] {
			continue
		}
		p, err := s.openPack(name)
		if err != nil {
			return err
		}
		s.packs = append(s.packs, p)
	}
	s.known = true
	return nil
}

func (s *Storage) openPack(name string) (*openPack, error) {
	index, err := OpenIndex(filepath.Join(PackDir(s.fs.Root()), name))
	if err != nil {
		return nil, err
	}
	return &openPack{name: name, index: index}, nil
}

// content opens the pack itself.
func (s *Storage) content(p *openPack) (*packfile.Packfile, error) {
	if p.file == nil {
		f, err := s.fs.Open(filepath.Join("objects", "pack", p.name+".pack"))
		if err != nil {
			return nil, err
		}
		p.file = packfile.NewPackfileWithCache(p.index, s.fs, f, s.cache, largeObject)
	}
	return p.file, nil
}

// find is where an object lies; no pack if it lies in none.
func (s *Storage) find(h plumbing.Hash) (*openPack, int64, error) {
	if err := s.open(); err != nil {
		return nil, 0, err
	}
	for _, p := range s.packs {
		offset, err := p.index.FindOffset(h)
		if !errors.Is(err, plumbing.ErrObjectNotFound) {
			return p, offset, err
		}
	}
	return nil, 0, nil
}

// first is the error of an object that no pack gave, and that was looked for in a file of its own: one that lies there can be read,
// whatever the packs are like, and of one that does not the packs' error says more.
func first(packed, loose error) error {
	if loose != nil && packed != nil {
		return packed
	}
	return loose
}

// HasEncodedObject implements storer.EncodedObjectStorer.
func (s *Storage) HasEncodedObject(h plumbing.Hash) error {
	p, _, err := s.find(h)
	if p != nil && err == nil {
		return nil
	}
	return first(err, s.Storage.HasEncodedObject(h))
}

// EncodedObjectSize implements storer.EncodedObjectStorer.
func (s *Storage) EncodedObjectSize(h plumbing.Hash) (int64, error) {
	p, offset, err := s.find(h)
	if p == nil || err != nil {
		n, looseErr := s.Storage.EncodedObjectSize(h)
		return n, first(err, looseErr)
	}
	file, err := s.content(p)
	if err != nil {
		return 0, err
	}
	return file.GetSizeByOffset(offset)
}

// EncodedObject implements storer.EncodedObjectStorer.
func (s *Storage) EncodedObject(t plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	p, _, err := s.find(h)
	if p == nil || err != nil {
		o, looseErr := s.Storage.EncodedObject(t, h)
		return o, first(err, looseErr)
	}
	file, err := s.content(p)
	if err != nil {
		return nil, err
	}
	o, err := file.Get(h)
	if err != nil {
		return nil, err
	}
	if t != plumbing.AnyObject && o.Type() != t {
		return nil, plumbing.ErrObjectNotFound
	}
	return o, nil
}
