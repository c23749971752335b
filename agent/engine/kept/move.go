package kept

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/store/disk"
)

// Move makes the state that is kept for an old name of a stack, and its copies, those of the stack, and writes down that they
// are. moved tells whether there was a state. It may be repeated after a crash: what has moved already is left alone.
func Move(dataDir, old string, s *config.Stack) (moved bool, err error) {
	from, to := datadir.State(dataDir, old), datadir.State(dataDir, s.Name)
	if old != s.Name {
		if moved, err = renameDir(from, to, hasState); err != nil {
			return false, fmt.Errorf("moving the state: %w", err)
		}
		if _, err := renameDir(datadir.StateCopies(dataDir, old), datadir.StateCopies(dataDir, s.Name), notEmpty); err != nil {
			return false, fmt.Errorf("moving the copies of the state: %w", err)
		}
	} else {
		moved = exists(to) && hasState(to)
	}
	if !exists(to) {
		return moved, nil
	}
	if owner, err := asuser.Owner(to); err == nil && owner != os.Geteuid() {
		if err := asuser.Reclaim(to); err != nil {
			return moved, err
		}
	}
	note, err := json.Marshal(owner{s.Repository, s.Dir, s.Workspace})
	if err != nil {
		return moved, err
	}
	if err := disk.WriteFile(filepath.Join(to, ownerFile), note); err != nil {
		return moved, fmt.Errorf("writing down whose state this is: %w", err)
	}
	return moved, nil
}

// renameDir moves a directory to where there is none, or one in which nothing is kept; it reports whether what was moved keeps
// something. None to be moved is none moved.
func renameDir(from, to string, keeps func(string) bool) (moved bool, err error) {
	if !exists(from) {
		return exists(to) && keeps(to), nil
	}
	moved = keeps(from)
	if exists(to) {
		if keeps(to) && moved {
			return false, hint.Refuse("look at both, and move away what nobody needs", "there is something in %s already", to)
		}
		if keeps(to) {
			return true, nil // an earlier try has moved it
		}
		if err := os.RemoveAll(to); err != nil {
			return false, err
		}
	}
	return moved, os.Rename(from, to)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// notEmpty reports whether anything lies in a directory, or nobody can tell.
func notEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err != nil || len(entries) > 0
}
