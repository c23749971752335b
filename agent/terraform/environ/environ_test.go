package environ

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/notify/redact"
)

func TestEnvironmentIsBuiltFromNothing(t *testing.T) {
	agent := map[string]string{
		"PATH": "/bin", "HTTPS_PROXY": "http://proxy:3128", "no_proxy": "localhost", "SSL_CERT_DIR": "/certs",
		"SLACK_TOKEN": "xoxb", "AWS_SECRET_ACCESS_KEY": "x", "TF_CLI_ARGS": "-x", "TF_LOG": "TRACE", "LD_PRELOAD": "/evil.so",
		"GIT_SSH_COMMAND": "evil", "HOME": "/root", "CREDENTIALS_DIRECTORY": "/run/credentials",
	}
	o := Options{Home: "/h", TempDir: "/t", DataDir: "/d", CLIConfigFile: "/rc", Getenv: func(name string) string { return agent[name] },
		Extra: []map[string]redact.Secret{
			secrets(map[string]string{"AWS_REGION": "eu", "TF_DATA_DIR": "/elsewhere", "BOTH": "1"}), secrets(map[string]string{"BOTH": "2"})}}
	want := []string{
		"AWS_REGION=eu", "BOTH=2", "CHECKPOINT_DISABLE=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"HOME=/h", "HTTPS_PROXY=http://proxy:3128", "LANG=C.UTF-8", "PATH=/bin", "SSL_CERT_DIR=/certs", "TF_CLI_CONFIG_FILE=/rc",
		"TF_DATA_DIR=/d", "TF_INPUT=0", "TF_IN_AUTOMATION=1", "TMPDIR=/t", "no_proxy=localhost",
	}
	if diff := cmp.Diff(want, Build(o)); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func secrets(m map[string]string) map[string]redact.Secret {
	out := make(map[string]redact.Secret, len(m))
	for k, v := range m {
		out[k] = redact.NewSecret(v)
	}
	return out
}
