package runner_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sallyport/agent/runner"
)

// Only what terraform can have written is kept as the state that it could not save.
func TestKeepState(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		put  func(t *testing.T, path, secret string)
		kept bool
	}{
		"a state": {func(t *testing.T, path, _ string) { write(t, path, "{}") }, true},
		"a link":  {func(t *testing.T, path, secret string) { must(t, os.Symlink(secret, path)) }, false},
		"a pipe":  {func(t *testing.T, path, _ string) { must(t, syscall.Mkfifo(path, 0o600)) }, false},
		"a terabyte": {func(t *testing.T, path, _ string) {
			write(t, path, "")
			must(t, os.Truncate(path, 1<<40))
		}, false},
		"a link in the place of a directory": {func(t *testing.T, path, secret string) {
			must(t, os.Remove(filepath.Dir(path)))
			write(t, filepath.Join(filepath.Dir(secret), "errored.tfstate"), "canary")
			must(t, os.Symlink(filepath.Dir(secret), filepath.Dir(path)))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run, outside := filepath.Join(dir, "12"), filepath.Join(dir, "outside")
			from := filepath.Join(run, "src", "errored.tfstate")
			must(t, os.MkdirAll(filepath.Dir(from), 0o700))
			must(t, os.Mkdir(outside, 0o700))
			secret := filepath.Join(outside, "secret")
			write(t, secret, "canary")
			test.put(t, from, secret)
			to, err := runner.KeepState(run, from)
			if test.kept && (err != nil || to != filepath.Join(run, "errored.tfstate") || has(from)) {
				t.Fatalf("kept at %q, %v", to, err)
			}
			if !test.kept && (to != "" || has(filepath.Join(run, "errored.tfstate"))) {
				t.Errorf("kept at %q, %v", to, err)
			}
			if !test.kept && err != nil {
				t.Errorf("it is tried for ever: %v", err)
			}
		})
	}
}
