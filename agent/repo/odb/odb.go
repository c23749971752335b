package odb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// CloseQuietly closes files that were only read.
func CloseQuietly(s *Storage) { _ = s.Close() }

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
