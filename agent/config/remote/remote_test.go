package remote

import (
	"strings"
	"testing"
)

func TestParseRemote(t *testing.T) {
	for name, c := range map[string]struct{ raw, url, user, fault string }{
		"ssh":              {"ssh://git@host/ops/infra.git", "ssh://git@host/ops/infra.git", "git", ""},
		"ssh, port":        {"ssh://deploy@host:2222/x", "ssh://deploy@host:2222/x", "deploy", ""},
		"ssh, no user":     {"ssh://host/x.git", "ssh://host/x.git", "git", ""},
		"scp":              {"git@host:ops/infra.git", "ssh://git@host/ops/infra.git", "git", ""},
		"scp, absolute":    {"git@host:/srv/infra.git", "ssh://git@host/srv/infra.git", "git", ""},
		"scp, no user":     {"host:infra.git", "ssh://git@host/infra.git", "git", ""},
		"scp, IPv6":        {"git@[::1]:infra.git", "ssh://git@[::1]/infra.git", "git", ""},
		"https":            {"https://host/x.git", "https://host/x.git", "", ""},
		"http localhost":   {"http://localhost:3000/x", "http://localhost:3000/x", "", ""},
		"http IPv6":        {"http://[::1]:3000/x", "http://[::1]:3000/x", "", ""},
		"http 127.9":       {"http://127.9.9.9/x", "http://127.9.9.9/x", "", ""},
		"file":             {"file:///srv/x.git", "file:///srv/x.git", "", ""},
		"path":             {"/srv/x.git", "file:///srv/x.git", "", ""},
		"http lookalike":   {"http://127.0.0.1.example.com/x", "", "", "plain http"},
		"http localhost.x": {"http://localhost.example.com/x", "", "", "plain http"},
		"option":           {"ssh://-oProxyCommand=x/y", "", "", "dash"},
		"query":            {"https://host/x?token=abc", "", "", "no ?"},
		"no path":          {"https://host/", "", "", "has the form"},
		"no host":          {"ssh:///x", "", "", "has the form"},
		"password":         {"https://u:p@host/x", "", "", "holds a user"},
		"port":             {"ssh://git@host:99999/x", "", "", "port"},
		"blank":            {"ssh://git@host/a b", "", "", "white space"},
		"bare word":        {"infra", "", "", "neither"},
		"empty":            {"", "", "", "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(c.raw)
			if c.fault != "" {
				if err == nil || !strings.Contains(err.Error(), c.fault) {
					t.Errorf("got %+v, %v, want a fault about %s", got, err, c.fault)
				}
				return
			}
			if err != nil || got.URL != c.url || got.User != c.user {
				t.Errorf("got %+v, %v, want %s", got, err, c.url)
			}
		})
	}
}
