package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	_ "sallyport/agent/cli" // the program is built of it: without this the cache of go test would know nothing of its changes
	"sallyport/agent/need"
	"sallyport/agent/terraform/tftest"
)

// binary is the program under test; TestMain builds it. Variants of it are built into buildDir when a test needs them.
var binary, buildDir string

func TestMain(m *testing.M) {
	if code, ok := oracleMain(); ok {
		os.Exit(code)
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	var err error
	if buildDir, err = os.MkdirTemp("", "sallyport-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(buildDir) }()
	if binary = os.Getenv("SALLYPORT_E2E_BINARY"); binary != "" {
		return need.Main(m, need.Terraform, tftest.Lean, need.AtOnce(6))
	}
	if binary, err = build("sallyport"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return need.Main(m, need.Terraform, tftest.Lean, need.AtOnce(6))
}

// build builds the program with these flags and gives the file a name.
func build(name string, flags ...string) (string, error) {
	file := filepath.Join(buildDir, name)
	args := append([]string{"build", "-ldflags=-s -w", "-o", file}, flags...) // debuggers need what costs half of the linking
	if out, err := exec.Command("go", append(args, "sallyport/agent/cmd/sallyport")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return file, nil
}

// faulty is the program with faults that the environment chooses; see package fault.
var faulty = sync.OnceValues(func() (string, error) { return build("sallyport-faults", "-tags", "faults") })
