package control

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/archive"
	"sallyport/agent/hint"
	"sallyport/notify/words"
	"sallyport/store"
)

// Kind says what sort of refusal an [Error] is.
type Kind string

// The kinds of errors.
const (
	NotFound Kind = "not_found" // no such run, stack, repository or text
	Refused  Kind = "refused"   // understood, and not allowed now or to this person
	Usage    Kind = "usage"     // not understood
	Conflict Kind = "conflict"  // the run moved on meanwhile, or a name means more than one thing
	Internal Kind = "internal"  // the agent failed
)

// Error is an answer that crosses the socket with what a person can do about it.
type Error struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// UserHint says what to do next; empty if nobody knows.
func (e *Error) UserHint() string { return e.Hint }

// Errorf makes an error of a kind without a hint.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns the error with another hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// shownStacks is how many names of stacks a hint holds.
const shownStacks = 20

// NoStack is the error for the name of a stack that does not exist, with those that do.
func NoStack(name string, stacks []string) *Error {
	e := Errorf(NotFound, "there is no stack %q", name)
	for _, s := range stacks {
		if strings.EqualFold(s, name) {
			return e.WithHint("it is %s: capitals count", s)
		}
	}
	if len(stacks) == 0 {
		return e
	}
	list := "the stacks are: " + words.List(stacks, shownStacks)
	if like := words.Like(name, stacks); len(like) > 0 {
		return e.WithHint("did you mean %s? %s", words.Or(like), list)
	}
	return e.WithHint("%s", list)
}

// KnownStack is nil for a stack that has a record or stands in the configuration, else [NoStack].
func KnownStack(name string, recorded []*store.StackState, configured []string) error {
	names := slices.Clone(configured)
	for _, s := range recorded {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if slices.Contains(names, name) {
		return nil
	}
	return NoStack(name, names)
}

// AsError makes any error fit to cross the socket.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	kind := Internal
	switch {
	case errors.Is(err, archive.ErrNotFound):
		kind = NotFound
	case errors.Is(err, archive.ErrConflict):
		kind = Conflict
	}
	return &Error{Kind: kind, Message: err.Error(), Hint: hint.Of(err)}
}

// LookOnly refuses what a command line without approvals may not do.
func LookOnly() *Error {
	return Errorf(Refused, "cli_approvals is off: the command line may look, pause and deny").WithHint("everything else is said in Slack")
}

// NoRun is the error for a number that no run has, or has no more.
func NoRun(tx *store.Tx, id int) error {
	newest, err := tx.Runs(store.RunFilter{Limit: 1})
	if err != nil {
		return err
	}
	if len(newest) == 1 && id < newest[0].ID {
		return Errorf(NotFound, "run #%d is no longer kept", id).WithHint("sallyport runs lists those that are; retention in the configuration says how long")
	}
	return Errorf(NotFound, "there is no run #%d", id).WithHint("sallyport runs lists them")
}

// NoPlan is the error for a run without a plan.
func NoPlan(id int, status store.Status) *Error {
	return Errorf(NotFound, "#%d has no plan (%s)", id, status)
}

// NoLog is the error for a run that was not applied.
func NoLog(id int, status store.Status) *Error {
	return Errorf(NotFound, "#%d was not applied (%s), so there is no log", id, status)
}
