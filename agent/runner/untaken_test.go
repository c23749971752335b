package runner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/runner"
)

// A runner that dies before it has its job, killed for memory say, has begun nothing: another one takes the job, and it is done once.
func TestAnotherRunnerTakesTheJob(t *testing.T) {
	t.Parallel()
	r := newRun(t, plain).plan()
	died := filepath.Join(t.TempDir(), "died")
	dies := filepath.Join(t.TempDir(), "sallyport")
	script := fmt.Sprintf("#!/bin/sh\nif [ ! -e %[1]s ]; then : > %[1]s; kill -9 $$; fi\nexec %[2]s \"$@\"\n", died, executable(t))
	if err := os.WriteFile(dies, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r.opts.Executable = dies
	r.opts.Job.Env = append(r.opts.Job.Env, "BIG="+strings.Repeat("x", 100<<10)) // more than a pipe takes: its death is met for certain
	r.start()
	if s := r.follow(); s.Result.Refused != "" || !s.TerraformStarted || s.Result.ExitCode != 0 {
		t.Errorf("result %+v", s.Result)
	}
	if _, err := os.Stat(died); err != nil {
		t.Errorf("the first one did not die: %v", err)
	}
	if _, err := runner.Start(t.Context(), r.opts); err == nil {
		t.Error("it is started a third time")
	}
}
