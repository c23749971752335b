package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryCommitIsAPoint keeps every transaction of the agent's in [journal.commit], where both sides of its commit are
// points at which tests kill the program. One made elsewhere would never be killed.
func TestEveryCommitIsAPoint(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := strings.Count(string(text), "store.Update(")
		if n += found; found > 0 && file != "journal.go" {
			t.Errorf("%s begins a transaction of its own: use update, or write if nobody has to look", file)
		}
	}
	if n != 1 {
		t.Errorf("%d transactions are begun, want the one in commit", n)
	}
}
