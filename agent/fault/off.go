//go:build !faults

package fault

import "time"

// Enabled reports whether this binary was built for fault injection.
const Enabled = false

// Point is a place where a kill must not hurt.
func Point(string) {}

// Panic is the edge of a piece of work in which a panic must not end the program.
func Panic(string) {}

// Soon is how long something rests after a panic.
func Soon(rest time.Duration) time.Duration { return rest }

// Without reports whether a test has switched off the named defence.
func Without(string) bool { return false }

// Environ is what a process that this one starts with an empty environment must be given: nothing.
func Environ() []string { return []string{} }

// Commit names what one transaction writes: a point right before and one right after it is committed.
type Commit struct{}

// Begin forgets what an earlier transaction wrote.
func (*Commit) Begin() {}

// Move says that the transaction moves a run from one status to another.
func (*Commit) Move(_, _ string) {}

// Before is the moment before the commit.
func (Commit) Before() {}

// After is the moment after the commit.
func (Commit) After() {}
