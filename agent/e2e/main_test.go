package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program under test; TestMain builds it.
var binary string

func TestMain(m *testing.M) {
	if code, ok := oracleMain(); ok {
		os.Exit(code)
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f != nil && f.Value.String() == f.DefValue {
		// Agents wait most of the time; more than two at once would only make each other's terraform slow.
		if err := f.Value.Set("2"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if binary = os.Getenv("SALLYPORT_E2E_BINARY"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "sallyport-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "sallyport")
	build := exec.Command("go", "build", "-o", binary, "sallyport/agent/cmd/sallyport")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the binary under test:", err)
		return 1
	}
	return m.Run()
}

// slow skips a test that waits for a time-out, or moves much, when -short was asked for.
func slow(t *testing.T, why string) {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped by -short:", why)
	}
}
