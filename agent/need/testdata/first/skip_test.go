// Package first skips tests; see need's own tests.
package first

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sallyport/agent/need"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

func TestOne(t *testing.T) { need.Program(t, "no-such-program") }

func TestTwo(t *testing.T) { need.Skip(t, "the moon is full", "it is the first package's reason") }

// TestMeet ends when both packages run.
func TestMeet(t *testing.T) {
	dir := os.Getenv("MEET")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, "first"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; <-time.After(5 * time.Millisecond) {
		if all, _ := filepath.Glob(filepath.Join(dir, "*")); len(all) == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody else is here")
		}
	}
}
