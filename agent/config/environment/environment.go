// Package environment reads the variables of a process's environment that a configuration sets, and refuses those that would change
// terraform behind the agent's back.
package environment

import (
	"fmt"
	"regexp"
	"strings"

	"sallyport/agent/config/decode"
	"sallyport/notify/redact"
)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Read reads one of the env maps and refuses what would change terraform behind the agent's back. secret are those of its variables,
// sorted, whose values came from env, file or credential.
func Read(l *decode.Reader, a decode.Attributes, name string) (env map[string]redact.Secret, secret []string) {
	env, secret = l.SecretMap(a, name)
	for key := range env {
		if !envName.MatchString(key) {
			l.Fault(a.Key(name, key), "Invalid name", "%q cannot be the name of an environment variable.", key)
			continue
		}
		if instead := refusedEnv(key); instead != "" {
			l.Fault(a.Key(name, key), "Refused variable", "%s may not be set in %s: %s.", key, name, instead)
		}
	}
	return env, secret
}

// refusedEnv says what to use instead of an environment variable that is not let through; "" lets it through.
func refusedEnv(key string) string {
	if v, ok := strings.CutPrefix(key, "TF_VAR_"); ok {
		return fmt.Sprintf("use vars = { %s = ... }", v)
	}
	switch {
	case strings.HasPrefix(key, "TF_LOG"):
		return "terraform's trace holds secrets and would fill the disk; `sallyport show RUN --log` has the log of a run"
	case strings.HasPrefix(key, "TF_CLI_ARGS"):
		return "what was approved must be what runs; use vars, var_files, backend_config or lock_timeout"
	case strings.HasPrefix(key, "LD_"):
		return "it would load foreign code into terraform; use binary of the terraform block for another terraform"
	}
	return map[string]string{
		"TF_WORKSPACE":            "use workspace",
		"TF_INPUT":                "nobody is there to answer; use vars or var_files",
		"TF_IN_AUTOMATION":        "the agent sets it",
		"TF_DATA_DIR":             "the agent gives every run one of its own",
		"TF_REATTACH_PROVIDERS":   "it would replace providers by foreign processes; use cli_config_file of the terraform block for other sources of providers",
		"TF_APPEND_USER_AGENT":    "terraform-exec sets it itself; nothing replaces it",
		"TF_DISABLE_PLUGIN_TLS":   "providers are talked to over TLS; nothing replaces it",
		"TF_SKIP_PROVIDER_VERIFY": "providers are verified; nothing replaces it",
	}[key]
}
