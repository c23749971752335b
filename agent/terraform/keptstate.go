package terraform

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	"sallyport/agent/hint"
	"sallyport/agent/terraform/diag"
	"sallyport/store/disk"
)

// A plan needs the directory of the state that the agent keeps, to lock it, and code that runs while it is made can write there.
// Nobody has approved anything yet: what it changes is put back, and the plan is refused.
//
// An agent that is killed meanwhile sees none of that. So what the state was is written down where nobody but the agent comes,
// one place for each stack, before that code runs; and whoever takes the state next, or the next agent's start, puts it back
// first: see [SettleState]. Where nothing is written down nothing was at work.

// The files in [PlanOptions.StateBefore]: the state as it was, and what belongs to it. The second is written last, and durably;
// what is copied need not be, since it is looked at before it is used.
const (
	beforeFiles  = "files"
	beforeDigest = "files.json"
)

// maxBefore bounds the second, in bytes.
const maxBefore = 16 << 20

// copyState notes the state for [planner.stateUntouched]. Where a user is not one run's alone nobody could say who changed it.
func (p *planner) copyState() error {
	o := &p.o
	if !p.keptDir || o.NoLock || o.User == nil || !o.User.Exclusive || o.Rehearsal { // a copy is thrown away
		return nil
	}
	if o.StateBefore == "" {
		return errors.New("there is no place to note the state in")
	}
	files, err := stateFiles(o.StateDir)
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	text, err := json.Marshal(files)
	if err == nil {
		err = errors.Join(os.RemoveAll(o.StateBefore), disk.MkdirAll(o.StateBefore))
	}
	if err == nil {
		err = copyPrivate(filepath.Join(o.StateBefore, beforeFiles), o.StateDir)
	}
	if err == nil {
		err = disk.WriteFile(filepath.Join(o.StateBefore, beforeDigest), text)
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
	ours := ""
	if p.res.WorkspaceCreated { // by terraform, for us
		ours = path.Join(filepath.Base(workspacesPath(o.StateDir)), o.Workspace) + "/"
	}
	changed, err := settleState(settling{state: o.StateDir, before: o.StateBefore, ours: ours})
	if err != nil || len(changed) == 0 {
		return err
	}
	return &diag.Error{Op: "plan", ExitCode: -1,
		Err:  fmt.Errorf("what runs while %s is planned has changed its state (%s); that was taken back", o.Stack, strings.Join(changed, ", ")),
		Hint: "find out which of the programs that a plan of this commit runs did that; a plan must only read"}
}

// SettleState compares a state with what was noted of it when a plan began that nobody saw the end of, puts it back and forgets
// the note. It returns the names of the files that were other ones; none too if nothing was noted. The changed state is moved to
// aside, which must not be there yet: should it be somebody's work of since, it is not lost. With an error nothing may work with
// the state: it is not known to be what it was. Nobody else may write to it meanwhile.
func SettleState(state, before, aside string) (changed []string, err error) {
	return settleState(settling{state: state, before: before, aside: aside})
}

// settling are the places of a state that is put back.
type settling struct {
	state, before string
	aside         string // empty: what was changed is dropped
	ours          string // what was added below this stays; empty: nothing
}

func settleState(s settling) (changed []string, err error) {
	note := filepath.Join(s.before, beforeDigest)
	text, err := foreign.ReadFile(note, maxBefore)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, os.RemoveAll(s.before) // of a copy that was not whole: nothing was at work yet
	}
	var was map[string]string
	if err == nil {
		err = json.Unmarshal(text, &was)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the state in %s was before it was planned: %w", s.state, err)
	}
	now, err := stateFiles(s.state)
	if err == nil {
		maps.DeleteFunc(now, func(name, _ string) bool { return s.ours != "" && strings.HasPrefix(name, s.ours) && was[name] == "" })
		if maps.Equal(now, was) {
			return nil, forgetBefore(s.before)
		}
	}
	copied := filepath.Join(s.before, beforeFiles)
	kept, copyErr := stateFiles(copied)
	if copyErr != nil || !maps.Equal(kept, was) {
		return nil, hint.With(fmt.Errorf("the state in %s was changed while it was planned, and the copy of before in %s is not whole", s.state, copied),
			"compare the two with what sallyport state list shows, mend the state, then remove %s", s.before)
	}
	err = nil
	if s.aside != "" {
		err = errors.Join(disk.MkdirAll(filepath.Dir(s.aside)), disk.IgnoreMissing(os.Rename(s.state, s.aside)))
	}
	if err == nil {
		err = errors.Join(os.RemoveAll(s.state), copyPrivate(s.state, copied))
	}
	if err != nil {
		return nil, fmt.Errorf("putting the state back, which was changed while it was planned; as it was it is in %s: %w", copied, err)
	}
	return changedNames(was, now), forgetBefore(s.before)
}

// forgetBefore removes a note: what says that there is one goes first.
func forgetBefore(before string) error {
	return errors.Join(disk.IgnoreMissing(os.Remove(filepath.Join(before, beforeDigest))), os.RemoveAll(before))
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
