//go:build !faults

package fault

// Enabled reports whether this binary was built for fault injection.
const Enabled = false

// Point is a place where a kill must not hurt.
func Point(string) {}

// Without reports whether a test has switched off the named defence.
func Without(string) bool { return false }

// Environ is what a process that this one starts with an empty environment must be given: nothing.
func Environ() []string { return []string{} }
