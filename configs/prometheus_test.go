package configs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/metrics/exposition"
	"sallyport/agent/need"
)

const prometheus = "prometheus/"

// named are the metrics of ours that a text names, without what histograms add.
func named(text string) []string {
	var names []string
	for _, name := range regexp.MustCompile(`\bsallyport_[a-z_]+`).FindAllString(text, -1) {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// An alert on a metric that nobody exports never fires, and says so nowhere. Every metric is shown or watched somewhere.
func TestAlertsAndDashboardNameMetrics(t *testing.T) {
	t.Parallel()
	used := map[string]bool{"sallyport_leader": true, "sallyport_ping_last_success_timestamp_seconds": true, "sallyport_backup_size_bytes": true, // only to be asked for
		"sallyport_stack_drift_since_timestamp_seconds": true}
	for _, file := range []string{"sallyport.rules.yml", "../testdata/alerts.test.yml", "dashboard.json"} {
		text, err := os.ReadFile(prometheus + file)
		must(t, err)
		names := named(string(text))
		if len(names) < 5 {
			t.Errorf("%s names %v", file, names)
		}
		for _, name := range names {
			if used[name] = true; !slices.Contains(exposition.Names(), name) {
				t.Errorf("%s names %s, which no agent exports", file, name)
			}
		}
	}
	for _, name := range exposition.Names() {
		if !used[name] {
			t.Errorf("%s is on no dashboard and in no alert", name)
		}
	}
}

// Every alert says how bad it is, what it is, and what to do.
func TestAlertsSayWhatToDo(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(prometheus + "sallyport.rules.yml")
	must(t, err)
	alerts := strings.Split(string(text), "      - alert: ")[1:]
	if len(alerts) < 10 {
		t.Errorf("there are %d alerts", len(alerts))
	}
	for _, alert := range alerts {
		name, rest, _ := strings.Cut(alert, "\n")
		for _, part := range []string{"        expr: ", "        labels: {severity: ", "          summary: ", "          description: "} {
			if strings.Count(rest, part) != 1 {
				t.Errorf("%s has no %s", name, strings.TrimSpace(part))
			}
		}
	}
}

// The dashboard is JSON that Grafana can take: every panel has a place and a number of its own, and asks for something.
func TestDashboard(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(prometheus + "dashboard.json")
	must(t, err)
	var board struct {
		UID    string
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	must(t, json.Unmarshal(text, &board))
	if board.UID == "" || len(board.Panels) < 10 {
		t.Errorf("the board %q has %d panels", board.UID, len(board.Panels))
	}
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %s: %+v", p.ID, p.Title, p)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			if len(named(target.Expr)) == 0 || strings.Count(target.Expr, "(") != strings.Count(target.Expr, ")") {
				t.Errorf("panel %s asks for %q", p.Title, target.Expr)
			}
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// Prometheus' own tool takes the alerts, sees them fire when they should, and takes what the dashboard asks for.
func TestPromtoolRules(t *testing.T) {
	t.Parallel()
	promtool := need.Program(t, "promtool")
	run := func(words ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), promtool, words...)
		cmd.Dir = prometheus
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(words, " "), err, out)
		}
	}
	run("check", "rules", "sallyport.rules.yml")
	run("test", "rules", "../testdata/alerts.test.yml")

	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	text, err := os.ReadFile(prometheus + "dashboard.json")
	must(t, err)
	must(t, json.Unmarshal(text, &board))
	rules := "groups:\n  - name: dashboard\n    rules:\n"
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			expr := strings.ReplaceAll(target.Expr, "$instance", ".*")
			rules += "      - record: one\n        labels: {expr: " + inYAML(expr) + "}\n        expr: " + inYAML(expr) + "\n"
		}
	}
	file := t.TempDir() + "/dashboard.rules.yml"
	must(t, os.WriteFile(file, []byte(rules), 0o600))
	run("check", "rules", file)
}

// inYAML writes a string for YAML, whose double-quoted strings take what JSON's do.
func inYAML(s string) string {
	quoted, _ := json.Marshal(s)
	return string(quoted)
}
