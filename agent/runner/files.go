package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sallyport/store/disk"
)

// The names of a run's files; see the package comment.
const (
	lockFile    = "lock"
	claimFile   = "claim"
	runnerFile  = "runner.json"
	cancelFile  = "cancel"
	startedFile = "started"
	streamFile  = "apply.jsonl"
	stderrFile  = "apply.err"
	logFile     = "runner.log"
	resultFile  = "result.json"
	reserveFile = "result.new"
	erroredFile = "errored.tfstate"
	madeFile    = "manifest.json"
	vacatedFile = "vacated"
	copyDir     = "apply"
	tempDir     = "tmp"
)

// A Claim says that an apply was started, and which. It holds nothing secret.
type Claim struct {
	Run       int       `json:"run"`
	Engine    string    `json:"engine,omitempty"`
	Program   string    `json:"program,omitempty"` // what people call it, where that is not the engine's name
	Digest    string    `json:"digest"`            // of the plan
	Dir       string    `json:"dir"`               // terraform's working directory
	BootID    string    `json:"boot_id,omitempty"`
	StartedAt time.Time `json:"started_at"`
	// LockAlone: only the runner holds the run's lock. What terraform has started is looked for among the processes.
	LockAlone bool `json:"lock_alone,omitempty"`
	// UID is the user whose processes are all of this run, until it is noted that none is left; 0: there is no such user.
	UID int `json:"uid,omitempty"`
}

// startMark is what is written down right before terraform is executed.
type startMark struct {
	Temp string `json:"temp,omitempty"` // its TMPDIR, where that is not in the run's directory
}

// A Result says how an apply ended, as far as the runner saw it. It holds nothing secret.
type Result struct {
	Run    int    `json:"run"`
	Digest string `json:"digest"` // of the plan that the job named
	// ExitCode is terraform's own; -1 if there is none, because it was not executed or died of a signal.
	ExitCode int    `json:"exit_code"`
	Signal   string `json:"signal,omitempty"` // SIGKILL and the like: terraform did not end by itself
	// Refused says why terraform was not executed, for people. Then nothing was changed.
	Refused string `json:"refused,omitempty"`
	// Orphaned: it was refused only because the agent died before it had handed the job over.
	Orphaned bool `json:"orphaned,omitempty"`
	// Interrupted: terraform was asked to stop, through the runner or by a shutdown of the machine. It may have
	// ended well all the same.
	Interrupted bool      `json:"interrupted,omitempty"`
	StartedAt   time.Time `json:"started_at"`
	EndedAt     time.Time `json:"ended_at"`
	// ErroredState is the path of the state that terraform could not save in its backend. The stack must not be
	// planned before it was pushed there: the plan would want to make everything again.
	ErroredState string `json:"errored_state,omitempty"`
}

// OK reports whether terraform was executed and said that everything was applied.
func (r *Result) OK() bool { return r.Refused == "" && r.Signal == "" && r.ExitCode == 0 }

// ReadResult reads how a run's apply ended. The error is fs.ErrNotExist while there is no result.
func ReadResult(runDir string) (*Result, error) {
	var r Result
	if err := readJSON(runDir, resultFile, &r); err != nil {
		return nil, fmt.Errorf("reading the result of an apply: %w", err)
	}
	return &r, nil
}

// errDamaged marks a file that is there and does not make sense.
var errDamaged = errors.New("damaged")

func readJSON(dir, name string, v any) error {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s is %w: %w", name, errDamaged, err)
	}
	return nil
}

// createJSON makes a file that must not exist (fs.ErrExist) and is durable, with its name, on return. After any
// other error it does not exist.
func createJSON(dir, name string, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := errors.Join(fill(f, append(payload, '\n')), disk.Sync(dir)); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// touch makes an empty file, durably. It is all right if it exists.
func touch(dir, name string) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), disk.Sync(dir))
}

// replaceJSON makes or replaces a file: readers see the old one or the whole new one, also after a crash.
func replaceJSON(dir, name string, v any) error {
	payload, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return disk.WriteFile(filepath.Join(dir, name), append(payload, '\n'))
}

// showJSON makes a file that readers see whole or not at all, and that need not outlast the machine: the start of an apply
// does not wait for the disk.
func showJSON(dir, name string, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(payload, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, disk.IgnoreMissing(os.Remove(f.Name())))
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return errors.Join(err, disk.IgnoreMissing(os.Remove(f.Name())))
	}
	return nil
}

// fill makes payload the durable content of a file.
func fill(f *os.File, payload []byte) error {
	if _, err := f.WriteAt(payload, 0); err != nil {
		return err
	}
	return errors.Join(f.Truncate(int64(len(payload))), f.Sync())
}

// Clean removes what a run that has ended does not need and may hold secrets: copies of the plan and terraform's
// temporary files. The record of the apply stays. While somebody still holds the lock it does nothing.
func Clean(runDir string) error {
	s, err := Attach(runDir)
	if err != nil {
		return err
	}
	if s.Phase == Running || s.StillHeld {
		return nil
	}
	err = errors.Join(
		os.RemoveAll(filepath.Join(runDir, copyDir)),
		os.RemoveAll(filepath.Join(runDir, tempDir)),
		disk.IgnoreMissing(os.Remove(filepath.Join(runDir, reserveFile))))
	if err != nil {
		return fmt.Errorf("cleaning up after an apply: %w", err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// now is the time as it is recorded: UTC and without a monotonic part, which means nothing in another process.
func now() time.Time { return time.Now().UTC().Round(0) }
