package bench

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sallyport/agent/terraform/tftest"
)

// bare plans root modules with terraform alone and with the same steps as the agent: init, plan into a file, and that file
// shown twice. Each call starts from fresh checkouts, which are not counted.
type bare struct {
	tb        testing.TB
	terraform string
	env       []string
	turn      int
}

func newBare(tb testing.TB) *bare {
	tb.Helper()
	home := tb.TempDir()
	return &bare{tb: tb, terraform: tftest.Terraform(tb), env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8", "CHECKPOINT_DISABLE=1",
		"TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_CLI_CONFIG_FILE=" + write(tb, filepath.Join(home, "terraformrc"), "", 0o600),
	}}
}

// plan plans each root, so many at a time, and returns what that took. A root is the text of its main.tf.
func (b *bare) plan(roots []string, parallel int) time.Duration {
	b.tb.Helper()
	b.turn++
	top := b.tb.TempDir()
	var dirs []string
	for n, text := range roots {
		dir := filepath.Join(top, fmt.Sprintf("root%d", n))
		write(b.tb, filepath.Join(dir, "main.tf"), text, 0o644)
		dirs = append(dirs, dir)
	}
	next, failed := make(chan string), make(chan error, len(dirs))
	var group sync.WaitGroup
	start := time.Now()
	for range parallel {
		group.Go(func() {
			for dir := range next {
				failed <- b.planOne(dir)
			}
		})
	}
	for _, dir := range dirs {
		next <- dir
	}
	close(next)
	group.Wait()
	took := time.Since(start)
	close(failed)
	for err := range failed {
		must(b.tb, err)
	}
	return took
}

func (b *bare) planOne(dir string) error {
	plan := filepath.Join(dir, "plan.tfplan")
	for _, args := range [][]string{
		{"init", "-no-color", "-input=false", "-json"},
		{"plan", "-no-color", "-input=false", "-detailed-exitcode", "-lock-timeout=60s", "-json", "-out=" + plan},
		{"show", "-json", "-no-color", plan},
		{"show", "-no-color", plan},
	} {
		cmd := exec.Command(b.terraform, args...)
		cmd.Dir, cmd.Env = dir, append(b.env, "TF_DATA_DIR="+filepath.Join(dir, "data"))
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = io.Discard, &stderr
		err := cmd.Run()
		if args[0] == "plan" && cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 2 {
			err = nil // there is something to apply
		}
		if err != nil {
			return fmt.Errorf("terraform %s: %w\n%s", args[0], err, stderr.String())
		}
	}
	return nil
}
