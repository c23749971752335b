package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/terraform/credentials"
	"sallyport/agent/terraform/environ"
	"sallyport/agent/terraform/tftest"
)

// TestCredentialsOfAPhase: terraform itself finds what was handed out, as the user that it is, while the phase runs.
func TestCredentialsOfAPhase(t *testing.T) {
	t.Parallel()
	cloud := tftest.NewAWS(t, time.Hour)
	block, _ := tftest.S3Backend(t)
	files := main(block + "\nlocals {}")
	for name, text := range files {
		for _, line := range []string{"access_key", "secret_key"} { // the stand-in's own
			var kept []string
			for l := range strings.Lines(text) {
				if !strings.Contains(l, line) {
					kept = append(kept, l)
				}
			}
			text = strings.Join(kept, "")
		}
		files[name] = text
	}
	r := newRig(t)
	o := r.options(files)
	o.AWS = &credentials.AWS{RoleARN: "arn:aws:iam::123456789012:role/plan", Region: "us-east-1", Session: "s", Getenv: cloud.Getenv}
	res := r.plan(o)
	if _, err := os.Stat(filepath.Join(o.OutDir, "aws.json")); err == nil {
		t.Error("the plan's credentials are left behind")
	}
	if env := strings.Join(res.Env, "\n"); strings.Contains(env, "AWS_") {
		t.Errorf("the apply's environment has the plan's:\n%s", env)
	}
}

func TestApplyEnvironment(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := r.options(main("locals {}"))
	o.Env, o.PlanEnv = secrets(map[string]string{"A": "1"}), secrets(map[string]string{"ONLY_PLAN": "1"})
	res := r.plan(o)
	got, err := environ.ForApply(o.OutDir, o.Env, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(res.Env, got); diff != "" {
		t.Errorf("the environment after a restart (-before +after):\n%s", diff)
	}
	if strings.Contains(strings.Join(got, " "), "ONLY_PLAN") {
		t.Error("the apply has the variables of the plan")
	}
	got, err = environ.ForApply(o.OutDir, o.Env, secrets(map[string]string{"A": "2"}))
	if err != nil || environ.Lookup(got, "A") != "2" {
		t.Errorf("A is %q, %v", environ.Lookup(got, "A"), err)
	}
}
