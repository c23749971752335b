package pack

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
)

// The orders that the child process takes.
const (
	OrderReceive = "receive" // put the pack on stdin into Dir
	OrderCopy    = "copy"    // bring Tip and its history from Source into Dir
	OrderCarry   = "carry"   // bring each of Tips, as far as it can be read, from Source into Dir
	OrderJoin    = "join"    // join the small packs of Dir
)

// Order is what the child is to do. It is the first line of its input, in JSON; of receive, the pack follows.
type Order struct {
	Kind      string   `json:"kind"`
	Dir       string   `json:"dir"`
	Source    string   `json:"source,omitempty"`
	Shown     string   `json:"shown,omitempty"` // the source as people know it
	Tip       string   `json:"tip,omitempty"`
	Tips      []string `json:"tips,omitempty"`
	MaxObject int64    `json:"max_object"` // bytes
}

// outcome is what the child says at its end, in JSON on descriptor 3. A child that was stopped says nothing.
type outcome struct {
	Failure *failure           `json:"failure,omitempty"`
	Lost    map[string]failure `json:"lost,omitempty"` // of carry: what could not be brought
	Joined  []string           `json:"joined,omitempty"`
	Pack    string             `json:"pack,omitempty"` // of join: the new pack's name
}

// failure is an error on its way from one process to the other.
type failure struct {
	Text  string        `json:"text"`
	Hint  string        `json:"hint,omitempty"`
	Marks []string      `json:"marks,omitempty"`
	Errno syscall.Errno `json:"errno,omitempty"`
}

// marks are the errors that are told apart on the other side.
func marks() map[string]error {
	return map[string]error{
		"damaged": odb.ErrDamaged, "unreadable": odb.ErrUnreadable, "too large": odb.ErrTooLarge, "unsafe": odb.ErrUnsafeTree,
		"malformed": packfile.ErrMalformedPackFile, "object not found": plumbing.ErrObjectNotFound, "permission": fs.ErrPermission,
	}
}

// pack turns an error into what can be sent.
func packFailure(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	var h *hint.Error
	if errors.As(err, &h) {
		f.Hint = h.Hint
	}
	for name, mark := range marks() {
		if errors.Is(err, mark) {
			f.Marks = append(f.Marks, name)
		}
	}
	_ = errors.As(err, &f.Errno)
	return f
}

// Err turns it back.
func (f *failure) Err() error {
	if f == nil {
		return nil
	}
	var err error = &childError{failure: *f}
	if f.Hint != "" {
		err = hint.With(err, "%s", f.Hint)
	}
	return err
}

// childError is an error of the child's.
type childError struct{ failure failure }

// Error implements error.
func (c *childError) Error() string { return c.failure.Text }

// Unwrap names what it was over there.
func (c *childError) Unwrap() []error {
	var all []error
	for _, name := range c.failure.Marks {
		if mark := marks()[name]; mark != nil {
			all = append(all, mark)
		}
	}
	if c.failure.Errno != 0 {
		all = append(all, c.failure.Errno)
	}
	return all
}
