package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/config/decode"
)

const infra = "repository \"infra\" {\n  url = \"/srv/git/infra.git\"\n}\n"

// shown is what a stack is to its environments, on one line.
func shown(s *Stack) string {
	text := fmt.Sprintf("%s in %s, workspace %s, files %v, label %q", s.Name, s.Dir, s.Workspace, s.VarFiles, s.Label)
	if key := s.BackendConfig["key"]; !key.IsZero() {
		text += ", key " + key.Reveal()
	}
	return text
}

// One block is a stack for each key of its for_each; all of it may refer to the key, the value, the directory and locals.
func TestForEach(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, `
locals {
  owner  = "jane"
  envs   = { staging = { label = "STAGE", size = 1, owner = local.owner }, prod = { label = "PROD", size = 3, owner = local.owner } }
  bucket = "state-${local.owner}"
}

`+infra+`
defaults {
  vars = { where = dir }
}

stack "ghe" {
  for_each       = local.envs
  dir            = "services/ghe"
  workspace      = each.key
  label          = each.value.label
  var_files      = ["${each.key}.tfvars", "../${local.owner}.tfvars"]
  backend_config = { bucket = local.bucket, key = "${dir}/${each.key}.tfstate" }
  depends_on     = ["net-${each.key}"]
  env            = { TOKEN = credential("passphrase"), SIZE = each.value.size }

  hooks {
    after_plan = ["check", dir, each.key]
  }
  terraform {
    engine = each.key == "prod" ? "tofu" : "terraform"
  }
  apply_window = { schedule = "0 9 * * 1-${each.value.size}", duration = "1h" }
}

stack "net" {
  for_each  = toset(["prod", "staging"])
  dir       = each.value
  name      = "net-${each.key}"
}

stack "wiki" {
  for_each  = { eu = "eu.tfvars" }
  dir       = "."
  name      = "${each.key}/${dir}"
  var_files = [each.value]
}
`)
	var got []string
	for _, s := range cfg.Stacks {
		got = append(got, shown(s))
	}
	want := []string{
		`ghe-prod in services/ghe, workspace prod, files [prod.tfvars ../jane.tfvars], label "PROD", key services/ghe/prod.tfstate`,
		`ghe-staging in services/ghe, workspace staging, files [staging.tfvars ../jane.tfvars], label "STAGE", key services/ghe/staging.tfstate`,
		`net-prod in prod, workspace default, files [], label ""`,
		`net-staging in staging, workspace default, files [], label ""`,
		`eu-infra in ., workspace default, files [eu.tfvars], label ""`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	prod, staging := cfg.Stacks[0], cfg.Stacks[1]
	if prod.Tool.Name() != "tofu" || staging.Tool.Name() != "terraform" || !slices.Equal(prod.Hooks.AfterPlan, []string{"check", "services/ghe", "prod"}) ||
		len(prod.ApplyWindows) != 1 || prod.DependsOn[0] != "net-prod" || prod.Env["SIZE"].Reveal() != "3" || !slices.Equal(prod.Secrets.Env, []string{"TOKEN"}) {
		t.Errorf("blocks and lists: %+v", prod)
	}
	if prod.Inputs == staging.Inputs {
		t.Error("both have the same inputs")
	}
	if v := cfg.Stacks[2].Vars["where"]; v.AsString() != "prod" {
		t.Errorf("dir in defaults is %#v", v)
	}
}

// What is written once for many stacks is what would be written for each: nothing of a run depends on how.
func TestForEachIsWhatOneWouldWrite(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, infra+`
stack "a" {
  for_each  = { prod = { n = 1 } }
  dir       = "x"
  workspace = each.key
  vars      = { n = each.value.n, d = dir }
}

stack "b" {
  dir       = "x"
  workspace = "prod"
  vars      = { n = 1, d = "x" }
  backend_config = { key = "other" }
}

stacks "*" {
  workspace = "prod"
  vars      = { n = 1, d = dir }
}
`)
	made, err := cfg.StackGlobs[0].StackFor("x")
	if err != nil {
		t.Fatal(err)
	}
	if made.Inputs != cfg.Stacks[0].Inputs {
		t.Error("a block with for_each and one with a glob have other inputs")
	}
	if cfg.Stacks[1].Inputs == made.Inputs {
		t.Error("another backend_config has the same inputs")
	}
}

// A stacks block with for_each has a template for each key, and what depends on the directory is read when that is known.
func TestForEachOfGlobs(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, infra+`
stacks "roots/*" {
  for_each       = toset(["dev", "staging", "prod"])
  workspace      = each.key
  var_files      = ["../../vars/${each.key}.tfvars"]
  backend_config = { key = "${dir}/terraform.tfstate" }
  label          = dir == "roots/ghe" ? "GHE ${each.key}" : "${dir} with a long name"
  plan_env       = { TOKEN = "${credential("passphrase")} ${dir}" }
  exclude        = ["roots/old-${each.key}"]
}

stacks "named/*" {
  for_each  = toset(["eu"])
  workspace = each.key
  name      = "${each.key}-${dir}"
}

stack "after" {
  dir        = "after"
  depends_on = ["roots-ghe-prod", "whatever"]
}
`)
	if len(cfg.StackGlobs) != 4 || cfg.StackGlobs[0].Key != "dev" || !cfg.StackGlobs[0].SameBlock(cfg.StackGlobs[2]) || cfg.StackGlobs[2].SameBlock(cfg.StackGlobs[3]) {
		t.Fatalf("globs: %v", cfg.StackGlobs)
	}
	prod := cfg.StackGlobs[1]
	s, err := prod.StackFor("roots/ghe")
	if err != nil {
		t.Fatal(err)
	}
	if text := shown(s); text != `roots-ghe-prod in roots/ghe, workspace prod, files [../../vars/prod.tfvars], label "GHE prod", key roots/ghe/terraform.tfstate` {
		t.Error(text)
	}
	if env := s.PlanEnv["TOKEN"].Reveal(); env != canary+"-phrase roots/ghe" || !slices.Equal(s.Secrets.PlanEnv, []string{"TOKEN"}) {
		t.Errorf("plan_env is %q, secret are %v", env, s.Secrets.PlanEnv)
	}
	if prod.Matches("roots/old-prod") || !prod.Matches("roots/old-dev") {
		t.Error("exclude is that of another key")
	}
	if s, err := cfg.StackGlobs[3].StackFor("named/x"); err != nil || s.Name != "eu-named-x" {
		t.Errorf("the name is %v, %v", s, err)
	}
	if s, err := cfg.StackGlobs[3].StackFor("."); err != nil || s.Name != "eu-infra" {
		t.Errorf("the name of the root is %v, %v", s, err)
	}
	_, err = prod.StackFor("roots/wiki")
	var fault *DirError
	if !errors.As(err, &fault) || fault.Kind != WrongValue || !strings.Contains(fault.Reason, "sallyport.hcl:10:20: Invalid label: A label has at most 20") {
		t.Errorf("a label that is too long: %v", err)
	}
}

// Functions bring in nothing that they did not bring in when the configuration was read.
func TestADirectoryReadsNothing(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, infra+`
stacks "*" {
  env = { for name in (dir == "secret" ? ["passphrase"] : []) : "X" => credential(name) }
}
`)
	if _, err := cfg.StackGlobs[0].StackFor("other"); err != nil {
		t.Error(err)
	}
	if _, err := cfg.StackGlobs[0].StackFor("secret"); err == nil || !strings.Contains(err.Error(), `credential("passphrase") was not read when the configuration was`) {
		t.Errorf("a directory chose what is read: %v", err)
	}
	if len(cfg.Secrets) != 0 {
		t.Errorf("secrets: %d", len(cfg.Secrets))
	}
}

// Two elements that would share a state are refused, as far as it can be told without a repository.
func TestOneStateOfForEach(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name, body string
		good       bool
	}{
		{"nothing tells them apart", `var_files = ["${each.key}.tfvars"]`, false},
		{"a workspace", `workspace = each.key`, true},
		{"a backend_config", `backend_config = { key = each.value }`, true},
		{"a backend_config with dir", `backend_config = { key = "${dir}/${each.key}" }`, true},
		{"a backend_config of dir alone", `backend_config = { key = dir }`, false},
		{"a workspace for one of them", `workspace = each.key == "a" ? "a" : null`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, block := range []string{"stack \"x\" {\n  dir = \"x\"\n", "stacks \"x/*\" {\n"} {
				_, err := Load(w.config(t, "sallyport.hcl", infra+block+"  for_each = toset([\"a\", \"b\"])\n  "+c.body+"\n}\n"), w.opts)
				if c.good != (err == nil) || err != nil && !strings.Contains(err.Error(), `Two stacks, one state: For "a" and for "b"`) {
					t.Errorf("%s: %v", block, err)
				}
			}
		})
	}
}

// A literal that comes to its place by a local is as secret there, and in what is quoted of the file.
func TestSecretsByLocals(t *testing.T) {
	w := newWorld(t)
	text := `
locals {
  slack_token = "xoxb-by-a-local"
  one         = { plain = "xoxb-by-a-local", wrong = 1 + "x" }
  read        = credential("passphrase")
}

` + infra + `
slack {
  token     = local.slack_token
  channel   = "#x"
  approvers = ["U01ABCDEF"]
}

stack "x" {
  dir   = "x"
  label = local.read
}
`
	faults := w.faults(t, w.config(t, "sallyport.hcl", text))
	all := w.render(t, faults) + faults.Error() + strings.Join(faults.Warnings, "\n")
	if strings.Contains(all, "xoxb-by") || strings.Contains(all, canary) || !strings.Contains(all, "Secret in the open") {
		t.Errorf("it says\n%s", all)
	}
	cfg := w.load(t, strings.Replace(strings.Replace(text, `, wrong = 1 + "x"`, "", 1), "label = local.read", `env = { T = "a ${local.read}" }`, 1))
	if !slices.Equal(cfg.Stacks[0].Secrets.Env, []string{"T"}) || len(cfg.Secrets) != 2 {
		t.Errorf("secret are %v, known are %d", cfg.Stacks[0].Secrets, len(cfg.Secrets))
	}
}

// Who has to find the agent evaluates the locals that lead there, and no other.
func TestClientWithLocals(t *testing.T) {
	w := newWorld(t)
	path := w.config(t, "sallyport.hcl", "locals {\n  base = \"/srv/${local.name}\"\n  name = \"x\"\n  bad = credential(local.nothing)\n  off = false\n}\ndata_dir = \"${local.base}/data\"\ncli_approvals = local.off\n")
	c, err := LoadClient(path)
	if err != nil || c.DataDir != "/srv/x/data" || c.CLIApprovals {
		t.Errorf("got %+v, %v", c, err)
	}
	path = w.config(t, "sallyport.hcl", "locals {\n  base = credential(\"passphrase\")\n}\ndata_dir = local.base\n")
	if _, err := LoadClient(path); err == nil || !strings.Contains(err.Error(), filepath.Base(path)+":2:10: ") {
		t.Errorf("a function: %v", err)
	}
}

// The example that people copy is sixty stacks of twenty directories, each with a name and a state of its own.
func TestTwentyRoots(t *testing.T) {
	_, example, found := strings.Cut(read(t, "../../README.md"), "```hcl\nlocals {")
	example, _, end := strings.Cut(example, "```")
	if !found || !end {
		t.Fatal("the README has no example")
	}
	people := "person \"jane\" {\n  os = \"jane\"\n}\nperson \"kim\" {\n  os = \"kim\"\n}\n"
	cfg := newWorld(t).load(t, infra+people+"locals {"+example)
	names, states := map[string]bool{}, map[string]bool{}
	for i := range 20 {
		for _, g := range cfg.StackGlobs {
			s, err := g.StackFor(fmt.Sprintf("roots/r%02d", i))
			if err != nil {
				t.Fatal(err)
			}
			names[s.Name], states[StateKey("", s)] = true, true
		}
	}
	if len(names) != 60 || len(states) != 60 || !names["roots-r19-prod"] {
		t.Errorf("%d names, %d states", len(names), len(states))
	}
	if e := cfg.Environments(); len(e) != 1 || !slices.Equal(e[0].Stacks, []string{"DIR-dev", "DIR-prod", "DIR-staging"}) {
		t.Errorf("environments: %v", e)
	}
}

// What check cannot read for want of a credential it does not take for what a directory decides.
func TestForEachWithoutCredentials(t *testing.T) {
	w := newWorld(t)
	w.opts.CredentialsDir, w.opts.MissingCredentialsWarn = w.dir, true
	cfg := w.load(t, infra+`
locals {
  password = credential("database")
}

stacks "*" {
  for_each  = { prod = { password = local.password } }
  env       = { PASSWORD = each.value.password, BOTH = "${each.value.password}${dir}" }
  workspace = each.key
}
`)
	if s, err := cfg.StackGlobs[0].StackFor("x"); err != nil || !slices.Equal(s.Secrets.Env, []string{"BOTH", "PASSWORD"}) || len(cfg.Warnings) == 0 {
		t.Errorf("%v, %v, %v", s, err, cfg.Warnings)
	}
	_, err := Load(w.config(t, "sallyport.hcl", infra+"stack \"x\" {\n  dir = \"x\"\n  for_each = toset([credential(\"database\")])\n}\n"), w.opts)
	if faults := (*decode.Faults)(nil); !errors.As(err, &faults) || !strings.Contains(err.Error(), "Secret in the open") {
		t.Errorf("keys that are secret: %v", err)
	}
}
