package wordstest_test

import (
	"testing"

	"sallyport/notify/words/wordstest"
)

func TestFaults(t *testing.T) {
	for _, text := range []string{
		"1 stacks", "1 stacks were seen for the first time.", "the 1 files that changed", "the people who can approve are 1", "and 1 more pull requests",
		"since 4 seconds ago", "check fails since 3 minutes ago", "approved since now", "3m0s more", "is applied after 0s", "expires in 1h2m3s.",
		"This did not count: which run?.", "no such key.. Next", "why,.", "its images are: ", "the stacks are: .", "approved by .",
		`strconv.Atoi: parsing "x"`, "1x is not a number: invalid syntax", "%!d(string=x)", "it is <nil>",
		"slack: reading: calling slack's users.info", "opening the store: opening store x", "  on  line 0", "the the plan",
	} {
		if len(wordstest.Faults(text)) == 0 {
			t.Errorf("nothing is found in %q", text)
		}
	}
	for _, text := range []string{
		"1 stack", "21 stacks", "1,001 stacks", "#1 waits", "0 of 2 approvals", "for 4 seconds", "3 minutes more", "v0.1 files",
		"the stacks are: a, b", "wait ... then", "see ./..", "module.box box", "STACK  STACK", "10:04:05", "a: b: c", "is 1",
		"terraform show: planning", "that is what it is for: more", "`go go`", "2026-03-01 03:09 UTC: storm",
	} {
		if faults := wordstest.Faults(text); len(faults) > 0 {
			t.Errorf("in %q is found %q", text, faults)
		}
	}
}
