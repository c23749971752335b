package store

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	bolterrors "go.etcd.io/bbolt/errors"

	"sallyport/store/holder"
)

// What can be wrong, for errors.Is. Those with a type of their own carry the details for errors.As.
var (
	// ErrNotFound: there is no such run, thread, text or message.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the run's status is not the expected one any more. See [ConflictError].
	ErrConflict = errors.New("the run has moved")
	// ErrNotAllowed: no run may go this way. See [NotAllowedError].
	ErrNotAllowed = errors.New("transition not allowed")
	// ErrOpenRun: the stack has a run that has not ended. See [OpenRunError].
	ErrOpenRun = errors.New("the stack has an open run")
	// ErrReplaced: the outbox message was replaced by a newer one with the same key since it was read.
	ErrReplaced = errors.New("the message was replaced by a newer one")
	// ErrTooLarge: the plan text is larger than what the store keeps; the caller keeps a file instead.
	ErrTooLarge = errors.New("too large for the store")
	// ErrDamaged: what was read is not what was written. See [DamagedError].
	ErrDamaged = errors.New("the store is damaged")
	// ErrLocked: another process has the file. See [LockedError].
	ErrLocked = errors.New("the store is in use")
	// ErrNewerSchema: a newer version of the program wrote the file. See [SchemaError].
	ErrNewerSchema = errors.New("the store was written by a newer version")
	// ErrNotLeading: others share the store, and it is not this process that leads. See [NotLeadingError].
	ErrNotLeading = errors.New("the store is shared, and this process does not lead")
	// ErrSkipped: the entry is not the one that follows. See [SkippedError].
	ErrSkipped = errors.New("the entry does not follow what the store says")
	// ErrFull: the disk, the quota or Options.MaxSize is exhausted; errors.Is also finds the cause, such as
	// syscall.ENOSPC.
	ErrFull = errors.New("the store is full")
)

// A ConflictError says that a run is not in the status that the caller saw. It is [ErrConflict].
type ConflictError struct {
	ID         int
	Want, Have Status
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("run #%d is %s, not %s any more", e.ID, e.Have, e.Want)
}

// Is makes errors.Is find ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// A NotAllowedError says that a transition is not in the table. It is [ErrNotAllowed].
type NotAllowedError struct {
	ID       int
	From, To Status
}

func (e *NotAllowedError) Error() string {
	if e.From.Terminal() {
		return fmt.Sprintf("run #%d has ended as %s and cannot become %s", e.ID, e.From, e.To)
	}
	return fmt.Sprintf("run #%d cannot go from %s to %s", e.ID, e.From, e.To)
}

// Is makes errors.Is find ErrNotAllowed.
func (e *NotAllowedError) Is(target error) bool { return target == ErrNotAllowed }

// An OpenRunError names the run that keeps a stack from getting another one. It is [ErrOpenRun].
type OpenRunError struct {
	Stack string
	ID    int
}

func (e *OpenRunError) Error() string {
	return fmt.Sprintf("stack %s has run #%d, which has not ended", e.Stack, e.ID)
}

// Is makes errors.Is find ErrOpenRun.
func (e *OpenRunError) Is(target error) bool { return target == ErrOpenRun }

// A DamagedError says which record is not what was written, and how that shows. It is [ErrDamaged].
type DamagedError struct {
	Bucket string // empty: the file as a whole
	Key    string // for people: a number, a quoted name, or hex
	Err    error
}

func (e *DamagedError) Error() string {
	switch {
	case e.Bucket == "":
		return fmt.Sprintf("damaged store: %v", e.Err)
	case e.Key == "":
		return fmt.Sprintf("damaged store: bucket %s: %v", e.Bucket, e.Err)
	default:
		return fmt.Sprintf("damaged store: bucket %s, key %s: %v", e.Bucket, e.Key, e.Err)
	}
}

// Is makes errors.Is find ErrDamaged.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// Unwrap returns how the damage shows.
func (e *DamagedError) Unwrap() error { return e.Err }

// A SchemaError carries the schema of the file and the newest one that this program knows. It is [ErrNewerSchema].
type SchemaError struct {
	Have, Known int
	Copy        string // the store as it was before the newer program brought it forward; empty if there is none
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("the store has schema %d, this version knows up to %d", e.Have, e.Known)
}

// UserHint says how to go on.
func (e *SchemaError) UserHint() string {
	if e.Copy == "" {
		return "install the newer version again"
	}
	path := strings.TrimSuffix(e.Copy, fmt.Sprintf(".schema-%d", e.Known))
	return fmt.Sprintf("install the newer version again; or go back to the store as it was before the upgrade, which forgets what happened since, and keep the other: "+
		"mv %s %s.newer && mv %s %s", path, path, e.Copy, path)
}

// Is makes errors.Is find ErrNewerSchema.
func (e *SchemaError) Is(target error) bool { return target == ErrNewerSchema }

// A NotLeadingError says that a store which others share was to be written by somebody who does not lead. It is [ErrNotLeading].
type NotLeadingError struct {
	Path   string
	Fenced bool // it was opened as one that others share
}

func (e *NotLeadingError) Error() string {
	if e.Fenced {
		return ErrNotLeading.Error()
	}
	return fmt.Sprintf("%s is shared with other agents through etcd, and only the one that leads writes it", e.Path)
}

// UserHint says how to go on.
func (e *NotLeadingError) UserHint() string {
	if e.Fenced {
		return ""
	}
	return "put the standby block back into the configuration; or stop all agents that share it, and run `sallyport lead --leave` to go on here alone"
}

// Is makes errors.Is find ErrNotLeading.
func (e *NotLeadingError) Is(target error) bool { return target == ErrNotLeading }

// A SkippedError says where the store stands, and which entry it was given. It is [ErrSkipped].
type SkippedError struct{ Head, Entry Head }

func (e *SkippedError) Error() string {
	switch {
	case e.Head.Life != e.Entry.Life:
		return fmt.Sprintf("the entry is of another life, %s, than the store's, %q", e.Entry.Life, e.Head.Life)
	case e.Head.Number+1 != e.Entry.Number:
		return fmt.Sprintf("the store has %d entries, and this one is number %d", e.Head.Number, e.Entry.Number)
	}
	return fmt.Sprintf("entry %d was written after another entry %d than the store has", e.Entry.Number, e.Head.Number)
}

// Is makes errors.Is find ErrSkipped.
func (e *SkippedError) Is(target error) bool { return target == ErrSkipped }

// lockedBy describes who holds the lock of the file at path, as far as the kernel tells.
func lockedBy(path string) *LockedError {
	by := holder.Of(path)
	return &LockedError{Path: path, PID: by.PID, Command: by.Command}
}

// A LockedError says who has the file. It is [ErrLocked].
type LockedError struct {
	Path    string
	PID     int    // 0 if it could not be found out
	Command string // program and verb, for people; empty if it could not be found out
}

func (e *LockedError) Error() string {
	switch {
	case e.PID == 0:
		return fmt.Sprintf("%s is in use by another process", e.Path)
	case e.Command == "":
		return fmt.Sprintf("%s is in use by process %d", e.Path, e.PID)
	default:
		return fmt.Sprintf("%s is in use by process %d (%s)", e.Path, e.PID, e.Command)
	}
}

// Is makes errors.Is find ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// fullError is ErrFull and its cause in one.
type fullError struct {
	cause error
	errno error // what the cause says only as text; nil if errors.Is finds it in the cause
}

func (e *fullError) Error() string { return "the store is full: " + e.cause.Error() }

func (e *fullError) Unwrap() []error {
	if e.errno != nil {
		return []error{ErrFull, e.cause, e.errno}
	}
	return []error{ErrFull, e.cause}
}

// explain turns bbolt's errors into ours. bbolt wraps those of growing the file with %s, so there the text is all that
// is left of the errno.
func explain(err error) error {
	if err == nil || errors.Is(err, ErrFull) {
		return err
	}
	for _, cause := range []error{bolterrors.ErrMaxSizeReached, syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, cause) {
			return &fullError{cause: err}
		}
		if strings.HasSuffix(err.Error(), ": "+cause.Error()) {
			return &fullError{cause: err, errno: cause}
		}
	}
	return err
}
