package tftest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Lean puts a cheaper start of the same terraform before everything else on PATH, for this process and what it starts, until
// remove is called. It is for TestMain: tests start terraform thousands of times, each for a moment.
//
// Two things are spared. Terraform collects garbage several times before it does anything, which is half of its work in such a
// moment; and every agent that starts asks for the version of the same binary, which the real one is asked for here once. All
// else is passed on to it, unchanged. Where PATH has no terraform, nothing happens.
func Lean() (remove func(), err error) {
	remove = func() {}
	real, err := exec.LookPath("terraform")
	if err != nil {
		return remove, nil // whoever needs it says so
	}
	if real, err = filepath.Abs(real); err != nil {
		return remove, err
	}
	dir, err := os.MkdirTemp("", "sallyport-lean-")
	if err != nil {
		return remove, err
	}
	path := os.Getenv("PATH")
	remove = func() {
		_ = os.Setenv("PATH", path) // as it was
		_ = os.RemoveAll(dir)
	}
	if err := lean(dir, real); err != nil {
		remove()
		return func() {}, fmt.Errorf("making a terraform for tests: %w", err)
	}
	return remove, os.Setenv("PATH", dir+string(filepath.ListSeparator)+path)
}

func lean(dir, real string) error {
	ask := exec.Command(real, "version", "-json")
	ask.Dir, ask.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=" + os.DevNull}
	version, err := ask.Output()
	if err != nil {
		return fmt.Errorf("asking %s for its version: %w", real, err)
	}
	if strings.Contains(string(version), "'") {
		return fmt.Errorf("%s says of its version what a shell cannot quote: %s", real, version)
	}
	// In a directory that was initialised the answer also names its providers. The shell alone must do: tests have a PATH without
	// any other program.
	script := fmt.Sprintf(`#!/bin/sh
if [ "$*" = "version -json" ] && [ ! -e .terraform.lock.hcl ]; then echo '%s'; exit; fi
GOGC=off GOMEMLIMIT=256MiB exec %s "$@"
`, strings.TrimSpace(string(version)), real)
	if err := os.WriteFile(filepath.Join(dir, "terraform"), []byte(script), 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755) // terraform may run as another user
}
