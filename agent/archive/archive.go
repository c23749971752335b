// Package archive keeps what must not be lost beside the place where it is used: a backup of the whole data directory, and copies of
// the states of stacks.
//
// # Backups
//
// A backup is one zstd-compressed tar archive: a manifest, then the store, then the states that the agent keeps and the copies of
// states. It holds secrets in clear, as terraform's states do. [Write] makes one while everything goes on being used; [Restore]
// unpacks one into an empty data directory, where nothing gets its place before all of it was read and the store in it was
// checked. [Verify] reads one in the same way and touches nothing. [Record] is what the store remembers of the backups that leave the machine.
//
// # Copies of states
//
// Before an apply, and before a person's command or a restore replaces a state, [KeepState] writes a copy of it, which is durable
// when it returns. The last twenty of each stack stay. [StateCopies] lists them, and [FindState] finds one by the name or the serial
// that a person gives.
package archive

import "errors"

// The errors that are told apart.
var (
	// ErrNotFound is that of a stack that is not there, or of a copy.
	ErrNotFound = errors.New("not found")
	// ErrConflict is that of a serial which several copies have, and of a state that is being written all the time.
	ErrConflict = errors.New("conflict")
)

// answer is one of these errors in words for people.
type answer struct {
	is         error
	text, next string
}

// Error implements error.
func (a *answer) Error() string { return a.text }

// Unwrap gives the error that it is.
func (a *answer) Unwrap() error { return a.is }

// UserHint tells what to do next.
func (a *answer) UserHint() string { return a.next }
