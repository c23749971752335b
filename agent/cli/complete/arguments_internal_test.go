package complete

import (
	"strings"
	"testing"
)

// What a verb takes is in its usage line, so that it can be completed.
func TestArgumentsOf(t *testing.T) {
	for use, want := range map[string]string{
		"status":                   "",
		"runs [STACK] [--limit N]": "STACK",
		"approve RUN [WORDS...] [--digest SHA256]":   "RUN WORDS...",
		"exec [--commit SHA] STACK -- COMMAND":       "STACK -- COMMAND",
		"plan STACK [--replace ADDRESS]... [--wait]": "STACK",
		"state restore STACK SERIAL|NAME [--yes]":    "restore STACK SERIAL|NAME",
	} {
		if got := strings.Join(argumentsOf(use), " "); got != want {
			t.Errorf("of %q: %q, want %q", use, got, want)
		}
	}
}
