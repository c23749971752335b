package diag

import "strings"

// What terraform says of check blocks. It can be said only as a warning: a check stops nothing.
const (
	checkContext = `check "`
	checkFails   = "Check block assertion failed"
	checkLater   = "Check block assertion known after apply"
)

// FailedCheck reports whether the diagnostic is about a check block that does not hold: its address, and in error whether nobody
// could look at what it asks for. The messages of terraform do not say in which module it stands.
func (d Diagnostic) FailedCheck() (address string, inError, ok bool) {
	name, ok := strings.CutPrefix(d.Context, checkContext)
	if !ok || d.IsError() || d.Summary == checkLater {
		return "", false, false
	}
	return "check." + strings.TrimSuffix(name, `"`), d.Summary != checkFails, true
}
