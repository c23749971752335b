package terraform

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/notify/redact"
)

func TestEnvironmentIsBuiltFromNothing(t *testing.T) {
	t.Parallel()
	agent := map[string]string{
		"PATH": "/bin", "HTTPS_PROXY": "http://proxy:3128", "no_proxy": "localhost", "SSL_CERT_DIR": "/certs",
		"SLACK_TOKEN": "xoxb", "AWS_SECRET_ACCESS_KEY": "x", "TF_CLI_ARGS": "-x", "TF_LOG": "TRACE", "LD_PRELOAD": "/evil.so",
		"GIT_SSH_COMMAND": "evil", "HOME": "/root", "CREDENTIALS_DIRECTORY": "/run/credentials",
	}
	o := EnvOptions{Home: "/h", TempDir: "/t", DataDir: "/d", CLIConfigFile: "/rc", Getenv: func(name string) string { return agent[name] },
		Extra: []map[string]redact.Secret{
			secrets(map[string]string{"AWS_REGION": "eu", "TF_DATA_DIR": "/elsewhere", "BOTH": "1"}), secrets(map[string]string{"BOTH": "2"})}}
	want := []string{
		"AWS_REGION=eu", "BOTH=2", "CHECKPOINT_DISABLE=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"HOME=/h", "HTTPS_PROXY=http://proxy:3128", "LANG=C.UTF-8", "PATH=/bin", "SSL_CERT_DIR=/certs", "TF_CLI_CONFIG_FILE=/rc",
		"TF_DATA_DIR=/d", "TF_INPUT=0", "TF_IN_AUTOMATION=1", "TMPDIR=/t", "no_proxy=localhost",
	}
	if diff := cmp.Diff(want, Environment(o)); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestApplyEnvironment(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := r.options(main("locals {}"))
	o.Env, o.PlanEnv = secrets(map[string]string{"A": "1"}), secrets(map[string]string{"ONLY_PLAN": "1"})
	res := r.plan(o)
	got, err := ApplyEnvironment(o.OutDir, o.Env, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(res.Env, got); diff != "" {
		t.Errorf("the environment after a restart (-before +after):\n%s", diff)
	}
	if strings.Contains(strings.Join(got, " "), "ONLY_PLAN") {
		t.Error("the apply has the variables of the plan")
	}
	got, err = ApplyEnvironment(o.OutDir, o.Env, secrets(map[string]string{"A": "2"}))
	if err != nil || lookup(got, "A") != "2" {
		t.Errorf("A is %q, %v", lookup(got, "A"), err)
	}
}

func TestGitAccess(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "it's here")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	g := &GitAccess{URL: "https://ghe.example.com:8443/ops/infra.git", Token: redact.NewSecret("p@ss/word"), CAFile: "/ca.pem",
		SSHKeyFile: "/key file", KnownHostsFile: "/known"}
	vars, cleanup, err := g.environment(&PlanOptions{OutDir: dir}, []string{"GIT_CONFIG_COUNT=2"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"GIT_CONFIG_COUNT": "4",
		"GIT_CONFIG_KEY_2": "credential.https://ghe.example.com:8443.helper", "GIT_CONFIG_VALUE_2": "store --file='" + filepath.Dir(dir) + `/it'\''s here/git-credentials'`,
		"GIT_CONFIG_KEY_3": "http.https://ghe.example.com:8443/.sslCAInfo", "GIT_CONFIG_VALUE_3": "/ca.pem",
		"GIT_SSH_COMMAND": "ssh -F /dev/null -i '/key file' -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes" +
			" -o ConnectTimeout=20 -o UserKnownHostsFile=/known -o GlobalKnownHostsFile=/dev/null",
	}
	if diff := cmp.Diff(want, vars); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	ask := func(host string) string {
		cmd := exec.Command("git", "credential", "fill")
		cmd.Stdin = strings.NewReader("protocol=https\nhost=" + host + "\n\n")
		env := []string{"PATH=" + os.Getenv("PATH"), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
			"GIT_CONFIG_KEY_0=a.b", "GIT_CONFIG_VALUE_0=x", "GIT_CONFIG_KEY_1=a.c", "GIT_CONFIG_VALUE_1=x"}
		cmd.Env = withEnv(env, vars)
		out, _ := cmd.Output()
		return string(out)
	}
	if got := ask("ghe.example.com:8443"); !strings.Contains(got, "username=x-access-token\npassword=p@ss/word\n") {
		t.Errorf("git does not know the token:\n%s", got)
	}
	if got := ask("other.example.com"); strings.Contains(got, "p@ss") {
		t.Errorf("git gives the token to another host:\n%s", got)
	}
	cleanup()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	for _, none := range []*GitAccess{nil, {}, {URL: "ssh://git@host/x", Token: redact.NewSecret("x")}, {URL: "file:///x", CAFile: "/ca"}} {
		vars, cleanup, err := none.environment(&PlanOptions{OutDir: dir}, nil)
		if err != nil || len(vars) > 0 {
			t.Errorf("%+v: %v, %v", none, vars, err)
		}
		cleanup()
	}
}
