// Package environ builds the environment in which terraform runs, from nothing: see [Build].
//
// A plan's environment is written beside the plan as far as it consists of paths ([Options.Save]), so that the apply gets the same one
// after a restart of the agent ([ForApply]). The stack's variables are not in that file: they can be secrets, and the configuration
// still has them.
//
// The package imports redact, whose secrets are among the variables, and private, which writes the file.
package environ

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"sallyport/agent/terraform/private"
	"sallyport/notify/redact"
)

// Options say from what terraform's environment is built. Nothing of the agent's own environment gets in but PATH,
// proxies and the places of CA certificates: the agent may hold tokens, and whoever can write a configuration can
// print what terraform sees.
type Options struct {
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

// Outbound are the variables of the agent's own environment, as NAME=VALUE, that another process of this program needs to take on roles
// in AWS.
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

// Build builds terraform's whole environment, as NAME=VALUE, sorted by name.
func Build(o Options) []string {
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

// environmentFile holds the paths of a plan's environment, beside the plan.
const environmentFile = "environment.json"

// Save writes the paths into the directory of the plan, for [ForApply].
func (o Options) Save(outDir string) error {
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("recording the environment: %w", err)
	}
	if _, err := private.Replace(filepath.Join(outDir, environmentFile), text); err != nil {
		return fmt.Errorf("recording the environment: %w", err)
	}
	return nil
}

// ForApply builds the environment in which a plan is applied: the paths of the plan that lies in outDir, and the
// stack's variables as the configuration has them, those of the apply alone last.
func ForApply(outDir string, env, applyEnv map[string]redact.Secret) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(outDir, environmentFile))
	if err != nil {
		return nil, fmt.Errorf("reading the plan's environment: %w", err)
	}
	var o Options
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("reading the plan's environment: %w", err)
	}
	o.Extra = []map[string]redact.Secret{env, applyEnv}
	return Build(o), nil
}

// Lookup returns the value of a variable in an environment; empty if it is not there.
func Lookup(env []string, name string) string {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// With returns a copy of env in which the variables of m replace those of the same name.
func With(env []string, m map[string]string) []string {
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
