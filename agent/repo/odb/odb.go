package odb

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// OpenStorage opens a directory of git's. The cache is small, because an idle agent must be.
func OpenStorage(dir string) *filesystem.Storage {
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

// CloseQuietly closes files that were only read.
func CloseQuietly(s *filesystem.Storage) { _ = s.Close() }

// Present reports whether there is a mirror in a directory.
func Present(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "objects", "pack"))
	return err == nil && info.IsDir()
}

// ParseHash wants a full hash.
func ParseHash(s string) (plumbing.Hash, error) {
	if !plumbing.IsHash(s) {
		return plumbing.ZeroHash, fmt.Errorf("%w: %q is not a full commit hash", ErrUnknownCommit, s)
	}
	return plumbing.NewHash(s), nil
}

// PacksOf lists the files of the pack directory.
func PacksOf(dir string) map[string]bool {
	entries, err := os.ReadDir(filepath.Join(dir, "objects", "pack"))
	if err != nil {
		return nil
	}
	found := map[string]bool{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".pack") {
			found[strings.TrimSuffix(e.Name(), ".pack")] = true
		}
	}
	return found
}

// PackDir is where a repository keeps its packs.
func PackDir(dir string) string { return filepath.Join(dir, "objects", "pack") }

// IndexedPacks lists the packs of a repository that have an index; one without is still being written.
func IndexedPacks(dir string) ([]string, error) {
	entries, err := os.ReadDir(PackDir(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing packs: %w", err)
	}
	var names []string
	for _, e := range entries {
		name, index := strings.CutSuffix(e.Name(), ".idx")
		if !index || !strings.HasPrefix(name, "pack-") {
			continue
		}
		if _, err := os.Stat(filepath.Join(PackDir(dir), name+".pack")); err == nil {
			names = append(names, name)
		}
	}
	return names, nil
}
