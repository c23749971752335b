package keptstate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"sallyport/agent/foreign"
	"sallyport/agent/hint"
	"sallyport/store/disk"
)

// The files in the place where a state is noted: the state as it was, and what belongs to it. The second is written last, and durably;
// what is copied need not be, since it is looked at before it is used.
const (
	beforeFiles  = "files"
	beforeDigest = "files.json"
)

// maxBefore bounds the second, in bytes.
const maxBefore = 16 << 20

// Note writes down what a state is, in a directory where nobody but the agent comes: one place for each stack. What was noted there is
// forgotten.
func Note(state, before string) error {
	files, err := Files(state)
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	text, err := json.Marshal(files)
	if err == nil {
		err = errors.Join(os.RemoveAll(before), disk.MkdirAll(before))
	}
	if err == nil {
		err = copyPrivate(filepath.Join(before, beforeFiles), state)
	}
	if err == nil {
		err = disk.WriteFile(filepath.Join(before, beforeDigest), text)
	}
	if err != nil {
		return fmt.Errorf("copying the state: %w", err)
	}
	return nil
}

// Settle compares a state with what was noted of it when a plan began that nobody saw the end of, puts it back and forgets
// the note. It returns the names of the files that were other ones; none too if nothing was noted. The changed state is moved to
// aside, which must not be there yet: should it be somebody's work of since, it is not lost; if aside is empty it is dropped. With an error nothing may work with
// the state: it is not known to be what it was. Nobody else may write to it meanwhile.
func Settle(state, before, aside string) (changed []string, err error) {
	note := filepath.Join(before, beforeDigest)
	text, err := foreign.ReadFile(note, maxBefore)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, os.RemoveAll(before) // of a copy that was not whole: nothing was at work yet
	}
	var was map[string]string
	if err == nil {
		err = json.Unmarshal(text, &was)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the state in %s was before it was planned: %w", state, err)
	}
	now, err := Files(state)
	if err == nil && maps.Equal(now, was) {
		return nil, forgetBefore(before)
	}
	copied := filepath.Join(before, beforeFiles)
	kept, copyErr := Files(copied)
	if copyErr != nil || !maps.Equal(kept, was) {
		return nil, hint.With(fmt.Errorf("the state in %s was changed while it was planned, and the copy of before in %s is not whole", state, copied),
			"compare the two with what sallyport state list shows, mend the state, then remove %s", before)
	}
	err = nil
	if aside != "" {
		err = errors.Join(disk.MkdirAll(filepath.Dir(aside)), disk.IgnoreMissing(os.Rename(state, aside)))
	}
	if err == nil {
		err = errors.Join(os.RemoveAll(state), copyPrivate(state, copied))
	}
	if err != nil {
		return nil, fmt.Errorf("putting the state back, which was changed while it was planned; as it was it is in %s: %w", copied, err)
	}
	return changedNames(was, now), forgetBefore(before)
}

// forgetBefore removes a note: what says that there is one goes first.
func forgetBefore(before string) error {
	return errors.Join(disk.IgnoreMissing(os.Remove(filepath.Join(before, beforeDigest))), os.RemoveAll(before))
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
