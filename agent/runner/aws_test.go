package runner_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/runner"
	"sallyport/agent/terraform/credentials"
	"sallyport/agent/terraform/tftest"
)

// asRole gives the run a role at a stand-in for AWS whose sessions last four seconds.
func (r *run) asRole() *tftest.AWS {
	cloud := tftest.NewAWS(r.t, 4*time.Second)
	for _, name := range []string{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_ENDPOINT_URL_STS"} {
		r.t.Setenv(name, cloud.Getenv(name))
	}
	role := credentials.AWS{RoleARN: "arn:aws:iam::123456789012:role/apply", Session: "sallyport-ghe-12"}
	r.opts.Job.AWS = &runner.AWSRole{AWS: role, ExternalID: "ext", Dir: r.root}
	return cloud
}

// TestARoleOutlivesTheAgent: an apply whose agent is dead goes on to have credentials that last, and they end with it.
func TestARoleOutlivesTheAgent(t *testing.T) {
	r := newRun(t, `
resource "terraform_data" "a" {
  provisioner "local-exec" {
    command = "(@GATE) && while grep -qw ASIA-apply-1 @ROOT/aws.json; do sleep 0.1; done"
  }
}
`).plan()
	cloud := r.asRole()
	opts, err := json.Marshal(r.opts)
	must(t, err)
	cmd := exec.Command(executable(t), agentVerb)
	cmd.Stdin = bytes.NewReader(opts)
	must(t, cmd.Start())
	r.reached()
	text, err := os.ReadFile(filepath.Join(r.root, "aws.json"))
	must(t, err)
	if !strings.Contains(string(text), `"AccessKeyId":"ASIA-apply-`) {
		t.Errorf("terraform started with %s", text)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed
	r.open()
	if s := r.follow(); s.Phase != runner.Finished || !s.Result.OK() {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
	if has(filepath.Join(r.root, "aws.json")) {
		t.Error("the credentials are left behind")
	}
	if asked, _ := cloud.Asked(); len(asked) < 2 || asked[1].Get("ExternalId") != "ext" {
		t.Errorf("STS was asked %v", asked)
	}
}

// TestARoleThatIsRefused: without its credentials an apply does not begin, and says why.
func TestARoleThatIsRefused(t *testing.T) {
	r := newRun(t, plain).plan()
	r.asRole().Refuse("AccessDenied")
	r.start()
	s := r.follow()
	if s.Phase != runner.Finished || s.TerraformStarted || !strings.Contains(s.Result.Refused, "AccessDenied") {
		t.Fatalf("state %+v, result %+v\n%s", s, s.Result, r.log())
	}
}
