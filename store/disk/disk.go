// Package disk writes files that are whole and outlast a power cut.
//
// A file that was written and renamed can be missing after one, or empty, or still have its old content: the content is on the disk
// when the file was synced, and its name when the directory was. Whoever records that a file is there syncs both before.
package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Sync makes the content of a file durable, or the names in a directory.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("making %s durable: %w", path, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("making %s durable: %w", path, err)
	}
	return nil
}

// Write makes or replaces a file with what write writes. Readers see the old file or the whole new one, also after a power cut; when
// Write returns without an error it is the new one, and only this user may read it.
func Write(path string, write func(io.Writer) error) error {
	dir := filepath.Dir(path)
	// Beside the file and not in TMPDIR, which others clear.
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return named(path, err)
	}
	defer func() { _ = f.Cleanup() }() // does nothing after the replace
	if err := write(f); err != nil {
		return named(path, err)
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return named(path, err)
	}
	return Sync(dir)
}

// named is an error of a file that is written in the place of another, with the name of that one. Its own is a new one each time, so
// that the same error would look like another one at each try, and be told again and again, or never.
func named(path string, err error) error {
	var link *os.LinkError
	var of *fs.PathError
	switch {
	case errors.As(err, &link):
		return fmt.Errorf("writing %s: %w", path, link.Err)
	case errors.As(err, &of) && filepath.Dir(of.Path) == filepath.Dir(path):
		return fmt.Errorf("writing %s: %w", path, of.Err)
	}
	return err
}

// WriteFile is [Write] for a content that is at hand.
func WriteFile(path string, content []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(content))
		return err
	})
}

// MkdirAll makes a directory, with those above it that are missing, that only this user may enter, and makes their names durable: a
// file in a directory whose name is lost is lost.
func MkdirAll(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	above := filepath.Dir(dir)
	if above != dir {
		if err := MkdirAll(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return Sync(above)
}

// IgnoreMissing is the error without that of a file that is not there: nil for [fs.ErrNotExist].
func IgnoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
