package terraform

import (
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
