package packer

import (
	"os"
	"sort"

	"sallyport/notify/redact"
)

// passed are the variables of the agent's own environment that Packer gets.
var passed = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "TZ",
}

// defaultPath is used when the agent itself has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environment builds Packer's whole environment from nothing, sorted: whoever can write a template can print what Packer
// sees. temp may be empty. Later maps win, but never over what keeps Packer quiet.
func Environment(home, temp string, extra ...map[string]redact.Secret) []string {
	m := map[string]string{"PATH": os.Getenv("PATH"), "LANG": "C.UTF-8", "HOME": home}
	if m["PATH"] == "" {
		m["PATH"] = defaultPath
	}
	if temp != "" {
		m["TMPDIR"] = temp
	}
	for _, name := range passed {
		if v := os.Getenv(name); v != "" {
			m[name] = v
		}
	}
	for _, vars := range extra {
		for name, value := range vars {
			m[name] = value.Reveal()
		}
	}
	m["CHECKPOINT_DISABLE"], m["PACKER_NO_COLOR"] = "1", "1"
	env := make([]string, 0, len(m))
	for name, value := range m {
		env = append(env, name+"="+value)
	}
	sort.Strings(env)
	return env
}
