package configs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/asuser"
	"sallyport/agent/need"
	"sallyport/configs"
)

// settings reads a unit: section/key to its values, in order.
func settings(unit string) map[string][]string {
	found := map[string][]string{}
	section := ""
	for line := range strings.Lines(unit) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		default:
			key, value, _ := strings.Cut(line, "=")
			found[section+"/"+key] = append(found[section+"/"+key], value)
		}
	}
	return found
}

// A stop, an upgrade or a crash of the agent must leave a running apply alone, and the rest of the unit must let it work.
func TestUnit(t *testing.T) {
	unit := settings(configs.Unit)
	for key, want := range map[string]string{
		"Service/KillMode":             "process",
		"Service/OOMPolicy":            "continue",
		"Service/Type":                 "notify",
		"Service/User":                 "sallyport",
		"Service/UMask":                "0077",
		"Service/StateDirectory":       "sallyport",
		"Service/StateDirectoryMode":   "0711", // a restart must not shut terraform.user out of an apply that runs
		"Service/RuntimeDirectory":     "sallyport",
		"Service/RuntimeDirectoryMode": "0750",
		"Service/NoNewPrivileges":      "yes",
		"Service/Restart":              "on-failure",
		// Usage errors of `sallyport agent`, and not 2, with which a crash ends: the end-to-end tests look what really happens.
		"Service/RestartPreventExitStatus": "64",
		"Service/ExecStart":                "/usr/local/bin/sallyport agent --config /etc/sallyport/sallyport.hcl",
	} {
		if have := strings.Join(unit[key], " "); have != want {
			t.Errorf("%s is %q, want %q", key, have, want)
		}
	}
	for _, key := range []string{"Service/CapabilityBoundingSet", "Service/AmbientCapabilities"} {
		if have := strings.Join(unit[key], " "); have != asuser.Needs() {
			t.Errorf("%s is %q, and the agent needs %q", key, have, asuser.Needs())
		}
	}
	for _, key := range []string{
		"Service/LoadCredential",                                            // a missing file keeps the unit from starting: they belong into a drop-in
		"Service/PrivateUsers", "Service/ProtectProc", "Service/ProcSubset", // hide who is at the socket
		"Service/MemoryMax", "Service/NoExecPaths", "Service/DynamicUser",
	} {
		if unit[key] != nil {
			t.Errorf("%s is set to %q", key, unit[key])
		}
	}
}

func TestUnitIsUnderstoodBySystemd(t *testing.T) {
	analyze := need.Program(t, "systemd-analyze")
	// The binary is not installed here; its place in the unit is checked above.
	unit := strings.Replace(configs.Unit, "/usr/local/bin/sallyport", "/bin/true", 1)
	path := filepath.Join(t.TempDir(), "sallyport.service")
	must(t, os.WriteFile(path, []byte(unit), 0o644))
	// Its exit code also speaks of other units of this machine.
	out, _ := exec.CommandContext(t.Context(), analyze, "verify", path).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "sallyport.service") {
			t.Error(line)
		}
	}
}

// The app asks for what the agent uses and nothing else: a scope too many is a right that a stolen token has.
func TestSlackScopes(t *testing.T) {
	have := scopesOf(t, configs.SlackManifest)
	want := []string{
		"channels:history", "channels:read", "chat:write", "files:write", "groups:history", "groups:read", "reactions:write",
		"usergroups:read", "users:read", "users:read.email",
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("scopes (-want +have):\n%s", diff)
	}
	for _, never := range []string{"request_url", "event_subscriptions", "slash_commands", "chat:write.public"} {
		for line := range strings.Lines(configs.SlackManifest) {
			code, _, _ := strings.Cut(line, "#")
			if strings.Contains(code, never) {
				t.Errorf("the manifest has %s", never)
			}
		}
	}
}

func scopesOf(t *testing.T, manifest string) (have []string) {
	t.Helper()
	_, list, found := strings.Cut(manifest, "    bot:\n")
	if !found {
		t.Fatal("no bot scopes")
	}
	for line := range strings.Lines(list) {
		scope, ok := strings.CutPrefix(line, "      - ")
		if !ok {
			break
		}
		scope, _, _ = strings.Cut(scope, "#")
		have = append(have, strings.TrimSpace(scope))
	}
	slices.Sort(have)
	return have
}

// The app with buttons asks for no scope more, and for what the socket needs: nothing calls us for it either.
func TestSlackManifestButtons(t *testing.T) {
	if diff := cmp.Diff(scopesOf(t, configs.SlackManifest), scopesOf(t, configs.SlackManifestButtons)); diff != "" {
		t.Errorf("scopes (-plain +buttons):\n%s", diff)
	}
	for part, want := range map[string]bool{
		"  interactivity:\n    is_enabled: true": true, "socket_mode_enabled: true": true, "- message.channels\n": true, "- message.groups\n": true,
		"request_url": false, "slash_commands": false, "\t": false,
	} {
		if strings.Contains(configs.SlackManifestButtons, part) != want {
			t.Errorf("%q is there: %t", part, !want)
		}
	}
}
