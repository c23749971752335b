package terraform

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"sallyport/notify/redact"
)

// EnvOptions say what terraform's environment is built from. Nothing of the agent's own environment gets in but PATH,
// proxies and the places of CA certificates: the agent may hold tokens, and whoever can write a configuration can
// print what terraform sees.
type EnvOptions struct {
	Home          string                     `json:"home"`            // of git, ssh and cloud tools; must exist if they need it
	TempDir       string                     `json:"temp_dir"`        // TMPDIR
	DataDir       string                     `json:"data_dir"`        // TF_DATA_DIR
	CLIConfigFile string                     `json:"cli_config_file"` // TF_CLI_CONFIG_FILE; without one terraform would read ~/.terraformrc
	Extra         []map[string]redact.Secret `json:"-"`               // the stack's variables, later maps win; they override all of ours but those of terraform
	Getenv        func(string) string        `json:"-"`               // of the agent; default os.Getenv
}

// passed are the variables of the agent's own environment that terraform gets.
var passed = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "TZ",
}

// Outbound returns the variables of the agent's own environment by which a process of its own that takes on roles in AWS
// reaches the outside.
func Outbound(getenv func(string) string) (env []string) {
	for _, name := range append([]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_ENDPOINT_URL_STS"}, passed...) {
		if v := getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// defaultPath is used when the agent itself has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environment builds terraform's whole environment from nothing, sorted by name.
func Environment(o EnvOptions) []string {
	getenv := o.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	m := map[string]string{
		"PATH": getenv("PATH"), "LANG": "C.UTF-8",
		"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.DevNull,
	}
	if m["PATH"] == "" {
		m["PATH"] = defaultPath
	}
	for _, name := range passed {
		if v := getenv(name); v != "" {
			m[name] = v
		}
	}
	if o.Home != "" {
		m["HOME"] = o.Home
	}
	if o.TempDir != "" {
		m["TMPDIR"] = o.TempDir
	}
	for _, extra := range o.Extra {
		for name, value := range extra {
			m[name] = value.Reveal()
		}
	}
	m["TF_IN_AUTOMATION"], m["TF_INPUT"], m["CHECKPOINT_DISABLE"] = "1", "0", "1"
	m["TF_DATA_DIR"], m["TF_CLI_CONFIG_FILE"] = o.DataDir, o.CLIConfigFile
	env := make([]string, 0, len(m))
	for name, value := range m {
		env = append(env, name+"="+value)
	}
	sort.Strings(env)
	return env
}

// environmentFile holds the paths of a plan's environment, so that its apply gets the same after a restart of the agent.
// The stack's variables are not in it: they can be secrets, and the configuration still has them.
const environmentFile = "environment.json"

// save writes the options beside the plan.
func (o EnvOptions) save(outDir string) error {
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("recording the environment: %w", err)
	}
	if _, err := replacePrivate(filepath.Join(outDir, environmentFile), text); err != nil {
		return fmt.Errorf("recording the environment: %w", err)
	}
	return nil
}

// ApplyEnvironment builds the environment in which a plan is applied: the paths of the plan that lies in outDir, and the
// stack's variables as the configuration has them, those of the apply alone last.
func ApplyEnvironment(outDir string, env, applyEnv map[string]redact.Secret) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(outDir, environmentFile))
	if err != nil {
		return nil, fmt.Errorf("reading the plan's environment: %w", err)
	}
	var o EnvOptions
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("reading the plan's environment: %w", err)
	}
	o.Extra = []map[string]redact.Secret{env, applyEnv}
	return Environment(o), nil
}

// lookup returns the value of a variable in an environment.
func lookup(env []string, name string) string {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// withEnv returns a copy of env in which the variables of m replace those of the same name.
func withEnv(env []string, m map[string]string) []string {
	out := make([]string, 0, len(env)+len(m))
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if _, replaced := m[name]; !replaced {
			out = append(out, kv)
		}
	}
	for name, value := range m {
		out = append(out, name+"="+value)
	}
	sort.Strings(out)
	return out
}
