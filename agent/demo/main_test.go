package demo

import (
	"os"
	"testing"

	"sallyport/agent/runner"
)

// TestMain lets the test binary be the runner of applies, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "apply-run" {
		os.Exit(runner.Main(os.Args[2:]))
	}
	os.Exit(m.Run())
}
