package rundir

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

// RecordFile lies in the directory of every run that was applied: the run as it was when that was decided, with plan and
// decisions, and once the apply has ended, as it ended. Together with the runner's claim and result it is a second memory of
// what was applied, for the day when the store is lost.
const RecordFile = "run.json"

// An UnkeptError says that a run's record could not be written. Nothing is applied without one.
type UnkeptError struct{ cause error }

func (e *UnkeptError) Error() string { return "writing the run's record: " + e.cause.Error() }

func (e *UnkeptError) Unwrap() error { return e.cause }

// WriteRecord writes a run's record, whole and durable.
func WriteRecord(runDir string, run *store.Run) error {
	raw, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		return &UnkeptError{err}
	}
	if err := disk.WriteFile(filepath.Join(runDir, RecordFile), append(raw, '\n')); err != nil {
		return &UnkeptError{err}
	}
	return nil
}

// ReadRecord reads a run's record; nil if there is none.
func ReadRecord(runDir string, id int) (*store.Run, error) {
	raw, err := os.ReadFile(filepath.Join(runDir, RecordFile))
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

// EndRecord brings the record of an apply that has ended up to date, once.
func EndRecord(runDir string, run *store.Run) error {
	have, err := ReadRecord(runDir, run.ID)
	if err == nil && (have == nil || have.Status == run.Status) {
		return nil // an older version wrote none
	}
	return WriteRecord(runDir, run)
}
