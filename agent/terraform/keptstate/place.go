package keptstate

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sallyport/agent/foreign"
	"sallyport/agent/terraform/planjson"
	"sallyport/agent/terraform/private"
)

// OverrideFile is generated into a root module whose state the agent keeps. Terraform merges override files in the
// order of their names after everything else. No file of the repository's may have a name with this stem.
const (
	OverrideStem = "sallyport_override"
	OverrideFile = OverrideStem + ".tf.json"
)

// Path is where the state of the default workspace lies.
func Path(stateDir string) string { return filepath.Join(stateDir, "terraform.tfstate") }

// Workspaces is where the states of other workspaces lie, each in a directory of its name.
func Workspaces(stateDir string) string { return filepath.Join(stateDir, "workspaces") }

// Of is where the state of a workspace lies; empty: the default one.
func Of(stateDir, workspace string) string {
	if workspace == "" || workspace == "default" {
		return Path(stateDir)
	}
	return filepath.Join(Workspaces(stateDir), workspace, filepath.Base(Path(stateDir)))
}

// Read reads the state that the agent keeps in a directory, of a workspace. The error is fs.ErrNotExist where there is none.
func Read(stateDir, workspace string) ([]byte, error) {
	f, err := foreign.OpenBelow(stateDir, Of(stateDir, workspace))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return foreign.Read(f, planjson.MaxState)
}

// Identity says which state that is, by its lineage, serial and size. The error is fs.ErrNotExist where there is none.
func Identity(stateDir, workspace string) (planjson.State, error) {
	f, err := foreign.OpenBelow(stateDir, Of(stateDir, workspace))
	if err != nil {
		return planjson.State{}, err
	}
	defer func() { _ = f.Close() }()
	return planjson.ParseState(io.LimitReader(f, planjson.MaxState))
}

// PutAside renames a state that the agent keeps and that is somewhere else now, so that no plan finds it again.
func PutAside(stateDir, workspace, suffix string) (string, error) {
	from := Of(stateDir, workspace)
	return from + suffix, os.Rename(from, from+suffix)
}

// WriteOverride writes the override file into a root module, by which its state lies in a directory of the agent's.
func WriteOverride(workDir, stateDir string) error {
	type local struct {
		Path         string `json:"path"`
		WorkspaceDir string `json:"workspace_dir"`
	}
	type backend struct {
		Local local `json:"local"`
	}
	type terraform struct {
		Backend backend `json:"backend"`
	}
	text, err := json.MarshalIndent(struct {
		Terraform terraform `json:"terraform"`
	}{terraform{backend{local{
		Path: Path(stateDir), WorkspaceDir: Workspaces(stateDir),
	}}}}, "", "  ")
	if err != nil {
		return fmt.Errorf("rendering the backend: %w", err)
	}
	if err := private.Create(filepath.Join(workDir, OverrideFile), text); err != nil {
		return fmt.Errorf("writing the backend into the checkout: %w", err)
	}
	return nil
}
