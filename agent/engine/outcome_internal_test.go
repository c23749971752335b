package engine

import (
	"strings"
	"testing"

	"sallyport/agent/terraform/diag"
	"sallyport/notify"
)

// The cause of a failed apply stands in the first line, and once.
func TestCauseFirst(t *testing.T) {
	t.Parallel()
	at := diag.Diagnostic{Severity: "error", Summary: "local-exec provisioner error", Address: "terraform_data.bad", File: "main.tf", Line: 4, Code: "  command = \"exit 3\""}
	with := func(detail string) diag.Diagnostic { d := at; d.Detail = detail; return d }
	bare := diag.Diagnostic{Severity: "error", Summary: "execution halted", Detail: "nobody knows why"}
	long := strings.Repeat("word ", notify.MaxCause)
	for name, c := range map[string]struct {
		d     diag.Diagnostic
		first string
		rest  []string // in this order
		not   string   // not behind the first line
	}{
		"all of it fits":   {with("exit status 3"), "local-exec provisioner error: exit status 3 (main.tf:4)", []string{"with terraform_data.bad", "on main.tf line 4", "exit 3"}, "provisioner error"},
		"lines of its own": {with("it said:\n  one\n  two"), "local-exec provisioner error: it said: one two (main.tf:4)", []string{"Error: local-exec", "\n  one\n  two"}, "!"},
		"too long":         {with(long), "local-exec provisioner error: word", []string{"Error: local-exec", "with terraform_data.bad", "word word"}, "!"},
		"no place":         {bare, "execution halted: nobody knows why", nil, "e"},
	} {
		t.Run(name, func(t *testing.T) {
			first, rest, _ := strings.Cut(causeFirst(c.d), "\n")
			if !strings.HasPrefix(first, c.first) {
				t.Errorf("the first line is %q", first)
			}
			for _, part := range c.rest {
				_, after, found := strings.Cut(rest, part)
				if !found {
					t.Errorf("no %q in what follows:\n%s", part, rest)
				}
				rest = after
			}
			if _, behind, _ := strings.Cut(causeFirst(c.d), "\n"); strings.Contains(behind, c.not) {
				t.Errorf("said again: %s", behind)
			}
		})
	}
}
