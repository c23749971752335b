package doctor

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
		known bool
		warns bool
	}{
		"two approvals":                 {config.Config{CLIApprovals: true, People: jane, Stacks: two}, "", true, true},
		"logged in":                     {config.Config{CLIApprovals: true, People: jane, Stacks: two}, "ann", true, false},
		"shells do not decide":          {config.Config{People: jane, Stacks: two}, "", true, false},
		"nobody has an account":         {config.Config{CLIApprovals: true, People: []config.Person{{Name: "jane"}}, Stacks: two}, "", true, false},
		"one approval, of anybody":      {config.Config{CLIApprovals: true, People: jane, Stacks: []*config.Stack{{Approvals: 1, AllowSelfApproval: true}}}, "", true, false},
		"not of who made it":            {config.Config{CLIApprovals: true, People: jane, Stacks: []*config.Stack{{Approvals: 1}}}, "", true, true},
		"nobody has a login uid":        {config.Config{CLIApprovals: true, People: jane, Stacks: two}, "ann", false, true},
		"stacks that a glob has yet to": {config.Config{CLIApprovals: true, People: jane, StackGlobs: []*config.StackGlob{{Stack: *two[0]}}}, "", true, true},
	} {
		if got := loginWarning(&tc.c, tc.login, tc.known); strings.Contains(got, "login uid") != tc.warns {
			t.Errorf("%s: %q", name, got)
		}
	}
}
