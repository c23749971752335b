// Package rundir is the directory of one run: where its plan, its checkout and the log of its apply lie, the record that is a second
// memory of what was applied, and how the directory goes away without ever looking like that of a run that was not applied.
package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/runner"
	"sallyport/store"
)

// KeepPlanText moves a plan's whole text out of the directory that goes away.
func KeepPlanText(dataDir string, run int) {
	open, ended := datadir.PlanText(dataDir, run)
	_ = os.Rename(open, ended) // absent: the store has it
}

// Claimed reports whether an apply was claimed in a run's directory. Such a directory is never planned in again.
func Claimed(dir string) bool {
	state, err := runner.Attach(dir)
	return err == nil && state.Phase != runner.NotStarted
}

// Remove removes a run's directory, by another name: after a crash in the middle it must not look like that of a
// run that never began to apply.
func Remove(dir string) error {
	aside := filepath.Join(filepath.Dir(dir), ".old-"+filepath.Base(dir))
	if err := os.RemoveAll(aside); err != nil { // of a crash before
		return fmt.Errorf("removing a run's directory: %w", err)
	}
	if err := os.Rename(dir, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a run's directory: %w", err)
	}
	if err := os.RemoveAll(aside); err != nil {
		return fmt.Errorf("removing a run's directory: %w", err)
	}
	return nil
}

// SavedStateFile is where a state lies that terraform could not write to its backend, in the run's directory.
const SavedStateFile = "errored.tfstate"

// RescueState brings such a state out of the checkout, which goes away. It returns where it is then; empty if there is none, or
// something else in its place.
func RescueState(dir, found string) (string, error) {
	if found == "" || found == filepath.Join(dir, SavedStateFile) {
		return found, nil
	}
	to, err := runner.KeepState(dir, found)
	if err != nil {
		return "", err
	}
	fault.Point("state rescued")
	return to, nil
}

// The directories inside a run's directory.
const (
	SourceDir = "src"  // the commit's files
	DataDir   = "data" // TF_DATA_DIR
	PlanDir   = "plan" // plan file, lock file, variables
	HomeDir   = "home" // of another user; see package asuser
)

// VerifyDirs are the two directories inside a run's in which its plan is made again before the apply. Each time it is made in the one
// that the run's record does not name, so that the plan which was approved stays whole until the new one has taken its place.
var VerifyDirs = [2]string{"again-a", "again-b"}

// PlanBase is the directory that the files of a run's plan lie in.
func PlanBase(dataDir string, run *store.Run) string {
	dir := datadir.Run(dataDir, run.ID)
	if run.Plan != nil {
		dir = filepath.Join(dir, run.Plan.Dir)
	}
	return dir
}
