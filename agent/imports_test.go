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
		"notify/slack":           {"store", "notify", "notify/redact", "notify/words"},
		"notify/slack/slacktest": {"store", "notify", "notify/redact"},

		"notify/forge":             {},
		"notify/github":            {"store", "notify", "notify/redact", "notify/forge", "notify/words"},
		"notify/github/githubtest": {},

		"configs":                 {},
		"agent/fault":             {},
		"agent/contain":           {"agent/fault"},
		"agent/foreign":           {},
		"agent/proc":              {},
		"agent/hint":              {},
		"agent/datadir":           {"store"},
		"agent/clock":             {"store"},
		"agent/hclfile":           {},
		"agent/patience":          {},
		"agent/trust":             {},
		"agent/config":            append([]string{"agent/config/decode", "agent/config/trusted", "agent/trust"}, leaf...),
		"agent/rescue":            leaf,
		"agent/control":           append([]string{"agent/rescue", "notify"}, leaf...),
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
		"agent/datadir/datadirtest": {"agent/datadir", "store"},
		"agent/peercred":            {"store"},

		"agent/terraform": {"store", "store/disk", "notify/redact", "agent/asuser", "agent/contain", "agent/fault", "agent/foreign",
			"agent/hclfile", "agent/proc", "agent/terraform/binary", "agent/terraform/cache", "agent/terraform/credentials", "agent/terraform/diag", "agent/terraform/environ",
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

		"agent/packer":        append([]string{"agent/asuser"}, leaf...),
		"agent/runner":        {"store", "notify/redact", "agent/asuser", "agent/fault", "agent/foreign", "agent/packer", "agent/proc", "agent/terraform/binary", "agent/terraform/credentials", "agent/terraform/diag", "agent/terraform/environ", "agent/terraform/jsonlog", "store/disk"},
		"agent/status":        {"store", "notify", "agent/control", "notify/words"},
		"agent/lifecycle":     append([]string{"agent/clock", "agent/trust", "notify"}, leaf...),
		"agent":               {"store", "notify", "agent/", "store/disk"},
		"agent/demo":          {"store", "notify", "agent"},
		"agent/cli/render":    {"store", "notify/redact", "agent/control", "notify/words", "agent/archive"},
		"agent/cli":           {"store", "notify", "agent", "configs"},
		"agent/cmd/sallyport": {"agent/cli"},

		"agent/doctor": {"notify/github", "notify/redact", "notify/slack", "agent/asuser", "agent/config", "agent/config/trusted", "agent/control", "agent/datadir",
			"agent/hint", "agent/packer", "agent/repo", "agent/stack", "agent/terraform", "agent/terraform/binary", "agent/terraform/cache", "agent/terraform/credentials", "agent/terraform/diag", "notify/words"},

		"agent/e2e":   {"store", "notify", "agent"},
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
			if ours && !permitted(from, to, may) {
				t.Errorf("%s imports %s: arrows only point down", from, to)
			}
		}
	}
}

func permitted(from, to string, may []string) bool {
	for _, prefix := range may {
		if to == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(to, prefix) ||
			prefix == "notify" && strings.HasPrefix(to, "notify/") || prefix == "agent" && strings.HasPrefix(to, "agent/") {
			return from != "agent" || !strings.HasPrefix(to, "agent/cli") && !strings.HasPrefix(to, "agent/cmd") &&
				!strings.HasPrefix(to, "agent/demo") && !strings.HasPrefix(to, "agent/doctor")
		}
	}
	return false
}
