package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/config/shape"
)

func TestStackFor(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, `
repository "infra" {
  url = "/srv/git/infra.git"
}

stacks "services/*" {
  var_files  = ["../common.tfvars"]
  depends_on = ["services-base"]
}

stack "alike" {
  dir       = "services/jira"
  var_files = ["../common.tfvars"]
  workspace = "default"
  label     = "PROD"
}
`)
	g := cfg.StackGlobs[0]
	jira, err := g.StackFor("services/jira")
	if err != nil {
		t.Fatal(err)
	}
	if jira.Name != "services-jira" || jira.Dir != "services/jira" || jira.Repository != "infra" || jira.Workspace != "default" {
		t.Errorf("got %+v", jira)
	}
	if diff := cmp.Diff([]string{"services-base"}, jira.DependsOn); diff != "" {
		t.Error(diff)
	}
	base, err := g.StackFor("services/base")
	if err != nil || len(base.DependsOn) != 0 {
		t.Errorf("the one that all depend on depends on %v, %v", base.DependsOn, err)
	}
	if jira.Inputs == base.Inputs || jira.Inputs != cfg.Stacks[0].Inputs {
		t.Error("inputs differ by directory, and not by the kind of block")
	}
	for _, dir := range []string{"../x", "/x", "", ".", ".git/x"} { // of the root the var file would lie outside
		if _, err := g.StackFor(dir); err == nil {
			t.Errorf("%q became a stack", dir)
		}
	}
}

// TestInputs: what reaches terraform makes a waiting plan stale, and nothing else does.
func TestInputs(t *testing.T) {
	const head = "repository \"infra\" {\n  url = \"/srv/git/infra.git\"\n}\n"
	w := newWorld(t)
	inputs := func(rest, body string) string {
		return w.load(t, head+rest+"\nstack \"ghe\" {\n"+body+"\n}\n").Stacks[0].Inputs
	}
	base := inputs("", "dir = \"ghe\"\nvars = { a = 1, b = [true] }\nenv = { A = \"1\", B = \"2\" }")
	if len(base) != 64 {
		t.Fatalf("no SHA-256: %s", base)
	}
	for name, same := range map[string]string{
		"order":      inputs("", "env = { B = \"2\", A = \"1\" }\ndir = \"ghe\"\nvars = { b = [true], a = 1 }"),
		"defaults":   inputs("defaults {\n  vars = { a = 1, b = [true] }\n}\n", "dir = \"ghe\"\nenv = { A = \"1\", B = \"2\" }"),
		"secret":     inputs("", "dir = \"ghe\"\nvars = { a = 1, b = [true] }\nenv = { A = \"1\", B = \"${2}\" }"),
		"not inputs": inputs("terraform {\n  parallel = 7\n}\n", "dir = \"ghe\"\nvars = { a = 1, b = [true] }\nenv = { A = \"1\", B = \"2\" }\nlabel = \"X\"\nchannel = \"#x\"\nprotect = [\"*\"]\napprovers = [\"U01ABCDEF\"]\nplan_ttl = \"1h\"\nmode = \"observe\"\nwatch = [\"x\"]"),
	} {
		if same != base {
			t.Errorf("%s changes the inputs", name)
		}
	}
	seen := map[string]string{base: "base"}
	for name, other := range map[string]string{
		"dir":       inputs("", "dir = \"other\"\nvars = { a = 1, b = [true] }\nenv = { A = \"1\", B = \"2\" }"),
		"type":      inputs("", "dir = \"ghe\"\nvars = { a = \"1\", b = [true] }\nenv = { A = \"1\", B = \"2\" }"),
		"var file":  inputs("", "dir = \"ghe\"\nvars = { a = 1, b = [true] }\nenv = { A = \"1\", B = \"2\" }\nvar_files = [\"x\"]"),
		"env":       inputs("", "dir = \"ghe\"\nvars = { a = 1, b = [true] }\nenv = { A = \"1\", B = \"3\" }"),
		"phase":     inputs("", "dir = \"ghe\"\nvars = { a = 1, b = [true] }\nplan_env = { A = \"1\", B = \"2\" }"),
		"workspace": inputs("", "dir = \"ghe\"\nvars = { a = 1, b = [true] }\nenv = { A = \"1\", B = \"2\" }\nworkspace = \"x\""),
		"backend":   inputs("", "dir = \"ghe\"\nvars = { a = 1, b = [true] }\nenv = { A = \"1\", B = \"2\" }\nbackend_config = { b = \"x\" }"),
		"version":   inputs("terraform {\n  version = \"1.11.4\"\n}\n", "dir = \"ghe\"\nvars = { a = 1, b = [true] }\nenv = { A = \"1\", B = \"2\" }"),
		"infinity":  inputs("", "dir = \"ghe\"\nvars = { a = 1/0.000001, b = [true] }\nenv = { A = \"1\", B = \"2\" }"),
	} {
		if first, dup := seen[other]; dup {
			t.Errorf("%s has the inputs of %s", name, first)
		}
		seen[other] = name
	}
}

func TestSameDirOtherWorkspaceOrBackend(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, read(t, "testdata/good/minimal.hcl")+`
stack "two" {
  dir       = "."
  workspace = "two"
}

stack "three" {
  dir            = "."
  backend_config = { key = "three" }
}
`)
	if len(cfg.Stacks) != 3 {
		t.Errorf("got %d stacks", len(cfg.Stacks))
	}
}

func TestApprovals(t *testing.T) {
	slack := "slack {\n  token     = credential(\"slack-bot-token\")\n  channel   = \"C0123456789\"\n  approvers = [%A]\n}\n"
	for name, c := range map[string]struct {
		approvals, approvers, rest string
		ok                         bool
	}{
		"as many as people":                {"2", `"U01ABCDEF", "a@example.com"`, "cli_approvals = false\n", true},
		"one too many":                     {"3", `"U01ABCDEF", "a@example.com"`, "cli_approvals = false\n", false},
		"the same twice":                   {"2", `"U01ABCDEF", "U01ABCDEF"`, "cli_approvals = false\n", false},
		"a group":                          {"9", `"S01OPSTEAM"`, "cli_approvals = false\n", true},
		"the command line is one at most":  {"2", `"U01ABCDEF"`, "", true}, // with a warning: nobody knows which
		"and only one":                     {"3", `"U01ABCDEF"`, "", false},
		"people of the command line":       {"2", `"U01ABCDEF"`, "person \"joe\" {\n  os = \"joe\"\n}\n", true},
		"a person in both places is one":   {"3", `"U01ABCDEF"`, "person \"joe\" {\n  slack = \"U01ABCDEF\"\n  os = \"joe\"\n}\n", false},
		"nobody but the command line":      {"1", ``, "", true},
		"nobody and no command line":       {"1", ``, "cli_approvals = false\n", false},
		"two identities, both slack's own": {"2", `"U01ABCDEF", "U01ABCDEG"`, "cli_approvals = false\nperson \"joe\" {\n  slack = \"U01ABCDEF\"\n}\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			text := read(t, "testdata/good/minimal.hcl") + "defaults {\n  approvals = " + c.approvals + "\n}\n" +
				strings.ReplaceAll(slack, "%A", c.approvers) + c.rest
			if _, err := Load(w.config(t, "sallyport.hcl", text), w.opts); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Where two people are asked for, check says which votes from shells cannot be told from others.
func TestShellsThatNothingTiesWarn(t *testing.T) {
	slack := "slack {\n  token     = credential(\"slack-bot-token\")\n  channel   = \"C0123456789\"\n  approvers = [\"U01ABCDEF\", \"U01ABCDEG\"]\n}\n"
	for name, c := range map[string]struct{ approvals, rest, warns string }{
		"nobody is tied":           {"2", "", "never add to those of others"},
		"a block without os":       {"2", "person \"joe\" {\n  slack = \"U01ABCDEF\"\n}\n", "never add to those of others"},
		"a block without slack":    {"2", "person \"joe\" {\n  os = \"joe\"\n}\n", "has os and no slack"},
		"both":                     {"2", "person \"joe\" {\n  slack = \"U01ABCDEF\"\n  os = \"joe\"\n}\n", ""},
		"one approval":             {"1", "", ""},
		"shells have no approvals": {"2", "cli_approvals = false\n", ""},
		"more than can be told":    {"3", "person \"joe\" {\n  slack = \"U01ABCDEF\"\n  os = \"joe\"\n}\n", "only 2 people can be told apart"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.load(t, read(t, "testdata/good/minimal.hcl")+slack+"defaults {\n  approvals = "+c.approvals+"\n}\n"+c.rest)
			switch {
			case c.warns == "" && len(cfg.Warnings) > 0:
				t.Errorf("warnings: %q", cfg.Warnings)
			case c.warns != "" && (len(cfg.Warnings) != 1 || !strings.Contains(cfg.Warnings[0], c.warns)):
				t.Errorf("warnings: %q, want %q", cfg.Warnings, c.warns)
			}
		})
	}
}

func TestSelfApprovalWarns(t *testing.T) {
	w := newWorld(t)
	text := read(t, "testdata/good/minimal.hcl") + "defaults {\n  allow_self_approval = false\n}\n"
	if cfg := w.load(t, text); len(cfg.Warnings) != 1 || cfg.Stacks[0].AllowSelfApproval {
		t.Errorf("warnings: %q", cfg.Warnings)
	}
}

// Code of pull requests runs before anybody has approved anything: not beside the agent's secrets without a loud word.
func TestPullRequestsWithoutUserWarn(t *testing.T) {
	for name, c := range map[string]struct {
		plans, terraform string
		warned           bool
	}{
		"trusted, as the agent": {"trusted", "", true},
		"trusted, as another":   {"trusted", `user = "sallyport-tf"`, false},
		"off":                   {"off", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			text := "repository \"infra\" {\n  url = \"https://github.com/ops/infra.git\"\n  github {\n    repository = \"ops/infra\"\n    token = credential(\"slack-bot-token\")\n    pull_requests = \"" +
				c.plans + "\"\n  }\n}\nstack \"ghe\" {\n  dir = \"ghe\"\n}\nterraform {\n  " + c.terraform + "\n}\n"
			cfg := w.load(t, text)
			if warned := strings.Contains(strings.Join(cfg.Warnings, "\n"), "DANGER: pull requests of infra"); warned != c.warned {
				t.Errorf("warnings: %q", cfg.Warnings)
			}
		})
	}
}

// What plans of pull requests are not given is told where the configuration is read.
func TestSecretsOfPreviews(t *testing.T) {
	for name, c := range map[string]struct{ github, stack, warns string }{
		"none":                  {`pull_requests = "trusted"`, `env = { AWS_REGION = "us-east-1" }`, ""},
		"of env and vars":       {`pull_requests = "trusted"`, `env = { TOKEN = credential("slack-bot-token") }` + "\n" + `vars = { deep = { s = credential("slack-bot-token") } }`, "(vars deep, env TOKEN)"},
		"a part of a value":     {`pull_requests = "trusted"`, `plan_env = { URL = "https://me:${credential("slack-bot-token")}@x" }`, "(plan_env URL)"},
		"one role for all":      {`pull_requests = "trusted"`, `aws { role_arn = "arn:aws:iam::123456789012:role/apply" }`, "the role of its applies"},
		"of applies alone":      {`pull_requests = "trusted"`, `apply_env = { TOKEN = credential("slack-bot-token") }`, ""},
		"they are given":        {"pull_requests = \"trusted\"\nsecrets_to_previews = true", `env = { TOKEN = credential("slack-bot-token") }`, ""},
		"nothing is so planned": {`pull_requests = "off"`, `env = { TOKEN = credential("slack-bot-token") }`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			text := "repository \"infra\" {\n  url = \"https://github.com/ops/infra.git\"\n  github {\n    repository = \"ops/infra\"\n    token = credential(\"slack-bot-token\")\n    " +
				c.github + "\n  }\n}\nstack \"ghe\" {\n  dir = \"ghe\"\n  " + c.stack + "\n}\nterraform {\n  user = \"sallyport-tf\"\n}\n"
			all := strings.Join(w.load(t, text).Warnings, "\n")
			if warned := strings.Contains(all, "plans of pull requests are not given"); warned != (c.warns != "") || !strings.Contains(all, c.warns) {
				t.Errorf("warnings: %q", all)
			}
		})
	}
}

func TestCycles(t *testing.T) {
	stacks := []*Stack{
		{Name: "c", DependsOn: []string{"a", "gone"}}, {Name: "a", DependsOn: []string{"b"}}, {Name: "b", DependsOn: []string{"c", "d", "c"}},
		{Name: "d"}, {Name: "e", DependsOn: []string{"e", "a"}},
	}
	if diff := cmp.Diff([][]string{{"a", "b", "c"}, {"e"}}, Cycles(stacks)); diff != "" {
		t.Error(diff)
	}
}

func TestLoadClient(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		want  Client
		fault string
	}{
		"defaults":          {"", Client{shape.DefaultDataDir, shape.DefaultSocket, true}, ""},
		"both":              {"data_dir = \"/d/\"\nsocket = \"/s\"\n", Client{"/d", "/s", true}, ""},
		"credentials":       {"data_dir = \"/d\"\nslack {\n  token = credential(\"x\")\n}\n", Client{"/d", shape.DefaultSocket, true}, ""},
		"unknown functions": {"data_dir = \"/d\"\nfoo = bar(1)\n", Client{"/d", shape.DefaultSocket, true}, ""},
		"broken blocks":     {"data_dir = \"/d\"\nslack \"x\" \"y\" {\n}\nrepository {\n}\n", Client{"/d", shape.DefaultSocket, true}, ""},
		"only looking":      {"data_dir = \"/d\"\ncli_approvals = false\n", Client{"/d", shape.DefaultSocket, false}, ""},
		"who knows":         {"data_dir = \"/d\"\ncli_approvals = env(\"X\")\n", Client{"/d", shape.DefaultSocket, false}, ""},
		"not a boolean":     {"data_dir = \"/d\"\ncli_approvals = \"true\"\n", Client{"/d", shape.DefaultSocket, false}, ""},
		"syntax":            {"data_dir = \"/d\"\nslack {\n", Client{}, "2:7"},
		"relative":          {"data_dir = \"d\"\n", Client{}, "1:12"},
		"not a string":      {"socket = [1]\n", Client{}, "1:10"},
		"a function":        {"socket = env(\"X\")\n", Client{}, "1:10"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			path := w.file(t, "sallyport.hcl", c.text, 0o666)
			got, err := LoadClient(path)
			if c.fault != "" {
				if err == nil || !strings.HasPrefix(err.Error(), path+":"+c.fault+": ") {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
	w := newWorld(t)
	w.file(t, "conf/a.hcl", "data_dir = \"/d\"\n", 0o644)
	w.file(t, "conf/b.hcl", "socket = \"/s\"\n", 0o644)
	if got, err := LoadClient(filepath.Join(w.dir, "conf")); err != nil || got != (Client{"/d", "/s", true}) {
		t.Errorf("a directory: got %+v, %v", got, err)
	}
}
