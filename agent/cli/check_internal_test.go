package cli

import (
	"strings"
	"testing"

	"sallyport/agent/config"
)

// Who names people by their accounts is told where the kernel cannot say who has logged in: those votes add to nothing.
func TestCheckWarnsWithoutLoginUIDs(t *testing.T) {
	t.Parallel()
	jane := []config.Person{{Name: "jane", OS: "jane"}}
	two := []*config.Stack{{Approvals: 2, AllowSelfApproval: true}}
	for name, tc := range map[string]struct {
		c     config.Config
		login string
		warns bool
	}{
		"two approvals":                 {config.Config{CLIApprovals: true, People: jane, Stacks: two}, "", true},
		"logged in":                     {config.Config{CLIApprovals: true, People: jane, Stacks: two}, "ann", false},
		"shells do not decide":          {config.Config{People: jane, Stacks: two}, "", false},
		"nobody has an account":         {config.Config{CLIApprovals: true, People: []config.Person{{Name: "jane"}}, Stacks: two}, "", false},
		"one approval, of anybody":      {config.Config{CLIApprovals: true, People: jane, Stacks: []*config.Stack{{Approvals: 1, AllowSelfApproval: true}}}, "", false},
		"not of who made it":            {config.Config{CLIApprovals: true, People: jane, Stacks: []*config.Stack{{Approvals: 1}}}, "", true},
		"stacks that a glob has yet to": {config.Config{CLIApprovals: true, People: jane, StackGlobs: []*config.StackGlob{{Stack: *two[0]}}}, "", true},
	} {
		if got := loginWarning(&tc.c, tc.login); strings.Contains(got, "no login uid") != tc.warns {
			t.Errorf("%s: %q", name, got)
		}
	}
}
