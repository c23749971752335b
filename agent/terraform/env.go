package terraform

import (
	"os"
	"sort"
	"strings"

	"sallyport/notify/redact"
)

// EnvOptions say what terraform's environment is built from. Nothing of the agent's own environment gets in but PATH,
// proxies and the places of CA certificates: the agent may hold tokens, and whoever can write a configuration can
// print what terraform sees.
type EnvOptions struct {
	Home          string                     // of git, ssh and cloud tools; must exist if they need it
	TempDir       string                     // TMPDIR
	DataDir       string                     // TF_DATA_DIR
	CLIConfigFile string                     // TF_CLI_CONFIG_FILE; without one terraform would read ~/.terraformrc
	Extra         []map[string]redact.Secret // the stack's variables, later maps win; they can override all of ours but TF_*
	Getenv        func(string) string        // of the agent; default os.Getenv
}

// passed are the variables of the agent's own environment that terraform gets.
var passed = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "TZ",
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
