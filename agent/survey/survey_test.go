package survey

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/config"
	"sallyport/agent/packer"
	"sallyport/agent/repo"
	"sallyport/agent/stack"
	"sallyport/notify/redact"
)

// checkout writes files into a directory.
func checkout(t *testing.T, files map[string]string) stack.Tree {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := repo.OnDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestOf(t *testing.T) {
	tree := checkout(t, map[string]string{
		"services/jira/main.tf": "module \"p\" {\n  source = \"./parts\"\n}\n", "services/jira/parts/main.tf": "",
		"services/old/main.tf": "", "services/wiki/main.tf": "locals {\n  x = file(var.x)\n}\n", "services/own/main.tf": "",
		"services/vpc/terragrunt.hcl": "", "services/jira/terragrunt.hcl": "",
		"services/a b/main.tf": "", "services/a-b/main.tf": "", "network/main.tf": "", "network/x.tftest.hcl": "run \"a\" {\n  module {\n    source = \"./setup\"\n  }\n}\n",
		"network/setup/main.tf": "", "images/a.pkr.hcl": "packer {\n  required_plugins {\n    amazon = {\n      source  = \"github.com/hashicorp/amazon\"\n      version = \"~> 1\"\n    }\n  }\n}\n", "modules/x/examples/y/main.tf": "",
	})
	glob := func(glob string, exclude ...string) *config.StackGlob {
		return &config.StackGlob{Glob: glob, Exclude: exclude, Stack: config.Stack{Repository: "infra", Engine: config.EngineTerraform}}
	}
	plugins := t.TempDir() // in which there are none
	cfg := &config.Config{
		Repositories: []*config.Repository{{Name: "infra"}, {Name: "other"}},
		Stacks: []*config.Stack{
			{Name: "own", Repository: "infra", Dir: "services/own", Engine: config.EngineTerraform},
			{Name: "lost", Repository: "infra", Dir: "lost", Engine: config.EngineTerraform},
			{Name: "ami", Repository: "infra", Dir: "images", Template: ".", Engine: config.EnginePacker, Env: map[string]redact.Secret{packer.PluginPath: redact.NewSecret(plugins)}},
			{Name: "far", Repository: "other", Dir: "x"},
		},
		StackGlobs: []*config.StackGlob{glob("services/**", "**/old"), glob("network/**"), glob("modules/x/y/*")},
	}
	got, err := Of(cfg, "infra", tree)
	if err != nil {
		t.Fatal(err)
	}
	want := &Report{
		Repository: "infra",
		Globs: []Glob{
			{Glob: "services/**", Stacks: 2, None: []NoStack{
				{"services/a b", "see what is wrong with globs"}, {"services/a-b", "see what is wrong with globs"},
				{"services/jira/parts", "services/jira/main.tf:1 calls it"}, {"services/old", `exclude "**/old" matches it`}, {"services/own", `stack "own" has it`},
				{"services/vpc", "it has a terragrunt.hcl and no terraform files: Terragrunt is not run here"},
			}},
			{Glob: "network/**", Stacks: 1, None: []NoStack{{"network/setup", "network/x.tftest.hcl:2 calls it"}}},
			{Glob: "modules/x/y/*", Nearest: "modules/x", None: []NoStack{}},
		},
		Stacks: []Stack{
			{Name: "lost", Dir: "lost", Why: "it has a block of its own", Error: "directory lost: no terraform files in the stack's directory", Unknown: []string{}, Plugins: []string{}, Missing: []string{}},
			{Name: "network", Dir: "network", Why: `stacks "network/**" matches it, and nothing calls it`, Unknown: []string{}, Plugins: []string{}, Missing: []string{}},
			{Name: "own", Dir: "services/own", Why: "it has a block of its own", Unknown: []string{}, Plugins: []string{}, Missing: []string{}},
			{Name: "services-jira", Dir: "services/jira", Why: `stacks "services/**" matches it, and nothing calls it`, Unknown: []string{
				"services/jira/terragrunt.hcl: Terragrunt is not run here: what it gives this root (a backend, inputs, other files) has to stand in backend_config, vars and terraform files",
			}, Plugins: []string{}, Missing: []string{}},
			{Name: "services-wiki", Dir: "services/wiki", Why: `stacks "services/**" matches it, and nothing calls it`, Unknown: []string{
				`services/wiki/main.tf:2: nobody can tell from here what file(var.x) reads, so that a change of that makes no run: name it in watch = ["DIRECTORY/**"]`,
			}, Plugins: []string{}, Missing: []string{}},
		},
		Images: []Stack{{Name: "ami", Dir: "images", Why: "it has a block of its own", Unknown: []string{}, Plugins: []string{"github.com/hashicorp/amazon ~> 1"},
			Missing: []string{"github.com/hashicorp/amazon ~> 1"}, Present: "not in " + plugins + ": github.com/hashicorp/amazon ~> 1; the next plan fetches what is missing, if it can"}},
		Faults: []string{
			`1 name of a stack is wanted more than once (capitals do not tell them apart): services-a-b of "services/a b" and "services/a-b": give each of these directories but one a block of its own: stack "NAME" { dir = "..." }`,
			`1 glob matches no root module: stacks "modules/x/y/*" (there is "modules/x", and root modules such as modules/x/examples/y): correct the glob, or push what it is to match; sallyport check --repo DIR lists what would be found in a checkout`,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
