package demo_test

import (
	"os"
	"strings"
	"testing"

	"sallyport/agent/asuser"
	"sallyport/agent/cli"
	"sallyport/agent/need"
)

// TestMain lets the test binary be the program: the agent, the runner of its applies, its command line and the cloud's provider.
func TestMain(m *testing.M) {
	if asuser.Asked(os.Environ()) || len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		need.Exit(cli.Main(cli.Invocation{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "test"}))
	}
	os.Exit(need.Main(m, need.Terraform))
}
