package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sallyport/store"
	"sallyport/store/disk"
)

// recordFile lies in the directory of every run that was applied: the run as it was when that was decided, with plan and
// decisions, and once the apply has ended, as it ended. Together with the runner's claim and result it is a second memory of
// what was applied, for the day when the store is lost.
const recordFile = "run.json"

// An unkeptError says that a run's record could not be written. Nothing is applied without one.
type unkeptError struct{ cause error }

func (e *unkeptError) Error() string { return "writing the run's record: " + e.cause.Error() }
func (e *unkeptError) Unwrap() error { return e.cause }

// writeRecord writes a run's record, whole and durable.
func writeRecord(runDir string, run *store.Run) error {
	raw, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		return &unkeptError{err}
	}
	if err := disk.WriteFile(filepath.Join(runDir, recordFile), append(raw, '\n')); err != nil {
		return &unkeptError{err}
	}
	return nil
}

// readRecord reads a run's record; nil if there is none.
func readRecord(runDir string, id int) (*store.Run, error) {
	raw, err := os.ReadFile(filepath.Join(runDir, recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the record of run #%d: %w", id, err)
	}
	var run store.Run
	if err := json.Unmarshal(raw, &run); err != nil {
		return nil, fmt.Errorf("reading the record of run #%d: %w", id, err)
	}
	if run.ID != id || run.Plan == nil || run.Apply == nil {
		return nil, fmt.Errorf("reading the record of run #%d: it is of #%d, or not of an apply", id, run.ID)
	}
	return &run, nil
}

// endRecord brings the record of an apply that has ended up to date, once.
func endRecord(runDir string, run *store.Run) error {
	have, err := readRecord(runDir, run.ID)
	if err == nil && (have == nil || have.Status == run.Status) {
		return nil // an older version wrote none
	}
	return writeRecord(runDir, run)
}
