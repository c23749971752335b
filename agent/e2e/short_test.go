package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/need"
)

// ways are the tests with an installation of their own that are run under -short, while somebody writes: a story from a push to
// the apply, and one each of a person, a death and a stop.
var ways = []string{
	"TestStoryWithoutSlack",
	"TestReplyWhileTheAgentIsDown",
	"TestAgentIsKilledWhileApplying",
	"TestStopTellsWhatGoesOn",
	"TestExitCodesAndErrors",
	"TestAgentIsDown",
}

// whole skips a test with an installation of its own where only some are run.
func whole(t *testing.T) {
	t.Helper()
	if name, _, _ := strings.Cut(t.Name(), "/"); !slices.Contains(ways, name) {
		need.Long(t, "it installs and runs the program, and goes a way that others go too")
	}
}

// TestKeptTestsAreThere: one that was renamed would be left out without a word.
func TestKeptTestsAreThere(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	for _, name := range ways {
		if !strings.Contains(all, "\nfunc "+name+"(t *testing.T)") {
			t.Errorf("there is no test %s", name)
		}
	}
}
