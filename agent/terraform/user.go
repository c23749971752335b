package terraform

import (
	"errors"
	"io/fs"
	"path/filepath"

	"sallyport/agent/asuser"
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
