package runner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/patience"
	"sallyport/agent/runner"
	"sallyport/agent/standby/claims"
	"sallyport/agent/standby/etcd"
	"sallyport/agent/standby/standbytest"
)

// another is the agent on another host, which sees of a run what is in etcd.
type another struct {
	*claims.Claims
	t *testing.T
}

// among gives a run to several agents: its own host reaches the cluster from here, and the other one from another machine.
func (r *run) among(c *standbytest.Cluster, prefix string) (here *standbytest.Host, there *another) {
	r.t.Helper()
	here = c.Host("a")
	raw, err := here.Config(prefix, etcd.MinLease).Encode()
	must(r.t, err)
	r.opts.Job.Standby = raw
	config := c.Host("b").Config(prefix, etcd.MinLease)
	client, err := etcd.Dial(r.t.Context(), config)
	must(r.t, err)
	r.t.Cleanup(func() { _ = client.Close() })
	return here, &another{Claims: claims.New(client, config), t: r.t}
}

// sees waits until the other host sees what is wanted.
func (a *another) sees(what string, want func(claims.Seen) bool) (s claims.Seen) {
	a.t.Helper()
	eventually(a.t, what, func() bool {
		var err error
		s, err = a.Look(a.t.Context(), 12)
		return err == nil && want(s)
	})
	return s
}

func ended(s claims.Seen) bool { return s.End != nil }

func (a *another) report() (r runner.Report) {
	a.t.Helper()
	must(a.t, json.Unmarshal(a.sees("the end", ended).End, &r))
	return r
}

// What other hosts see of an apply, from its claim to its end, and that they can stop it.
func TestOtherHostsSeeTheApply(t *testing.T) {
	t.Parallel()
	cluster := standbytest.Start(t, standbytest.Options{Members: 1})
	for name, tt := range map[string]struct {
		config string
		do     func(t *testing.T, r *run, here *standbytest.Host, there *another, pid int)
	}{
		"it ends well": {gated, func(t *testing.T, r *run, _ *standbytest.Host, there *another, _ int) {
			r.open()
			if got := there.report(); !got.Result.OK() || got.Result.Digest != r.opts.Job.Digest || got.Progress.Done != 1 || got.Progress.Total != 1 {
				t.Errorf("told: %+v", got)
			}
		}},
		"it ends badly, and what it says holds no secret": {`
resource "terraform_data" "node" {
  provisioner "local-exec" { command = "(@GATE); echo $CLOUD_SECRET; exit 7" }
}`, func(t *testing.T, r *run, _ *standbytest.Host, there *another, _ int) {
			r.open()
			got := there.report()
			if got.Result.ExitCode != 1 || len(got.Progress.Diagnostics) == 0 || !strings.Contains(got.Progress.Diagnostics[0].Detail, "exit status 7") {
				t.Errorf("told: %+v", got)
			}
			if raw := there.sees("the end", ended).End; bytes.Contains(raw, []byte(canary)) {
				t.Errorf("a secret is in etcd: %s", raw)
			}
		}},
		"another host stops it": {gated, func(t *testing.T, r *run, _ *standbytest.Host, there *another, _ int) {
			must(t, there.Stop(t.Context(), 12))
			if got := there.report(); !got.Result.Interrupted {
				t.Errorf("told: %+v", got)
			}
		}},
		"its runner is killed": {gated, func(t *testing.T, r *run, _ *standbytest.Host, there *another, pid int) {
			must(t, syscall.Kill(pid, syscall.SIGKILL))
			if s := there.sees("no sign of life", func(s claims.Seen) bool { return !s.Alive }); s.End != nil || s.Claim == nil || s.Forbidden() {
				t.Errorf("seen: %+v", s)
			}
			r.open()
		}},
		"it ends while etcd cannot be reached": {gated, func(t *testing.T, r *run, here *standbytest.Host, there *another, _ int) {
			here.Cut()
			r.open()
			if s := r.follow(); s.Phase != runner.Finished || !s.Result.OK() {
				t.Errorf("state %+v", s)
			}
			here.Heal()
			if got := there.report(); !got.Result.OK() {
				t.Errorf("told: %+v", got)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, tt.config).plan()
			here, there := r.among(cluster, "/"+filepath.Base(r.root))
			pid := r.start()
			r.reached()
			s := there.sees("its first sign of life", func(s claims.Seen) bool { return s.AtWork() && bytes.Contains(s.Progress, []byte(`"total":1`)) })
			if s.Claim.Member != "a" || s.Claim.Digest != r.opts.Job.Digest {
				t.Errorf("claim %+v", s.Claim)
			}
			tt.do(t, r, here, there, pid)
			r.follow()
			if t.Failed() {
				t.Log(r.log())
			}
		})
	}
}

// Terraform is not executed where another agent was first, or where nobody knows.
func TestNoStartWithoutTheClaim(t *testing.T) {
	t.Parallel()
	cluster := standbytest.Start(t, standbytest.Options{Members: 1})
	for name, tt := range map[string]struct {
		before func(r *run, here *standbytest.Host, there *another)
		why    string
	}{
		"another agent has taken over": {func(r *run, _ *standbytest.Host, there *another) {
			_, err := there.Forbid(r.t.Context(), 12)
			must(r.t, err)
		}, "agent b has taken over"},
		"it was started on another host": {func(r *run, _ *standbytest.Host, there *another) {
			ctx, cancel := context.WithTimeout(r.t.Context(), patience.Limit())
			defer cancel()
			_, err := there.Claim(ctx, 12, "digest")
			must(r.t, err)
		}, "started before, on the host of agent b"},
		"etcd does not answer": {func(_ *run, here *standbytest.Host, _ *another) { here.Cut() }, "etcd did not say whether"},
		"etcd is gone":         {func(_ *run, here *standbytest.Host, _ *another) { here.Break() }, "etcd did not say whether"},
		"what it was told of etcd is nonsense": {func(r *run, _ *standbytest.Host, _ *another) {
			r.opts.Job.Standby = json.RawMessage(`{"endpoints":[]}`)
		}, "no endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, plain).plan()
			here, there := r.among(cluster, "/"+filepath.Base(r.root))
			tt.before(r, here, there)
			r.start()
			s := r.follow()
			if s.Phase != runner.Finished || !strings.Contains(s.Result.Refused, tt.why) || s.TerraformStarted || has(filepath.Join(r.dir, "started")) {
				t.Errorf("state %+v, result %+v\n%s", s, s.Result, r.log())
			}
			if has(r.state) {
				t.Errorf("terraform was executed:\n%s", r.stateText())
			}
		})
	}
}

// A runner that is halted at its claim, while another agent takes over, does not start whenever it goes on.
func TestAHaltedRunnerDoesNotStart(t *testing.T) {
	t.Parallel()
	r := newRun(t, plain).plan()
	cluster := standbytest.Start(t, standbytest.Options{Members: 1})
	here, there := r.among(cluster, "/halted")
	here.Cut() // until it is halted
	pid := r.start()
	eventually(t, "the runner is about to claim", func() bool { return has(filepath.Join(r.dir, "apply", "plan.tfplan")) })
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	here.Heal()
	_, err := there.Forbid(t.Context(), 12)
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGCONT))
	if s := r.follow(); s.Phase != runner.Finished || s.Result.Refused == "" || has(r.state) {
		t.Errorf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
}
