package demo

import (
	"os"
	"testing"

	"sallyport/agent/asuser"
	"sallyport/agent/demo/cloud"
	"sallyport/agent/need"
	"sallyport/agent/repo"
	"sallyport/agent/rescue"
	"sallyport/agent/runner"
)

// TestMain lets the test binary be the runner of applies and the check of stores, as the program itself is.
func TestMain(m *testing.M) {
	if asuser.Asked(os.Environ()) {
		need.Exit(asuser.Main(os.Environ(), os.Args[1:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "apply-run" {
		need.Exit(runner.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == repo.Verb {
		need.Exit(repo.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == rescue.Verb {
		need.Exit(rescue.Main(os.Args[2:], os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == cloud.Verb {
		need.Exit(cloud.Main(os.Args[2:], os.Environ(), os.Stdout, os.Stderr))
	}
	os.Exit(need.Main(m, need.Terraform))
}
