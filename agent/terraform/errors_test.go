package terraform

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/terraform/tftest"
)

func TestFaultyConfigurations(t *testing.T) {
	t.Parallel()
	const canary = "correct-horse-battery-staple"
	hide := func(s string) string { return strings.ReplaceAll(s, canary, "(redacted)") }
	for _, c := range []struct {
		name   string
		files  map[string]string
		change func(*PlanOptions)
		op     string
		want   []string // in the error
		hint   string
		never  string
	}{
		{name: "invalid HCL", files: main("resource \"terraform_data\" \"a\" {\n  input = \n}\n"), op: "init",
			want: []string{"Invalid expression", "main.tf:2"}},
		{name: "unknown attribute", files: main(`resource "terraform_data" "a" { colour = 1 }`), op: "plan",
			want: []string{"Unsupported argument", `"colour" is not expected here`, "main.tf:1"}},
		{name: "missing variable", files: main(`variable "size" {}`), op: "plan",
			want: []string{"No value for required variable", `"size"`}, hint: "vars or var_files"},
		{name: "missing var file", files: main(`variable "size" {}`), op: "plan",
			change: func(o *PlanOptions) { o.VarFiles = []string{"prod.tfvars"} },
			want:   []string{"Failed to read variables file", "prod.tfvars"}, hint: "relative to the stack's dir"},
		{name: "wrong required_version", files: main(`terraform { required_version = "~> 0.12" }`), op: "init",
			want: []string{"Unsupported Terraform Core version", "main.tf:1"}, hint: "terraform { version }"},
		{name: "no such provider", files: main(`resource "nosuch_thing" "a" {}`), op: "init",
			change: func(o *PlanOptions) { o.CLIConfigFile = tftest.CLIConfig(t, "") },
			want:   []string{"hashicorp/nosuch"}},
		{name: "no terraform files", files: map[string]string{"README": ""}, op: "init",
			want: []string{"holds no configuration"}, hint: "dir"},
		{name: "cloud block", files: main(`terraform {
				cloud {
					organization = "acme"
				}
			}`), op: "init", want: []string{"cloud block"}, hint: "another backend"},
		{name: "remote backend", files: map[string]string{"backend.tf.json": `{"terraform": {"backend": {"remote": {"organization": "acme"}}}}`},
			op: "init", want: []string{`backend "remote"`}, hint: "another backend"},
		{name: "backend_config without a backend", files: main("locals {}"), op: "init",
			change: func(o *PlanOptions) { o.BackendConfig = secrets(map[string]string{"bucket": "b"}) },
			want:   []string{"no backend block"}, hint: `backend "s3"`},
		{name: "secret in an error", files: main(`
			variable "password" {}
			resource "terraform_data" "a" {
				lifecycle {
					precondition {
						condition     = var.password == ""
						error_message = "the password is ${var.password}"
					}
				}
			}`), op: "plan", change: func(o *PlanOptions) { o.Vars, o.Redact = stringVar("password", canary), hide },
			want: []string{"Resource precondition failed", "(redacted)"}, never: canary},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			o := r.options(c.files)
			if c.change != nil {
				c.change(&o)
			}
			e := failure(t, t.Context(), o)
			if e.Op != c.op || e.Transient {
				t.Errorf("op %q, transient %v; want %q, permanent", e.Op, e.Transient, c.op)
			}
			for _, want := range c.want {
				if !strings.Contains(e.Error(), want) {
					t.Errorf("no %q in the error:\n%s", want, e.Error())
				}
			}
			if !strings.Contains(e.Hint, c.hint) || c.hint != "" && e.Hint == "" {
				t.Errorf("hint %q, want something with %q", e.Hint, c.hint)
			}
			if text := e.Error() + dump(t, e.Diagnostics); c.never != "" && strings.Contains(text, c.never) {
				t.Errorf("the secret is in the error:\n%s", text)
			}
			if strings.Contains(e.Error(), "exit status") {
				t.Errorf("the error speaks of an exit status:\n%s", e.Error())
			}
			if left, _ := filepath.Glob(filepath.Join(o.OutDir, "*.tf*")); len(left) > 0 {
				t.Errorf("files with secrets are left behind: %v", left)
			}
		})
	}
}

// lockState starts an apply that holds the lock of the rig's state until it is released.
func lockState(t *testing.T, r *rig) (release func()) {
	t.Helper()
	o := r.options(main(`resource "terraform_data" "a" {
		provisioner "local-exec" { command = "touch started; while ! test -e finish; do sleep 0.05; done" }
	}`))
	res := r.plan(o)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tftest.Try(t, o.WorkDir, res.Env, "apply", "-json", res.PlanFile)
	}()
	tftest.Eventually(t, "the apply that holds the lock has started", func() bool {
		_, err := os.Stat(filepath.Join(o.WorkDir, "started"))
		return err == nil
	})
	return func() {
		tftest.Write(t, o.WorkDir, map[string]string{"finish": ""})
		<-done
	}
}

func TestStateLocks(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it starts terraform many times")
	r := newRig(t)
	release := lockState(t, r)
	defer release()
	plain := main(`resource "terraform_data" "a" {}`)

	t.Run("held", func(t *testing.T) {
		e := failure(t, t.Context(), r.options(plain))
		info := e.Lock
		if info == nil || !e.Transient || e.Op != "plan" {
			t.Fatalf("lock %v, transient %v: %v", info, e.Transient, e)
		}
		if info.ID == "" || info.Operation != "OperationTypeApply" || info.Who == "" || info.Since().IsZero() {
			t.Errorf("lock info: %+v", info)
		}
		if !strings.Contains(e.Hint, info.ID) {
			t.Errorf("the hint does not name the lock: %s", e.Hint)
		}
	})
	t.Run("not wanted", func(t *testing.T) {
		o := r.options(plain)
		o.NoLock = true
		r.plan(o)
	})
	t.Run("cancelled while waiting", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		o := r.options(plain)
		o.LockTimeout = time.Minute
		go func() {
			tftest.Eventually(t, "init has ended", func() bool {
				_, err := os.Stat(filepath.Join(o.DataDir, "terraform.tfstate"))
				return err == nil
			})
			cancel()
		}()
		start := time.Now()
		if e := failure(t, ctx, o); !errors.Is(e, context.Canceled) || e.Transient {
			t.Errorf("error %v, transient %v", e, e.Transient)
		}
		if took := time.Since(start); took > patience.Scaled(20*time.Second) {
			t.Errorf("the cancelled plan took %s", took)
		}
	})
	t.Run("timeout", func(t *testing.T) {
		o := r.options(plain)
		o.LockTimeout, o.Timeout = time.Minute, 2*time.Second
		if e := failure(t, t.Context(), o); !errors.Is(e, context.DeadlineExceeded) || !strings.Contains(e.Error(), "plan_timeout of 2s") {
			t.Errorf("error %v", e)
		}
	})
}

func TestStalePlan(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	files := main(`resource "terraform_data" "a" {}`)
	o := r.options(files)
	res := r.plan(o)
	r.planApply(files)
	out, code := tftest.Try(t, o.WorkDir, res.Env, "apply", "-json", res.PlanFile)
	var p jsonlog.Progress
	for line := range strings.Lines(out) {
		p.Add([]byte(line))
	}
	if code == 0 || !diag.StalePlan(p.Diagnostics) {
		t.Errorf("exit code %d, diagnostics %v", code, p.Diagnostics)
	}
}
