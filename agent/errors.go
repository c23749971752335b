package agent

import (
	"errors"
	"fmt"

	"sallyport/agent/repo"
	"sallyport/agent/terraform"
	"sallyport/notify/slack"
)

// hinter is an error that tells a person what to do next.
type hinter interface{ UserHint() string }

// hintOf finds what a person can do about an error; empty if nobody said.
func hintOf(err error) string {
	var h hinter
	var git *repo.Error
	var tf *terraform.Error
	var sl *slack.Error
	switch {
	case errors.As(err, &h):
		return h.UserHint()
	case errors.As(err, &git):
		return git.Hint
	case errors.As(err, &tf):
		return tf.Hint
	case errors.As(err, &sl):
		return sl.Hint
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
