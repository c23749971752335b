// Package kept is about the states that the agent keeps itself, for stacks without a backend: where each lies, and whose it is.
// A note beside a state names its owner, so that a stack that was renamed or moved never takes up the state of another one;
// [Move] gives it to its new owner.
package kept

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/foreign"
	"sallyport/agent/hint"
	"sallyport/store/disk"
)

// owner is written beside a state that the agent keeps, so that a renamed or moved stack never picks up the
// state of another one.
type owner struct {
	Repository string `json:"repository"`
	Dir        string `json:"dir"`
	Workspace  string `json:"workspace"`
}

// ownerFile is the name of that note, and maxOwner bounds it, in bytes.
const (
	ownerFile = "owner.json"
	maxOwner  = 64 << 10
)

// Dir is where the agent would keep a stack's state, made if it is not there; whose it is is checked if there is a state. Another
// owner's is a [hint.Refusal].
func Dir(dataDir string, s *config.Stack) (string, error) {
	dir := datadir.State(dataDir, s.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the state's directory: %w", err)
	}
	want := owner{s.Repository, s.Dir, s.Workspace}
	file := filepath.Join(dir, ownerFile)
	data, err := foreign.ReadFile(file, maxOwner)
	if errors.Is(err, os.ErrNotExist) {
		data, err = json.Marshal(want)
		if err != nil {
			return "", err
		}
		if err := disk.WriteFile(file, data); err != nil {
			return "", fmt.Errorf("writing down whose state this is: %w", err)
		}
		return dir, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading whose state this is: %w", err)
	}
	var have owner
	if err := json.Unmarshal(data, &have); err != nil {
		return "", fmt.Errorf("reading %s: %w", file, err)
	}
	if have != want && hasState(dir) {
		return "", hint.Refuse(fmt.Sprintf("if the stack really moved: sallyport state move %s %s; otherwise give the stack another name", s.Name, s.Name),
			"the state kept for %s belongs to repository %s, directory %s, workspace %s, and the stack is now repository %s, directory %s, workspace %s",
			s.Name, have.Repository, have.Dir, have.Workspace, want.Repository, want.Dir, want.Workspace)
	}
	if have != want {
		if err := os.Remove(file); err != nil {
			return "", err
		}
		return Dir(dataDir, s)
	}
	return dir, nil
}

// hasState reports whether anything but the owner's note lies in a state directory.
func hasState(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err != nil || len(entries) > 1
}
