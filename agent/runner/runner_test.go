package runner_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/runner"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/jsonlog"
)

// plain makes two resources and an output, and writes down the environment of its script.
const plain = `
resource "terraform_data" "a" {
  input = "one"
  provisioner "local-exec" { command = "env > @ROOT/env; echo once >> @ROOT/times" }
}
resource "terraform_data" "b" { input = terraform_data.a.output }
output "address" { value = "10.1.2.3" }
`

// gated makes one resource whose provisioner waits at the gate.
const gated = `
resource "terraform_data" "node" {
  provisioner "local-exec" { command = "echo once >> @ROOT/times; @GATE" }
}
`

func TestApply(t *testing.T) {
	t.Parallel()
	r := newRun(t, plain).plan()
	write(t, filepath.Join(r.src, "errored.tfstate"), "somebody committed this")
	r.start()
	var last jsonlog.Progress
	s, err := runner.FollowWith(t.Context(), quick(), r.dir, func(p jsonlog.Progress) { last = p })
	must(t, err)
	if s.Phase != runner.Finished || !s.Result.OK() || !s.TerraformStarted || s.ErroredState != "" {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
	if s.Result.Run != 12 || s.Result.Digest != r.opts.Job.Digest || s.Result.EndedAt.Before(s.Result.StartedAt) {
		t.Errorf("result %+v", s.Result)
	}
	if last.Done != 2 || last.Total != 2 || len(last.Open) != 0 || len(last.Outputs) != 1 {
		t.Errorf("progress %+v", last)
	}
	if again, err := runner.ReadProgress(r.dir); err != nil || again.Done != 2 {
		t.Errorf("progress read afterwards %+v, %v", again, err)
	}
	if !strings.Contains(r.stateText(), `"name": "b"`) {
		t.Errorf("state:\n%s", r.stateText())
	}
	env, err := os.ReadFile(filepath.Join(r.root, "env"))
	must(t, err)
	if !bytes.Contains(env, []byte("TMPDIR="+r.dir+"/tmp\n")) || !bytes.Contains(env, []byte(canary)) || bytes.Contains(env, []byte("POISON")) {
		t.Errorf("environment of terraform's script:\n%s", env)
	}
	text, err := runner.Log(r.dir)
	must(t, err)
	if !strings.Contains(text, "terraform_data.b: Creation complete") || strings.Contains(text, "10.1.2.3") {
		t.Errorf("log:\n%s", text)
	}
	eventually(t, "the runner is gone", func() bool { return has(filepath.Join(r.dir, "vacated")) && !r.attach().StillHeld })
	must(t, runner.Clean(r.dir))
	checkFiles(t, r)
}

// checkFiles looks at what a run leaves on the disk: nothing for others, nothing secret, no copy of the plan.
func checkFiles(t *testing.T, r *run) {
	t.Helper()
	want := []string{"apply.err", "apply.jsonl", "claim", "lock", "plan.tfplan", "result.json", "runner.json", "runner.log", "source", "started", "vacated"}
	entries, err := os.ReadDir(r.dir)
	must(t, err)
	var have []string
	for _, e := range entries {
		have = append(have, e.Name())
		info, err := e.Info()
		must(t, err)
		if !e.IsDir() && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", e.Name(), info.Mode().Perm())
		}
	}
	if strings.Join(have, " ") != strings.Join(want, " ") {
		t.Errorf("files %q, want %q", have, want)
	}
	must(t, filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte(canary)) {
			t.Errorf("the secret is in %s", path)
		}
		return err
	}))
}

// A plan file that was edited after people saw it must not run: terraform itself would take it.
func TestTamperedPlanIsRefused(t *testing.T) {
	t.Parallel()
	r := newRun(t, plain).plan()
	rewriteZip(t, r.opts.Job.PlanFile, "tfconfig/m-/main.tf", "echo once", "echo EVIL")
	r.start()
	s := r.follow()
	if s.Phase != runner.Finished || s.TerraformStarted || !strings.Contains(s.Result.Refused, "the plan file") || s.Result.OK() {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
	if has(r.state) || has(filepath.Join(r.root, "times")) {
		t.Error("terraform ran")
	}
	text, err := runner.Log(r.dir)
	must(t, err)
	if !strings.HasPrefix(text, "Terraform was not executed: the plan file ") {
		t.Errorf("log: %s", text)
	}
}

func rewriteZip(t *testing.T, path, entry, old, replacement string) {
	t.Helper()
	in, err := zip.OpenReader(path)
	must(t, err)
	defer in.Close()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	found := false
	for _, f := range in.File {
		src, err := f.Open()
		must(t, err)
		raw, err := io.ReadAll(src)
		must(t, err)
		if f.Name == entry {
			found = bytes.Contains(raw, []byte(old))
			raw = bytes.ReplaceAll(raw, []byte(old), []byte(replacement))
		}
		dst, err := w.Create(f.Name)
		must(t, err)
		_, err = dst.Write(raw)
		must(t, err)
	}
	if !found {
		t.Fatalf("%q is not in %s of the plan", old, entry)
	}
	must(t, w.Close())
	must(t, os.WriteFile(path, out.Bytes(), 0o600))
}

// TestKnownTerraform shows by a wrong digest that a binary which is the same file still is not read again.
func TestKnownTerraform(t *testing.T) {
	t.Parallel()
	r := newRun(t, plain).plan()
	known, err := binary.IdentityOf(r.opts.Job.Terraform)
	must(t, err)
	r.opts.Job.TerraformDigest, r.opts.Job.TerraformFile = strings.Repeat("0", 64), known
	r.start()
	if s := r.follow(); s.Result == nil || !s.Result.OK() {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	base := newRun(t, plain).plan()
	wrong := strings.Repeat("0", 64)
	tests := map[string]struct {
		change func(t *testing.T, r *run)
		want   string
	}{
		"plan is gone": {func(t *testing.T, r *run) { must(t, os.Remove(r.opts.Job.PlanFile)) }, "no such file"},
		"plan is a link": {func(t *testing.T, r *run) {
			must(t, os.Rename(r.opts.Job.PlanFile, r.opts.Job.PlanFile+".real"))
			must(t, os.Symlink(r.opts.Job.PlanFile+".real", r.opts.Job.PlanFile))
		}, "checking the plan file"},
		"plan is a pipe": {func(t *testing.T, r *run) {
			must(t, os.Remove(r.opts.Job.PlanFile))
			must(t, syscall.Mkfifo(r.opts.Job.PlanFile, 0o600))
		}, "not a regular file"},
		"plan of another run": {func(t *testing.T, r *run) { r.opts.Job.Digest = wrong }, "the plan file"},
		"another terraform":   {func(t *testing.T, r *run) { r.opts.Job.TerraformDigest = wrong }, "the terraform binary"},
		"another terraform in the place of a known one": {func(t *testing.T, r *run) {
			path := filepath.Join(r.root, "terraform")
			write(t, path, "#!/bin/sh\nexit 0\n")
			digest, _, err := binary.Digest(path)
			must(t, err)
			known, err := binary.IdentityOf(path)
			must(t, err)
			r.opts.Job.Terraform, r.opts.Job.TerraformDigest, r.opts.Job.TerraformFile = path, digest, known
			write(t, path+".new", "#!/bin/sh\nexit 1\n")
			same := time.Unix(0, known.Modified)
			must(t, os.Chtimes(path+".new", same, same))
			must(t, os.Rename(path+".new", path))
		}, "the terraform binary"},
		"terraform is gone": {func(t *testing.T, r *run) { r.opts.Job.Terraform = "/nonexistent/terraform" }, "executing terraform"},
		"lock file changed": {func(t *testing.T, r *run) {
			r.opts.Job.LockFile, r.opts.Job.LockDigest = filepath.Join(r.dir, "lock.hcl"), wrong
			write(t, r.opts.Job.LockFile, "# other")
		}, "the dependency lock file"},
		"lock file of the checkout changed": {func(t *testing.T, r *run) {
			write(t, filepath.Join(r.src, ".terraform.lock.hcl"), "# other")
			r.opts.Job.LockDigest = wrong
		}, "the dependency lock file"},
		"lock file of the checkout is a link": {func(t *testing.T, r *run) {
			secret := filepath.Join(r.root, "secret")
			write(t, secret, "token")
			must(t, os.Symlink(secret, filepath.Join(r.src, ".terraform.lock.hcl")))
			r.opts.Job.LockDigest = wrong
		}, "is not a regular file"},
		"lock file of the checkout is a pipe": {func(t *testing.T, r *run) {
			must(t, syscall.Mkfifo(filepath.Join(r.src, ".terraform.lock.hcl"), 0o600))
			r.opts.Job.LockDigest = wrong
		}, "is not a regular file"},
		"lock file of the checkout is endless": {func(t *testing.T, r *run) {
			write(t, filepath.Join(r.src, ".terraform.lock.hcl"), "")
			must(t, os.Truncate(filepath.Join(r.src, ".terraform.lock.hcl"), 1<<40))
			r.opts.Job.LockDigest = wrong
		}, "is larger than"},
		"checkout is gone":          {func(t *testing.T, r *run) { must(t, os.RemoveAll(r.src)) }, "executing terraform"},
		"canceled before the start": {func(t *testing.T, r *run) { must(t, runner.Interrupt(r.dir)) }, "canceled before it started"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := *base
			r.t, r.root = t, tempDir(t)
			r.dir = filepath.Join(r.root, "12")
			r.src = filepath.Join(r.dir, "source")
			must(t, os.MkdirAll(r.src, 0o700))
			raw, err := os.ReadFile(base.opts.Job.PlanFile)
			must(t, err)
			r.opts.RunDir, r.opts.Job.Dir, r.opts.Job.PlanFile = r.dir, r.src, filepath.Join(r.dir, "plan.tfplan")
			must(t, os.WriteFile(r.opts.Job.PlanFile, raw, 0o600))
			test.change(t, &r)
			r.start()
			s := r.follow()
			if s.Phase != runner.Finished || s.TerraformStarted || s.Result.OK() || s.Result.ExitCode != -1 || s.Result.Run != 12 {
				t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
			}
			if !strings.Contains(s.Result.Refused, test.want) {
				t.Errorf("refused: %s", s.Result.Refused)
			}
			if has(filepath.Join(r.dir, "apply")) {
				t.Error("the copy of the plan is still there")
			}
		})
	}
}

func TestSecondStartIsRefused(t *testing.T) {
	t.Parallel()
	r := newRun(t, gated).plan()
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() { _, errs[i] = runner.Start(t.Context(), r.opts) })
	}
	wg.Wait()
	started := 0
	for _, err := range errs {
		if err == nil {
			started++
		}
	}
	if started != 1 {
		t.Fatalf("%d starts: %v", started, errs)
	}
	r.reached()
	if _, err := runner.Start(t.Context(), r.opts); !errors.Is(err, runner.ErrClaimed) {
		t.Errorf("start while it runs: %v", err)
	}
	if s := r.attach(); s.Phase != runner.Running || !s.TerraformStarted || s.Claim.Digest != r.opts.Job.Digest {
		t.Errorf("state %+v", s)
	}
	r.open()
	if s := r.follow(); !s.Result.OK() {
		t.Fatalf("result %+v\n%s", s.Result, r.log())
	}
	if _, err := runner.Start(t.Context(), r.opts); !errors.Is(err, runner.ErrClaimed) {
		t.Errorf("start after the end: %v", err)
	}
	if times, _ := os.ReadFile(filepath.Join(r.root, "times")); string(times) != "once\n" {
		t.Errorf("the provisioner ran: %q", times)
	}
}

// Nobody can start an apply by hand, and trying leaves no trace.
func TestMainByHand(t *testing.T) {
	t.Parallel()
	r := newRun(t, plain).plan()
	for name, args := range map[string][]string{
		"planned run": {runner.Verb, r.dir}, "no directory": {runner.Verb}, "relative": {runner.Verb, "runs/12"},
	} {
		out, err := exec.Command(executable(t), args...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	r.start()
	want := r.follow()
	eventually(t, "the lock is free", func() bool { return !r.attach().StillHeld })
	if out, err := exec.Command(executable(t), runner.Verb, r.dir).CombinedOutput(); err == nil {
		t.Errorf("a second runner went on: %s", out)
	}
	if have := r.attach(); *have.Result != *want.Result {
		t.Errorf("the result changed from %+v to %+v", want.Result, have.Result)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := newRun(t, gated).plan()
	r.start()
	r.reached()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := runner.FollowWith(ctx, quick(), r.dir, func(p jsonlog.Progress) {
		if p.Current == "terraform_data.node" {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || s.Phase != runner.Running {
		t.Errorf("state %+v, err %v", s, err)
	}
	r.open()
	if s := r.follow(); !s.Result.OK() {
		t.Errorf("result %+v", s.Result)
	}
}

func TestStartNeedsWholeOptions(t *testing.T) {
	t.Parallel()
	good := newRun(t, plain).plan().opts
	for name, change := range map[string]func(*runner.Options){
		"relative run directory": func(o *runner.Options) { o.RunDir = "runs/12" },
		"relative executable":    func(o *runner.Options) { o.Executable = "sallyport" },
		"relative terraform":     func(o *runner.Options) { o.Job.Terraform = "terraform" },
		"no plan":                func(o *runner.Options) { o.Job.PlanFile = "" },
		"no digest":              func(o *runner.Options) { o.Job.Digest = "" },
		"no run":                 func(o *runner.Options) { o.Job.Run = 0 },
		"negative lock timeout":  func(o *runner.Options) { o.Job.LockTimeout = -time.Second },
	} {
		o := good
		change(&o)
		if _, err := runner.Start(t.Context(), o); err == nil {
			t.Errorf("%s: started", name)
		}
	}
	if s, err := runner.Attach(good.RunDir); err != nil || s.Phase != runner.NotStarted {
		t.Errorf("state %+v, err %v", s, err)
	}
}

// The binary cannot be executed (it was replaced in the middle of an upgrade, say): the claim stands and is explained.
func TestStartWithoutExecutable(t *testing.T) {
	t.Parallel()
	r := newRun(t, plain).plan()
	r.opts.Executable = "/nonexistent/sallyport"
	if _, err := runner.Start(t.Context(), r.opts); err == nil || errors.Is(err, runner.ErrClaimed) {
		t.Fatalf("err %v", err)
	}
	s := r.attach()
	if s.Phase != runner.Finished || s.TerraformStarted || !strings.Contains(s.Result.Refused, "/nonexistent/sallyport") {
		t.Errorf("state %+v, result %+v", s, s.Result)
	}
	r.opts.Executable = executable(t)
	if _, err := runner.Start(t.Context(), r.opts); !errors.Is(err, runner.ErrClaimed) {
		t.Errorf("second start: %v", err)
	}
}

// A runner that dies before it took its job leaves a result as well: terraform was certainly not executed.
func TestRunnerThatTakesNoJob(t *testing.T) {
	t.Parallel()
	r := newRun(t, plain).plan()
	r.opts.Executable = "/bin/false"
	r.opts.Job.Env = append(r.opts.Job.Env, "BIG="+strings.Repeat("x", 1<<20)) // more than a pipe takes
	if _, err := runner.Start(t.Context(), r.opts); err == nil {
		t.Fatal("no error")
	}
	if s := r.attach(); s.Phase != runner.Finished || s.Result.Refused == "" || s.TerraformStarted {
		t.Errorf("state %+v, result %+v", s, s.Result)
	}
}
