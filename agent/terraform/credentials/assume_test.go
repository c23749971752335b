package credentials

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/asuser"
	"sallyport/agent/need"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/tftest"
	"sallyport/notify/redact"
)

// handedOut is what credential_process says.
func handedOut(t *testing.T, dir string) sessionCredentials {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, awsCredentialsFile))
	var c sessionCredentials
	if err = errors.Join(err, json.Unmarshal(text, &c)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLendAWS(t *testing.T) {
	t.Parallel()
	cloud, dir := tftest.NewAWS(t, 4*time.Second), t.TempDir() // renewed after half of that
	role := &AWS{RoleARN: "arn:aws:iam::123456789012:role/plan", ExternalID: redact.NewSecret("ext"), Session: "sallyport-ghe-1", Getenv: cloud.Getenv}
	end, err := role.Lend(t.Context(), dir, nil, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	asked, signed := cloud.Asked()
	if q := asked[0]; q.Get("RoleArn") != role.RoleARN || q.Get("ExternalId") != "ext" || q.Get("RoleSessionName") != "sallyport-ghe-1" || q.Get("Action") != "AssumeRole" {
		t.Errorf("STS was asked %v", q)
	}
	if s := signed[0]; !strings.Contains(s, "Credential=ASIAINSTANCE/") || !strings.Contains(s, "/eu-west-3/sts/") || !strings.HasSuffix(s, " instance-session") {
		t.Errorf("signed by %s", s)
	}
	tftest.Eventually(t, "the credentials are renewed", func() bool { return handedOut(t, dir).AccessKeyID != "ASIA-plan-1" })
	end()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAWSLendsNothing(t *testing.T) {
	t.Parallel()
	cloud := tftest.NewAWS(t, time.Hour)
	cloud.Refuse("AccessDenied")
	role := &AWS{RoleARN: "arn:aws:iam::123456789012:role/plan", Session: "s", Getenv: cloud.Getenv}
	_, err := role.Lend(t.Context(), t.TempDir(), nil, nil)
	var failed *diag.Error
	if !errors.As(err, &failed) || failed.Transient || !strings.Contains(failed.Hint, "trust policy") || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("%v, %+v", err, failed)
	}
	if asked, _ := cloud.Asked(); len(asked) != 1 {
		t.Errorf("what is refused was tried %d times", len(asked))
	}
}

func TestOnlyThePhasesUserReadsItsCredentials(t *testing.T) {
	t.Parallel()
	need.Root(t, "only root can become somebody else")
	tmp, err := os.MkdirTemp("", "lent") // not below what only this user may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	user, out := &asuser.User{UID: 54321, GID: 54321}, filepath.Join(tmp, "out")
	if err := errors.Join(os.Chmod(tmp, 0o711), os.Mkdir(out, 0o700), user.Enter(out)); err != nil {
		t.Fatal(err)
	}
	role := &AWS{RoleARN: "arn:aws:iam::123456789012:role/plan", Session: "s", Getenv: tftest.NewAWS(t, time.Hour).Getenv}
	end, err := role.Lend(t.Context(), out, user, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	for id, want := range map[uint32]bool{54321: true, 54322: false} {
		cmd := exec.Command("cat", filepath.Join(out, awsCredentialsFile))
		cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
		got, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if strings.Contains(string(got), "ASIA-plan-1") != want {
			t.Errorf("user %d reads %q", id, got)
		}
	}
}
