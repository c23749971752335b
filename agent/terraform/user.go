package terraform

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sallyport/agent/asuser"
	"sallyport/agent/foreign"
)

// What the agent writes for terraform and what it takes from it when terraform runs as another user. The rule is that of
// package asuser: nothing in a directory of that user's is reached through a link.

// LendForApply lets a user at what an apply reads beside its plan, in the plan's OutDir.
func LendForApply(outDir string, user *asuser.User) error {
	if user == nil {
		return nil
	}
	if err := user.Enter(outDir); err != nil {
		return err
	}
	if err := user.Share(filepath.Join(outDir, rcFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// maxTree bounds what is copied of a directory, and maxPlan a plan file, in bytes: a sparse file costs its maker nothing.
const (
	maxTree = 4 << 30
	maxPlan = 2 << 30
)

// copyTree copies a directory that is not there yet; links in it are copied and never followed.
func copyTree(to, from string) error {
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
