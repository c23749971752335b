package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

// tofu puts a program of that name into PATH that says of each call who it is in AWS, and has terraform do the work.
func tofu(t *testing.T) (binary, log string) {
	t.Helper()
	real, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	binary, log = filepath.Join(dir, "tofu"), filepath.Join(dir, "log")
	script := fmt.Sprintf(`#!/bin/sh
{ echo "verb $1"; [ -z "$AWS_CONFIG_FILE" ] || sh -c "$(sed -n 's/^credential_process = //p' "$AWS_CONFIG_FILE")"; } >> %s
exec %s "$@"
`, log, real)
	tftest.Program(t, binary, []byte(script))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return binary, log
}

// phases are what the program was told while it planned and while it applied.
func phases(t *testing.T, log string) (plan, apply string) {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range strings.Split(string(text), "verb ")[1:] {
		if strings.HasPrefix(call, "apply") {
			apply += call
		} else {
			plan += call
		}
	}
	return plan, apply
}

func TestEachStackHasItsOwnToolAndRoles(t *testing.T) {
	binary, log := tofu(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "plain/main.tf": data("p", "one")})
	own := `
  terraform { engine = "tofu" }
  aws {
    role_arn      = "arn:aws:iam::123456789012:role/may-apply"
    plan_role_arn = "arn:aws:iam::123456789012:role/may-look"
    region        = "us-east-1"
  }
`
	cloud := tftest.NewAWS(t, time.Hour)
	for _, name := range []string{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_ENDPOINT_URL_STS"} {
		t.Setenv(name, cloud.Getenv(name))
	}
	h := newHouse(t, box(r, own)+"stack \"plain\" { dir = \"plain\" }\n").start()
	run := h.Reaches("box", store.Planned)
	plan, _ := phases(t, log)
	if !strings.Contains(plan, "ASIA-may-look-1") || strings.Contains(plan, "may-apply") {
		t.Errorf("the plan was told:\n%s", plan)
	}
	if asked, _ := cloud.Asked(); asked[0].Get("RoleSessionName") != fmt.Sprintf("sallyport-box-%d", run.ID) {
		t.Errorf("the session of the plan is %v", asked[0])
	}
	h.MustDecide("box", "approve")
	h.Reaches(fmt.Sprint(run.ID), store.Applied)
	again, apply := phases(t, log)
	if !strings.Contains(apply, "ASIA-may-apply-") || strings.Contains(apply, "may-look") || strings.Contains(again, "may-apply") {
		t.Errorf("the apply was told:\n%s", apply)
	}
	if left, err := filepath.Glob(filepath.Join(h.Dir, "data", "runs", fmt.Sprint(run.ID), "*", "aws.*")); err == nil && len(left) > 0 {
		// Only until the loop has swept; it does so in the pass after the end.
		h.Eventually("the files of the run are gone", func(control.Status) bool { _, err := os.Stat(left[0]); return err != nil })
	}
	before, _ := os.ReadFile(log)
	h.Reaches("plain", store.Planned)
	h.Reaches("plain", store.Planned)
	h.MustDecide("plain", "approve")
	h.Reaches("plain", store.Applied)
	if now, _ := os.ReadFile(log); string(now) != string(before) {
		t.Errorf("the other stack was planned or applied with this one's tool:\n%s", now[len(before):])
	}

	// A plan is applied by exactly the binary that made it.
	r.commit("Change", map[string]string{"box/main.tf": data("a", "two")})
	run = h.Until("box", "planned again", func(r control.Run) bool { return r.ID > run.ID && r.Status == store.Planned })
	script, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	tftest.Program(t, binary, append(script, "# another one\n"...))
	h.MustDecide("box", "approve")
	if run = h.Reaches(fmt.Sprint(run.ID), store.Errored); !strings.Contains(run.Error, "terraform did not run") {
		t.Errorf("the error is %q", run.Error)
	}

	// Another tool in the configuration makes a waiting plan stale.
	id := h.plan("box", false)
	h.Reaches(fmt.Sprint(id), store.Planned)
	h.Body = strings.Replace(h.Body, `terraform { engine = "tofu" }`, "", 1)
	if err := h.agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Reaches(fmt.Sprint(id), store.Stale)
	h.Until("box", "planned again", func(r control.Run) bool { return r.ID > id && r.Status == store.Planned })
}

// A program that is missing for one stack is told, and the others go on.
func TestAMissingToolIsOneStacksTrouble(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "old/main.tf": "terraform {\n  required_version = \"< 1.0\"\n}\n" + data("p", "one")})
	h := newHouse(t, box(r, `terraform { engine = "tofu" }`)+"stack \"old\" { dir = \"old\" }\n").start()
	run := h.Reaches("1", store.Errored)
	if !strings.Contains(run.Error, "finding tofu") || !strings.Contains(run.Hint, "install tofu") {
		t.Errorf("the error is %q, hint %q", run.Error, run.Hint)
	}
	if run = h.Reaches("2", store.Errored); !strings.Contains(run.Error, "required_version") && !strings.Contains(run.Error, "Core version") || !strings.Contains(run.Hint, "in the stack") {
		t.Errorf("the error is %q, hint %q", run.Error, run.Hint)
	}
	h.Eventually("the missing program is a problem", func(s control.Status) bool {
		for _, p := range s.Problems {
			if p.Source == "tofu" {
				return true
			}
		}
		return false
	})
}
