// Package hint is for errors that tell a person what to do next.
//
// An error says what went wrong; its hint says what to type, mend or wait for. The two are kept apart, since they are shown
// apart: the command line prints a line of its own for the hint, a run has a field for it, status a column. Any error can
// carry one: it has the method UserHint. [With] gives one to an error that has none, [Refuse] makes the answer to a wish that
// was understood and is not granted, and [Of] finds what an error says, however deep it is wrapped.
package hint

import "fmt"

// Carrier is an error that tells a person what to do next. UserHint is empty if nobody knows.
type Carrier interface {
	error
	UserHint() string
}

// Of finds what a person can do about an error: the outermost hint that says anything. Empty if none does.
func Of(err error) string {
	if err == nil {
		return ""
	}
	if c, ok := err.(Carrier); ok {
		if text := c.UserHint(); text != "" {
			return text
		}
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return Of(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if text := Of(inner); text != "" {
				return text
			}
		}
	}
	return ""
}

// Error is any error with what a person can do about it. The hint is no part of the error's text.
type Error struct {
	Err  error
	Hint string
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the error without the hint.
func (e *Error) Unwrap() error { return e.Err }

// UserHint tells what to do next.
func (e *Error) UserHint() string { return e.Hint }

// With gives an error a hint.
func With(err error, format string, args ...any) error {
	return &Error{Err: err, Hint: fmt.Sprintf(format, args...)}
}

// Refusal is the answer to a person whose wish was understood and is not granted. It is no failure: nothing is logged, nothing
// is tried again.
type Refusal struct {
	Why  string
	Hint string // empty if there is nothing that they could do instead
}

// Error implements error.
func (r *Refusal) Error() string { return r.Why }

// UserHint tells what to do instead.
func (r *Refusal) UserHint() string { return r.Hint }

// Refuse makes a [Refusal]: why not, and before it what to do instead.
func Refuse(next, format string, args ...any) error {
	return &Refusal{Why: fmt.Sprintf(format, args...), Hint: next}
}
