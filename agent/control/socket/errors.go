package socket

import (
	"errors"
	"fmt"

	"sallyport/agent/unixsocket"
)

// ErrNoAgent is wrapped by every error that means: nobody answers at the socket.
var ErrNoAgent = errors.New("no agent answers")

// ErrInUse is wrapped when the socket belongs to an agent that is running.
var ErrInUse = unixsocket.ErrInUse

// NoAgentError says that nobody answers at a socket, and why.
type NoAgentError struct {
	Socket string
	Err    error
	Hint   string
}

// errNotAllowed is why somebody does not know whether an agent answers.
var errNotAllowed = errors.New("permission denied")

// NotAllowed reports whether an agent may be there, and whoever asked may not speak to it.
func (e *NoAgentError) NotAllowed() bool { return errors.Is(e.Err, errNotAllowed) }

// Error implements error.
func (e *NoAgentError) Error() string {
	if e.NotAllowed() {
		return fmt.Sprintf("this user may not open the agent's socket %s (%v), so that no agent answers", e.Socket, e.Err)
	}
	return fmt.Sprintf("no agent answers at %s: %v", e.Socket, e.Err)
}

// Unwrap gives ErrNoAgent and the cause.
func (e *NoAgentError) Unwrap() []error { return []error{ErrNoAgent, e.Err} }

// UserHint says what to do next.
func (e *NoAgentError) UserHint() string { return e.Hint }
