package active_test

import (
	"os"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/repo"
)

// TestMain makes the test binary also the process that unpacks, as the real binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == repo.Verb {
		need.Exit(repo.Main(os.Args[2:]))
	}
	os.Exit(need.Main(m))
}
