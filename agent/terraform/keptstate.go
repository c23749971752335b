package terraform

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sallyport/agent/foreign"
	"sallyport/agent/terraform/diag"
)

// A plan needs the directory of the state that the agent keeps, to lock it, and code that runs while it is made can write there.
// Nobody has approved anything yet: what it changes is put back, and the plan is refused.

// keptBefore is where the state lies, beside the plan, as it was before anything of the repository's ran.
const keptBefore = "state-before"

// copyState copies the state for [planner.stateUntouched]. Where a user is not one run's alone nobody could say who changed it.
func (p *planner) copyState() error {
	o := &p.o
	if !p.keptDir || o.NoLock || o.User == nil || !o.User.Exclusive {
		return nil
	}
	files, err := stateFiles(o.StateDir)
	if err == nil {
		err = copyPrivate(filepath.Join(o.OutDir, keptBefore), o.StateDir)
	}
	if err != nil {
		return fmt.Errorf("copying the state: %w", err)
	}
	p.before = files
	return nil
}

// stateUntouched is an error if the state is not what it was, and puts it back then.
func (p *planner) stateUntouched() error {
	o := &p.o
	if p.before == nil {
		return nil
	}
	if err := o.User.End(); err != nil {
		return err
	}
	copied := filepath.Join(o.OutDir, keptBefore)
	now, err := stateFiles(o.StateDir)
	if err == nil {
		if p.res.WorkspaceCreated { // by terraform, for us
			made := path.Join(filepath.Base(workspacesPath(o.StateDir)), o.Workspace)
			maps.DeleteFunc(now, func(name, _ string) bool { return strings.HasPrefix(name, made+"/") && p.before[name] == "" })
		}
		if maps.Equal(now, p.before) {
			return os.RemoveAll(copied)
		}
	}
	if err := errors.Join(os.RemoveAll(o.StateDir), copyPrivate(o.StateDir, copied)); err != nil {
		return fmt.Errorf("putting the state back, which was changed while it was planned; as it was it is in %s: %w", copied, err)
	}
	return errors.Join(os.RemoveAll(copied), &diag.Error{Op: "plan", ExitCode: -1,
		Err:  fmt.Errorf("what runs while %s is planned has changed its state (%s); that was taken back", o.Stack, strings.Join(changedNames(p.before, now), ", ")),
		Hint: "find out which of the programs that a plan of this commit runs did that; a plan must only read"})
}

// stateFiles are the files of a state's directory with the digest of each. The lock that a terraform that was killed leaves is
// no part of the state. A link or the like is none either, and is nothing that the agent keeps.
func stateFiles(dir string) (map[string]string, error) {
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

// copyPrivate is [copyTree] into a directory that nobody else gets into meanwhile.
func copyPrivate(to, from string) error {
	if err := errors.Join(os.RemoveAll(to), os.Mkdir(to, 0o700)); err != nil {
		return err
	}
	return copyTree(to, from)
}

// changedNames are the files that differ, sorted.
func changedNames(before, now map[string]string) []string {
	names := map[string]bool{}
	for _, files := range []map[string]string{before, now} {
		for name := range files {
			if before[name] != now[name] {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
