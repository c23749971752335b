package call

import "fmt"

// The exit codes.
const (
	ExitDone          = 0
	ExitFailed        = 1
	ExitNotUnderstood = 2
	ExitNoAgent       = 3
	// ExitAgentNotUnderstood is ExitNotUnderstood of the agent itself. The unit in configs/ names it as the one code after which
	// starting again mends nothing. It is not 2, with which the Go runtime ends a program that panicked, is out of memory or was sent
	// SIGQUIT: systemd's watchdog does that (as SIGABRT, which ends with 2 as well) to an agent that hangs, in order to have it started
	// again.
	ExitAgentNotUnderstood = 64 // EX_USAGE of sysexits.h
)

// ExitCode ends the program with a code when everything has been said.
type ExitCode int

// Error implements error.
func (c ExitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// UsageError is a call that was not understood.
type UsageError struct{ why, hint string }

// Error implements error.
func (e *UsageError) Error() string { return e.why }

// UserHint says what to do next.
func (e *UsageError) UserHint() string { return e.hint }

// Usage is the error for a call that was not understood, with how it is said.
func Usage(why, hint string) error { return &UsageError{why, hint} }
