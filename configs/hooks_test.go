package configs_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
)

// hooked runs a hook of the examples with programs before others on PATH, and returns its exit code and what it printed on both
// channels.
func hooked(t *testing.T, programs, script, stdin string, env []string, args ...string) (code int, out string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(examples, script))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append([]string{"PATH=" + programs + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	cmd.Stdin = strings.NewReader(stdin)
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", script, err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// played makes a program that runs a script.
func played(t *testing.T, name, script string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/bash\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// heard checks what a hook answered: its exit code, and the lines that it printed, all of them in that order.
func heard(t *testing.T, code int, out string, want int, parts []string) {
	t.Helper()
	rest := out
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Errorf("it does not say %q in\n%s", part, out)
		}
		rest = after
	}
	if code != want {
		t.Errorf("exit code %d, want %d; it says\n%s", code, want, out)
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "sallyport: ") && strings.Contains(line, "forged") {
			t.Errorf("what it quotes states a fact: %s", line)
		}
	}
}

// The samples of after_plan hooks turn what their tools report into a note, a warning or a refusal; whatever is not a report refuses.
// See testdata/hooks/README.md for where the reports come from.
func TestHookSamples(t *testing.T) {
	t.Parallel()
	need.Program(t, "jq")
	data, err := filepath.Abs("testdata/hooks")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		tool, report string
		code, want   int // of the tool, and of the hook
		says         []string
	}{
		"policies hold":       {"conftest", "conftest-pass.json", 0, 0, []string{"policies: 2 hold, 0 warn, 0 refuse"}},
		"a policy warns":      {"conftest", "conftest-warn.json", 0, 2, []string{"  warning: aws_vpc_security_group_ingress_rule.web is open", "1 hold, 1 warn"}},
		"a policy refuses":    {"conftest", "conftest-deny.json", 1, 1, []string{"  refused: aws_ebs_volume.data would be destroyed", "  warning: ", "1 refuse"}},
		"no policy":           {"conftest", "conftest-norules.json", 0, 1, []string{"nothing was checked"}},
		"conftest fails":      {"conftest", "", 1, 1, nil},
		"conftest fails as 2": {"conftest", "", 2, 1, nil},
		"no report":           {"conftest", "README.md", 0, 1, nil},
		"an empty report":     {"conftest", "", 0, 1, nil},

		"nothing found":       {"trivy", "trivy-pass.json", 0, 0, []string{"trivy: 12 checks hold, 0 critical, 0 other"}},
		"something high":      {"trivy", "trivy-high.json", 0, 2, []string{"  HIGH aws_instance.node: Instance with", "1 other findings"}},
		"something critical":  {"trivy", "trivy-critical.json", 0, 1, []string{"  CRITICAL aws_vpc_security", "1 critical"}},
		"nothing to check":    {"trivy", "trivy-nothing.json", 0, 2, []string{"nothing to check"}},
		"trivy fails":         {"trivy", "", 1, 1, nil},
		"no report of trivy":  {"trivy", "README.md", 0, 1, nil},
		"no report, though 0": {"trivy", "", 0, 1, nil},

		"cheap":               {"infracost", "infracost-some.json", 0, 0, []string{"sallyport: monthly_cost=742.64 USD\n", "sallyport: monthly_cost_change=42.54 USD\n"}},
		"dear":                {"infracost", "infracost-much.json", 0, 2, []string{"742.64 USD\n", "742.64 USD a month more, which is over 100"}},
		"cheaper":             {"infracost", "infracost-less.json", 0, 0, []string{"monthly_cost_change=-732.64 USD"}},
		"infracost fails":     {"infracost", "", 1, 2, []string{"nobody can tell what this costs"}},
		"no report of prices": {"infracost", "README.md", 0, 2, []string{"nobody can tell what this costs"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script := fmt.Sprintf("exit %d\n", c.code)
			if c.report != "" {
				script = "cat " + filepath.Join(data, c.report) + "\n" + script
			}
			code, out := hooked(t, played(t, c.tool, script), "hooks/"+c.tool+".sh", "{}", []string{"SALLYPORT_PLAN_JSON=/plan.json"})
			heard(t, code, out, c.want, c.says)
		})
	}
}

// The policies that come with the samples, in the real conftest where there is one.
func TestPolicySamples(t *testing.T) {
	t.Parallel()
	conftest := need.Program(t, "conftest")
	for plan, want := range map[string]int{"pass": 0, "warn": 2, "deny": 1} {
		file, err := filepath.Abs("testdata/hooks/plan-" + plan + ".json")
		if err != nil {
			t.Fatal(err)
		}
		policy, err := filepath.Abs(filepath.Join(examples, "hooks/policy"))
		if err != nil {
			t.Fatal(err)
		}
		code, out := hooked(t, filepath.Dir(conftest), "hooks/conftest.sh", "{}", []string{"SALLYPORT_PLAN_JSON=" + file, "CONFTEST_POLICY=" + policy})
		heard(t, code, out, want, []string{"policies: "})
	}
}
