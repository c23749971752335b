package keptstate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"

	"sallyport/agent/foreign"
)

// maxTree bounds what is read and copied of a directory, in bytes: a sparse file costs its maker nothing.
const maxTree = 4 << 30

// Files are the files of a state's directory with the SHA-256 of each in hex, by their paths from it. The lock that a terraform that was killed leaves is
// no part of the state. A link or the like is none either, and is nothing that the agent keeps.
func Files(dir string) (map[string]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	files, left := map[string]string{}, int64(maxTree)
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".lock.info") {
			return err
		}
		if !d.Type().IsRegular() {
			files[name] = d.Type().String()
			return nil
		}
		f, err := foreign.OpenIn(root, name)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		sum := sha256.New()
		err = foreign.Copy(sum, f, left)
		files[name], left = hex.EncodeToString(sum.Sum(nil)), left-info.Size()
		return err
	})
	return files, err
}

// copyPrivate is [CopyTree] into a directory that nobody else gets into meanwhile.
func copyPrivate(to, from string) error {
	if err := errors.Join(os.RemoveAll(to), os.Mkdir(to, 0o700)); err != nil {
		return err
	}
	return CopyTree(to, from)
}

// CopyTree copies a directory that is not there yet; links in it are copied and never followed.
func CopyTree(to, from string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	var size int64
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if size += info.Size(); size > maxTree {
			return &foreign.TooLargeError{Name: from, Most: maxTree}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return os.CopyFS(to, root.FS())
}
