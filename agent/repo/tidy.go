package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sallyport/agent/repo/odb"
)

// tidySiblings finishes or undoes a replacement of the mirror that was cut short.
func tidySiblings(dir string) error {
	parent, base := filepath.Split(dir)
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading directory of mirrors: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(parent, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), base+".old-"):
			if !odb.Present(dir) && odb.Present(path) {
				if err := os.Rename(path, dir); err != nil {
					return fmt.Errorf("bringing back the old mirror: %w", err)
				}
				continue
			}
		case strings.HasPrefix(e.Name(), base+".new-"):
		default:
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing a mirror left half made: %w", err)
		}
	}
	return nil
}

// tidy removes what a killed writer leaves in the mirror: half packs, which would fill the disk one by one; lock
// files, which go-git takes for references; and references cut to nothing by a power failure, which make every fetch
// fail with "ref file is empty".
func tidy(o Options) error {
	if !odb.Present(o.Dir) {
		return nil
	}
	err := removePartial(o.Dir)
	locks, globErr := filepath.Glob(filepath.Join(globQuote(o.Dir), "*.lock"))
	err = errors.Join(err, globErr)
	for _, path := range locks {
		err = errors.Join(err, os.Remove(path))
	}
	walkErr := filepath.WalkDir(filepath.Join(o.Dir, "refs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Size() == 0 || strings.HasSuffix(path, ".lock") {
			o.Log.Info("removing what a killed process left", "repository", o.Name, "file", path)
			return os.Remove(path)
		}
		return nil
	})
	if err := errors.Join(err, walkErr); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("tidying up the mirror: %w", err)
	}
	return nil
}

// removePartial deletes packs that were not finished.
func removePartial(dir string) error {
	pack := filepath.Join(dir, "objects", "pack")
	entries, err := os.ReadDir(pack)
	if err != nil {
		return err
	}
	var all error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "tmp_") {
			path := filepath.Join(pack, e.Name())
			// go-git leaves the file open after an error, and an open file keeps its space on a full disk.
			all = errors.Join(all, os.Truncate(path, 0), os.Remove(path))
		}
	}
	return all
}

// globQuote takes the meaning from characters that a pattern would interpret.
func globQuote(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s)
}
