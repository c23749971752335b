package lifecycle

import "time"

// A Reason is why a run does not move on now, with what a person can do about it. The zero Reason is none: nothing is in the
// way.
type Reason struct {
	Why  string
	Hint string // empty where there is nothing to do but wait, or to decide
	// Recheck is after how long another look is worth it though nothing wakes anybody; zero: whenever something happens.
	Recheck time.Duration
}

// Any reports whether something is in the way.
func (r Reason) Any() bool { return r.Why != "" }

// approved says of an approved run what it waits for.
func (r Reason) approved() Reason {
	if r.Any() {
		r.Why = "approved; " + r.Why
	}
	return r
}
