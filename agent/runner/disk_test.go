package runner_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/runner"
)

// smallDisk mounts a file system of one megabyte, or skips the test: that needs privileges.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := tempDir(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		need.Skip(t, "no small disk can be mounted", err.Error())
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// The apply itself fills the disk. Its end is known all the same.
func TestDiskFullDuringTheApply(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	r := newRun(t, `resource "terraform_data" "a" {
	  provisioner "local-exec" { command = "cat /dev/zero > `+disk+`/ballast || true" }
	}`)
	moveTo(t, r, filepath.Join(disk, "12"))
	r.plan()
	r.start()
	s := r.follow()
	if s.Phase != runner.Finished || !s.Result.OK() {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
	if err := os.WriteFile(filepath.Join(disk, "more"), make([]byte, 64<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
}

// A disk without room for a record gets no apply.
func TestDiskFullBeforeTheApply(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	r := newRun(t, plain)
	moveTo(t, r, filepath.Join(disk, "12"))
	r.plan()
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	_, err := runner.Start(t.Context(), r.opts)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("err %v", err)
	}
	if s := r.attach(); s.Phase != runner.NotStarted {
		t.Errorf("state %+v", s)
	}
	must(t, os.Remove(ballast))
	r.start()
	if s := r.follow(); !s.Result.OK() {
		t.Errorf("after there was room: %+v\n%s", s.Result, r.log())
	}
}

// moveTo puts the run's directory elsewhere before it is planned.
func moveTo(t *testing.T, r *run, dir string) {
	t.Helper()
	must(t, os.Mkdir(dir, 0o700))
	r.opts.RunDir, r.opts.Job.PlanFile = dir, strings.Replace(r.opts.Job.PlanFile, r.dir, dir, 1)
	r.dir = dir
}
