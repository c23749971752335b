package agent_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImportsPointDown keeps the architecture: cmd -> cli -> agent -> notify -> store. The key may import what starts
// with one of its values, and nothing else of ours.
func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	leaf := []string{"store", "agent/config", "agent/datadir", "agent/fault", "agent/contain", "agent/foreign", "agent/hclfile", "agent/hint", "notify/redact", "notify/words", "store/disk"}
	allowed := map[string][]string{
		"store/disk":             {},
		"store/disk/disktest":    {},
		"notify/words":           {},
		"store":                  {"store/disk"},
		"notify/redact":          {},
		"notify":                 {"store", "notify/redact", "notify/words"},
		"notify/exchange":        {},
		"notify/slack":           {"store", "notify", "notify/exchange", "notify/redact", "notify/words"},
		"notify/slack/slacktest": {"store", "notify", "notify/redact"},

		"notify/forge":             {},
		"notify/github":            {"store", "notify", "notify/exchange", "notify/redact", "notify/forge", "notify/words"},
		"notify/github/githubtest": {},

		"configs":        {},
		"agent/fault":    {},
		"agent/contain":  {"agent/fault"},
		"agent/foreign":  {},
		"agent/proc":     {},
		"agent/hint":     {},
		"agent/datadir":  {"store"},
		"agent/clock":    {"store"},
		"agent/hclfile":  {},
		"agent/patience": {},
		"agent/trust":    {},
		"agent/config": append([]string{"agent/config/calendar", "agent/config/decode", "agent/config/environment", "agent/config/naming",
			"agent/config/remote", "agent/config/shape", "agent/config/trusted", "agent/trust"}, leaf...),
		"agent/rescue":            leaf,
		"agent/control":           append([]string{"agent/archive", "agent/peercred", "agent/rescue", "notify"}, leaf...),
		"agent/repo":              {"agent/hint", "agent/repo/odb", "agent/repo/pack", "agent/repo/transport", "agent/repo/tree", "notify/redact", "notify/words", "store", "store/disk"},
		"agent/repo/odb":          {"agent/hint", "notify/words"},
		"agent/repo/pack":         {"agent/fault", "agent/hint", "agent/repo/odb", "notify/words", "store/disk"},
		"agent/repo/transport":    {"agent/hint", "agent/repo/odb", "agent/repo/pack", "notify/redact"},
		"agent/repo/tree":         {"agent/hint", "agent/repo/odb"},
		"agent/repo/gittest":      append([]string{"agent/need"}, leaf...),
		"agent/stack":             append([]string{"agent/repo"}, leaf...),
		"agent/asuser":            {"agent/hint", "agent/proc", "store/disk"},
		"agent/asuser/asusertest": {"agent/need"},
		"agent/need":              {"agent/terraform/release"},

		"agent/archive":             {"agent/datadir", "agent/fault", "agent/foreign", "agent/hint", "agent/rescue", "store", "store/disk"},
		"agent/config/decode":       {"agent/config/trusted", "notify/redact"},
		"agent/config/trusted":      {},
		"agent/config/calendar":     {"agent/config/decode"},
		"agent/config/environment":  {"agent/config/decode", "notify/redact"},
		"agent/config/globs":        {"agent/config", "notify/words"},
		"agent/config/naming":       {"store"},
		"agent/config/remote":       {},
		"agent/config/shape":        {"agent/config/decode"},
		"agent/control/offline":     {"agent/archive", "agent/control", "agent/datadir", "store"},
		"agent/datadir/datadirtest": {"agent/datadir", "store"},
		"agent/peercred":            {"store"},

		"agent/terraform": {"store", "store/disk", "notify/redact", "agent/asuser", "agent/contain", "agent/fault", "agent/foreign",
			"agent/hclfile", "agent/hint", "agent/proc", "agent/terraform/binary", "agent/terraform/cache", "agent/terraform/credentials", "agent/terraform/diag", "agent/terraform/environ",
			"agent/terraform/jsonlog", "agent/terraform/planjson", "agent/terraform/private"},
		"agent/terraform/binary": {"agent/asuser", "agent/terraform/diag", "agent/terraform/release"},
		"agent/terraform/cache": {"store", "store/disk", "notify/words", "agent/asuser", "agent/foreign", "agent/hclfile",
			"agent/terraform/binary", "agent/terraform/diag", "agent/terraform/private"},
		"agent/terraform/credentials": {"notify/redact", "agent/asuser", "agent/contain", "agent/terraform/diag", "agent/terraform/environ", "agent/terraform/private"},
		"agent/terraform/diag":        {},
		"agent/terraform/environ":     {"notify/redact", "agent/terraform/private"},
		"agent/terraform/jsonlog":     {"agent/terraform/diag"},
		"agent/terraform/planjson":    {"store"},
		"agent/terraform/private":     {"agent/asuser"},
		"agent/terraform/release":     {},
		"agent/terraform/tftest":      {"store", "agent/need", "agent/patience"},

		"agent/packer": append([]string{"agent/asuser", "agent/proc"}, leaf...),
		"agent/runner": {"store", "notify/redact", "agent/asuser", "agent/fault", "agent/foreign", "agent/packer", "agent/proc", "agent/terraform/binary", "agent/terraform/credentials", "agent/terraform/diag", "agent/terraform/environ", "agent/terraform/jsonlog", "store/disk"},
		"agent/status": {"store", "notify", "agent/control", "notify/words"},

		// The rules, from the bottom up. They are pure.
		"agent/lifecycle/effects": {"store"},
		"agent/lifecycle/expiry":  {"agent/clock", "agent/config", "store"},
		"agent/lifecycle/policy":  {"agent/clock", "agent/config", "store"},
		"agent/lifecycle/votes": {"agent/clock", "agent/config", "agent/fault", "agent/hint", "agent/lifecycle/expiry", "notify", "notify/slack",
			"notify/words", "store"},
		"agent/lifecycle/window":    {"agent/config", "agent/config/calendar", "store"},
		"agent/lifecycle/due":       {"agent/config", "store"},
		"agent/lifecycle/ending":    {"agent/fault", "notify/words", "store"},
		"agent/lifecycle/lockowner": {"agent/terraform/diag", "store"},
		"agent/lifecycle": {"agent/clock", "agent/config", "agent/hint", "agent/lifecycle/due", "agent/lifecycle/expiry", "agent/lifecycle/policy",
			"agent/lifecycle/votes", "agent/lifecycle/window", "agent/trust", "notify", "notify/words", "store"},

		// The rooms of the agent, from the bottom up: each names every package of ours that it may use.
		"agent/bell":    {},
		"agent/health":  {"agent/bell", "agent/clock", "agent/contain", "agent/fault", "agent/hint", "notify/redact"},
		"agent/workers": {"agent/contain"},
		"agent/phrase":  {"agent/config", "agent/lifecycle/votes", "notify", "notify/slack", "notify/words", "store"},
		"agent/journal": {"agent/bell", "agent/fault", "agent/health", "store"},
		"agent/active": {"agent/asuser", "agent/config", "agent/config/globs", "agent/config/trusted", "agent/datadir", "agent/health",
			"agent/hint", "agent/journal", "agent/lifecycle/votes", "agent/packer", "agent/repo", "agent/runner", "agent/stack",
			"agent/terraform/binary", "agent/terraform/cache", "agent/terraform/credentials", "agent/terraform/diag",
			"notify/forge", "notify/github", "notify/redact", "notify/slack", "store", "store/disk"},
		"agent/announce": {"agent/active", "agent/config", "agent/health", "agent/phrase", "notify", "notify/words", "store"},
		"agent/locks": {"agent/active", "agent/announce", "agent/config", "agent/datadir", "agent/health", "agent/journal", "agent/lifecycle",
			"agent/lifecycle/lockowner", "agent/runner", "agent/terraform/diag", "agent/workers", "notify", "store"},
		"agent/ledger": {"agent/active", "agent/announce", "agent/clock", "agent/config", "agent/datadir", "agent/fault", "agent/health",
			"agent/hint", "agent/journal", "agent/lifecycle", "agent/lifecycle/effects", "agent/lifecycle/policy", "agent/locks",
			"agent/packer", "agent/phrase", "agent/rescue", "agent/runner", "agent/terraform", "agent/terraform/diag",
			"agent/workers", "notify", "notify/slack", "notify/words", "store"},
		"agent/rundir":      {"agent/control", "agent/datadir", "agent/fault", "agent/runner", "store", "store/disk"},
		"agent/hostcommand": {"agent/proc"},
		"agent/engine": {"agent/active", "agent/archive", "agent/asuser", "agent/bell", "agent/config", "agent/control", "agent/datadir",
			"agent/fault", "agent/foreign", "agent/health", "agent/hint", "agent/hostcommand", "agent/journal", "agent/ledger",
			"agent/lifecycle", "agent/lifecycle/ending", "agent/locks", "agent/packer", "agent/phrase", "agent/repo",
			"agent/rundir", "agent/runner", "agent/stack", "agent/terraform", "agent/terraform/binary", "agent/terraform/cache",
			"agent/terraform/diag", "agent/terraform/environ", "agent/terraform/jsonlog", "agent/terraform/planjson",
			"agent/workers", "notify", "notify/redact", "notify/words", "store", "store/disk"},
		"agent/source": {"agent/active", "agent/bell", "agent/clock", "agent/config", "agent/config/calendar", "agent/control", "agent/fault",
			"agent/health", "agent/journal", "agent/ledger", "agent/lifecycle", "agent/repo", "agent/trust", "notify/forge",
			"notify/words", "store"},
		"agent/view": {"agent/active", "agent/control", "agent/health", "agent/lifecycle/votes", "agent/lifecycle/window", "agent/status",
			"notify/words", "store"},
		"agent/outbox": {"agent/active", "agent/announce", "agent/bell", "agent/clock", "agent/config", "agent/engine", "agent/fault",
			"agent/health", "agent/journal", "agent/ledger", "agent/lifecycle/votes", "agent/phrase", "notify", "notify/forge",
			"notify/github", "notify/slack", "notify/words", "store"},
		"agent/triggers": {"agent/active", "agent/announce", "agent/clock", "agent/config", "agent/config/calendar", "agent/config/globs",
			"agent/engine", "agent/fault", "agent/health", "agent/hint", "agent/journal", "agent/ledger", "agent/lifecycle",
			"agent/lifecycle/due", "agent/lifecycle/effects", "agent/outbox", "agent/phrase", "agent/repo", "agent/stack",
			"agent/terraform", "agent/workers", "notify", "notify/words", "store"},
		"agent/execute/hooks": {"agent/active", "agent/engine", "agent/health", "agent/journal", "agent/ledger", "agent/workers", "store"},
		"agent/execute/remind": {"agent/active", "agent/config", "agent/health", "agent/journal", "agent/ledger", "agent/lifecycle",
			"agent/lifecycle/votes", "notify", "notify/words", "store"},
		"agent/execute/origin": {"agent/active", "agent/config", "agent/health", "agent/phrase", "agent/repo", "agent/stack", "notify/forge", "store"},
		"agent/execute": {"agent/active", "agent/asuser", "agent/clock", "agent/config", "agent/contain", "agent/datadir", "agent/engine",
			"agent/execute/hooks", "agent/execute/origin", "agent/execute/remind", "agent/fault", "agent/health", "agent/hint",
			"agent/journal", "agent/ledger", "agent/lifecycle", "agent/lifecycle/effects", "agent/lifecycle/expiry",
			"agent/lifecycle/policy", "agent/lifecycle/votes", "agent/locks", "agent/phrase", "agent/repo", "agent/rundir",
			"agent/runner", "agent/source", "agent/terraform/diag", "agent/terraform/jsonlog", "agent/triggers", "agent/workers",
			"notify", "notify/words", "store"},
		"agent/operator": {"agent/active", "agent/archive", "agent/bell", "agent/clock", "agent/config", "agent/contain", "agent/control",
			"agent/datadir", "agent/engine", "agent/execute", "agent/health", "agent/hint", "agent/journal", "agent/ledger",
			"agent/lifecycle", "agent/lifecycle/due", "agent/lifecycle/votes", "agent/locks", "agent/phrase", "agent/repo",
			"agent/rundir", "agent/source", "agent/stack", "agent/status", "agent/terraform", "agent/terraform/diag", "agent/workers", "notify",
			"notify/redact", "notify/words", "store", "store/disk"},
		"agent/slackbot": {"agent/active", "agent/bell", "agent/clock", "agent/config", "agent/contain", "agent/control", "agent/fault",
			"agent/health", "agent/hint", "agent/journal", "agent/ledger", "agent/lifecycle/votes", "agent/operator",
			"agent/outbox", "agent/phrase", "agent/rescue", "agent/view", "agent/workers", "notify", "notify/slack",
			"notify/words", "store"},
		"agent/pullrequests": {"agent/active", "agent/announce", "agent/config", "agent/health", "agent/journal", "agent/ledger", "agent/operator",
			"agent/phrase", "agent/repo", "agent/source", "agent/stack", "agent/triggers", "agent/workers", "notify/forge",
			"notify/words", "store"},
		"agent/housekeeping": {"agent/active", "agent/announce", "agent/archive", "agent/bell", "agent/clock", "agent/config",
			"agent/config/calendar", "agent/datadir", "agent/engine", "agent/fault", "agent/health", "agent/hint",
			"agent/hostcommand", "agent/journal", "agent/ledger", "agent/lifecycle", "agent/operator", "agent/outbox", "agent/phrase",
			"agent/proc", "agent/rescue", "agent/rundir", "agent/runner", "agent/status", "agent/terraform", "agent/view", "agent/workers",
			"notify/words", "store"},
		"agent/survey": {"agent/config", "agent/config/globs", "agent/stack"},
		"agent/api": {"agent/active", "agent/archive", "agent/bell", "agent/config", "agent/control", "agent/datadir", "agent/engine",
			"agent/health", "agent/hint", "agent/lifecycle/votes", "agent/operator", "agent/peercred", "agent/repo",
			"agent/rundir", "agent/runner", "agent/stack", "agent/terraform/diag", "agent/view", "notify", "notify/words", "store"},
		"agent": {"agent/active", "agent/api", "agent/bell", "agent/clock", "agent/config", "agent/config/trusted", "agent/contain",
			"agent/datadir", "agent/engine", "agent/execute", "agent/health", "agent/housekeeping", "agent/journal",
			"agent/ledger", "agent/operator", "agent/outbox", "agent/pullrequests", "agent/rescue", "agent/runner",
			"agent/slackbot", "agent/source", "agent/terraform/cache", "agent/triggers", "agent/view", "agent/workers", "store"},

		"agent/daemon":        {"agent", "agent/asuser", "agent/config", "agent/housekeeping"},
		"agent/demo":          {"store", "notify", "agent"},
		"agent/cli/render":    {"store", "notify", "notify/redact", "agent/control", "notify/words", "agent/archive"},
		"agent/cli":           {"store", "notify", "agent", "configs"},
		"agent/cmd/sallyport": {"agent/cli"},

		"agent/doctor": {"notify/github", "notify/redact", "notify/slack", "agent/asuser", "agent/config", "agent/config/calendar", "agent/config/globs", "agent/config/trusted", "agent/control", "agent/datadir",
			"agent/hint", "agent/packer", "agent/repo", "agent/stack", "agent/terraform", "agent/terraform/binary", "agent/terraform/cache", "agent/terraform/credentials", "agent/terraform/diag", "notify/words"},

		"agent/agenttest": {"agent", "agent/config", "agent/control", "agent/patience", "store"},

		"agent/e2e":   {"store", "notify", "agent"},
		"agent/sim":   {"store", "notify", "agent"},
		"agent/bench": {"store", "notify", "agent"},
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "sallyport/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		from := strings.TrimPrefix(words[0], "sallyport/")
		may, known := allowed[from]
		if !known {
			t.Errorf("package %s is not in the table of allowed imports: say here what it may use", from)
		}
		for _, imported := range words[1:] {
			to, ours := strings.CutPrefix(imported, "sallyport/")
			if ours && !permitted(to, may) {
				t.Errorf("%s imports %s: arrows only point down", from, to)
			}
		}
	}
}

func permitted(to string, may []string) bool {
	for _, prefix := range may {
		if to == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(to, prefix) ||
			prefix == "notify" && strings.HasPrefix(to, "notify/") || prefix == "agent" && strings.HasPrefix(to, "agent/") {
			return true
		}
	}
	return false
}
