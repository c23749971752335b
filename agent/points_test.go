package agent_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryCommitIsAPoint keeps every transaction of the agent's in [journal.Journal], where both sides of its commit are
// points at which tests kill the program. One made elsewhere would never be killed.
func TestEveryCommitIsAPoint(t *testing.T) {
	t.Parallel()
	n := 0
	err := filepath.WalkDir(".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "rescue") || strings.HasPrefix(file, "archive") || strings.HasPrefix(file, "control") {
			return err // the last three work on a store that no agent has open
		}
		text, err := os.ReadFile(file)
		found := strings.Count(string(text), "store.Update(")
		if n += found; found > 0 && file != filepath.Join("journal", "journal.go") {
			t.Errorf("%s begins a transaction of its own: use the journal's Update, or Write if nobody has to look", file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != 1 {
		t.Errorf("%d transactions are begun, want the one in commit", n)
	}
}

// TestEverySettingHasAKey keeps what has no record of its own behind a [store.Key], which says what is kept there: read by its name
// alone, one place could be taken for two things.
func TestEverySettingHasAKey(t *testing.T) {
	t.Parallel()
	n := 0
	for _, root := range []string{".", "../notify"} {
		err := filepath.WalkDir(root, func(file string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			text, err := os.ReadFile(file)
			n += strings.Count(string(text), "store.Key[")
			if strings.Contains(string(text), ".Setting(") || strings.Contains(string(text), ".PutSetting(") {
				t.Errorf("%s reads or writes a setting by its name: declare a store.Key of it", file)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 20 {
		t.Errorf("found %d keys, fewer than there are", n)
	}
}
