package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sallyport/agent/control"
	"sallyport/agent/fault"
	"sallyport/agent/runner"
	"sallyport/store/disk"
)

// keptLogFile is the log of an ended apply as people may read it. Terraform's own stream holds whatever commands
// printed, secrets included, and goes away once this is written.
const keptLogFile = "log.txt"

// rawLogFile is that stream.
const rawLogFile = "apply.jsonl"

// ReadLog is the log of a run's apply: the kept one of an apply that has ended, else what terraform has said so far,
// which is not redacted.
func ReadLog(runDir string) (string, error) {
	kept, err := os.ReadFile(filepath.Join(runDir, keptLogFile))
	if errors.Is(err, fs.ErrNotExist) {
		return runner.Log(runDir)
	}
	return string(kept), err
}

// ReadKeptLog is the log for whoever has no secrets to redact it with, the command line without an agent: that of an
// apply which has ended and been recorded. Of any other it is refused, and is not said to be missing: what is missing may be left out
// of an answer.
func ReadKeptLog(runDir string) (string, error) {
	kept, err := os.ReadFile(filepath.Join(runDir, keptLogFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(runDir, rawLogFile)); errors.Is(err, fs.ErrNotExist) {
			return "", control.Errorf(control.NotFound, "the log of this apply is not kept")
		}
		return "", control.Errorf(control.Refused, "the log of this apply is not redacted yet, which only the agent can do").
			WithHint("start the agent; what terraform has said so far, secrets included, is in %s", filepath.Join(runDir, rawLogFile))
	}
	return string(kept), err
}

// KeepLog writes the redacted log of an ended apply. The raw one stays until the run's end is in the store: what it
// tells of the end is read from there; so the one that is kept has to be durable before.
func KeepLog(runDir string, redact func(string) string) error {
	if _, err := os.Stat(filepath.Join(runDir, keptLogFile)); err == nil {
		return nil
	}
	text, err := runner.Log(runDir)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(filepath.Join(runDir, keptLogFile), []byte(redact(text))); err != nil {
		return fmt.Errorf("keeping the log: %w", err)
	}
	fault.Point("log kept")
	return nil
}

// DropRawLog removes terraform's own stream once the redacted log is written.
func DropRawLog(runDir string, redact func(string) string) error {
	if err := KeepLog(runDir, redact); err != nil {
		return err
	}
	for _, raw := range []string{rawLogFile, "apply.err"} {
		if err := os.Remove(filepath.Join(runDir, raw)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the raw log: %w", err)
		}
	}
	return nil
}
