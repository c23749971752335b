package agent

import (
	"errors"
	"fmt"
)

// hinter is an error that tells a person what to do next. The leaves' typed errors have such a method.
type hinter interface{ UserHint() string }

// hintOf finds what a person can do about an error; empty if nobody said.
func hintOf(err error) string {
	var h hinter
	if errors.As(err, &h) {
		return h.UserHint()
	}
	return ""
}

// Refusal is an answer to a person whose wish was understood and not granted.
type Refusal struct {
	Why  string
	Hint string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Why }

// UserHint tells what to do instead.
func (r *Refusal) UserHint() string { return r.Hint }

func refuse(hint, format string, args ...any) error {
	return &Refusal{Why: fmt.Sprintf(format, args...), Hint: hint}
}
