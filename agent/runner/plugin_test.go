package runner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/terraform/tftest"
)

// A real provider talks to terraform through a unix socket below TMPDIR, whose path has a small limit. Its lock file is
// the one of the plan.
func TestRealProvider(t *testing.T) {
	t.Parallel()
	mirror := tftest.ProviderMirror(t)
	for name, sub := range map[string]string{
		"usual path": "", "path too long for sockets": strings.Repeat("long/", 20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(tempDir(t), sub)
			must(t, os.MkdirAll(root, 0o700))
			r := newRunIn(t, root, `resource "local_file" "a" {
			  content  = "hello"
			  filename = "@ROOT/hello"
			}`)
			write(t, filepath.Join(root, "terraform.rc"), fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror))
			r.plan()
			lock := filepath.Join(r.src, ".terraform.lock.hcl")
			r.opts.Job.LockFile, r.opts.Job.LockDigest = filepath.Join(r.dir, "lock.hcl"), digest(t, lock)
			must(t, os.Rename(lock, r.opts.Job.LockFile))
			r.start()
			if s := r.follow(); !s.Result.OK() {
				t.Fatalf("result %+v\n%s", s.Result, r.log())
			}
			if !has(filepath.Join(root, "hello")) {
				t.Error("nothing was applied")
			}
		})
	}
}
