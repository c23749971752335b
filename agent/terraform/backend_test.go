package terraform

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/keptstate"
)

func TestWhereTheStateGoes(t *testing.T) {
	t.Parallel()
	elsewhere := filepath.Join(t.TempDir(), "own.tfstate")
	for _, c := range []struct {
		name, backend, workspace string
		config                   map[string]string
		want                     string // relative to the kept state, or absolute
	}{
		{name: "no backend", want: "terraform.tfstate"},
		{name: "no backend, workspace", workspace: "blue", want: "workspaces/blue/terraform.tfstate"},
		{name: "relative local", backend: `backend "local" { path = "../../x.tfstate" }`, want: "terraform.tfstate"},
		{name: "absolute local", backend: `backend "local" { path = "` + elsewhere + `" }`, want: elsewhere},
		{name: "path by backend_config", backend: `backend "local" {}`, config: map[string]string{"path": elsewhere + "2"}, want: elsewhere + "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			files := main("terraform {\n" + c.backend + "\n}\nresource \"terraform_data\" \"a\" { input = terraform.workspace }")
			o := r.options(files)
			o.Workspace, o.BackendConfig = c.workspace, secrets(c.config)
			res := r.plan(o)
			if res.WorkspaceCreated != (c.workspace != "") {
				t.Errorf("workspace created: %v, warnings %v", res.WorkspaceCreated, res.Warnings)
			}
			r.apply(o, res)
			path := c.want
			if !filepath.IsAbs(path) {
				path = filepath.Join(r.State, path)
			}
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), "terraform_data") {
				t.Errorf("state at %s: %v", path, err)
			}
			if stray, _ := filepath.Glob(filepath.Join(o.WorkDir, "*.tfstate*")); len(stray) > 0 {
				t.Errorf("state strayed into the checkout: %v", stray)
			}
			o = r.options(files)
			o.Workspace, o.BackendConfig = c.workspace, secrets(c.config)
			if res := r.plan(o); !res.Plan.Empty || res.WorkspaceCreated {
				t.Errorf("second plan: empty %v, workspace created %v", res.Plan.Empty, res.WorkspaceCreated)
			}
		})
	}
}

// TestTheTreeMovesTheState: whatever files a repository holds, a state that the agent keeps stays where it is, and none
// is put into a checkout or among the states of other stacks. Four of the trees in this file were tried on the code before
// there was such a rule, and were applied into the wrong place: an absolute path in zz_override.tf, path = null, path = 5, and a
// workspace without workspace_dir. The others are variations of these.
func TestTheTreeMovesTheState(t *testing.T) {
	t.Parallel()
	const resource = "resource \"terraform_data\" \"a\" {}\n"
	backend := func(text string) string { return "terraform {\n  backend " + text + "\n}\n" }
	for _, c := range []struct {
		name      string
		files     map[string]string // ELSE is a directory of somebody's, STATES that of the agent's states
		workspace string
		want      string // of the error
	}{
		{"a later override", map[string]string{"zz_override.tf": backend(`"local" { path = "ELSE/x" }`)}, "", "zz_override.tf sets the backend"},
		{"an earlier override", map[string]string{"override.tf": backend(`"local" { path = "ELSE/x" }`)}, "", "override.tf sets the backend"},
		{"an override of a backend in the checkout", map[string]string{
			"b.tf": backend(`"local" { path = "x" }`), "zz_override.tf": backend(`"local" { path = "ELSE/x" }`)}, "", "zz_override.tf sets the backend"},
		{"an override into the checkout", map[string]string{
			"b.tf": backend(`"local" { path = "ELSE/x" }`), "zz_override.tf": backend(`"local" {}`)}, "", "zz_override.tf sets the backend"},
		{"JSON", map[string]string{"zz_override.tf.json": `{"terraform": {"backend": {"http": {"address": "http://127.0.0.1:1/"}}}}`}, "", "zz_override.tf.json sets the backend"},
		{"JSON with a key twice", map[string]string{
			"zz_override.tf.json": `{"terraform": {}, "terraform": {"backend": {"local": {"path": "ELSE/x"}}}}`}, "", "zz_override.tf.json sets the backend"},
		{"the workspaces only", map[string]string{
			"zz_override.tf": backend(`"local" { workspace_dir = "ELSE" }`)}, "blue", "zz_override.tf sets the backend"},
		{"OpenTofu's override", map[string]string{"zz_override.tofu": backend(`"local" { path = "ELSE/x" }`)}, "", "zz_override.tofu sets the backend"},
		{"a cloud block", map[string]string{"zz_override.tf": "terraform {\n cloud {}\n}\n"}, "", "uses a cloud block"},
		{"the agent's own name", map[string]string{keptstate.OverrideFile: "{}"}, "", keptstate.OverrideFile},
		{"the agent's own name for OpenTofu, which hides the other", map[string]string{"sallyport_override.tofu.json": "{}"}, "", "sallyport_override.tofu.json"},
		{"the agent's own name in capitals", map[string]string{"Sallyport_Override.tf": ""}, "", "Sallyport_Override.tf"},
		{"workspaces in the checkout", map[string]string{"b.tf": backend(`"local" { path = "ELSE/x" }`)}, "blue", `the state would be kept in "" in the checkout`},
		{"another stack's state", map[string]string{"b.tf": backend(`"local" { path = "STATES/other/terraform.tfstate" }`)}, "", "among those that the agent keeps"},
		{"another stack's state by a link", map[string]string{"b.tf": backend(`"local" { path = "ELSE/link/other/terraform.tfstate" }`)}, "", "among those that the agent keeps"},
		{"another stack's workspaces", map[string]string{
			"b.tf": backend("\"local\" {\n path = \"ELSE/x\"\n workspace_dir = \"STATES/other/workspaces\"\n}")}, "blue", "among those that the agent keeps"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, elsewhere := newRig(t), t.TempDir()
			if err := os.Symlink(filepath.Dir(r.State), filepath.Join(elsewhere, "link")); err != nil {
				t.Fatal(err)
			}
			files := map[string]string{"main.tf": resource}
			for name, text := range c.files {
				files[name] = strings.NewReplacer("ELSE", elsewhere, "STATES", filepath.Dir(r.State)).Replace(text)
			}
			o := r.options(files)
			o.Workspace, o.Tool.OpenTofu = c.workspace, strings.HasPrefix(c.name, "OpenTofu")
			e := failure(t, t.Context(), o)
			if !strings.Contains(e.Error(), c.want) || e.Hint == "" {
				t.Errorf("error %v, hint %q", e, e.Hint)
			}
		})
	}
}

// TestBackendsOfTheTree: an override may complete or replace a lasting backend of the configuration, and the agent's
// keeps its place behind overrides of other things.
func TestBackendsOfTheTree(t *testing.T) {
	t.Parallel()
	const resource = "resource \"terraform_data\" \"a\" {}\n"
	elsewhere := t.TempDir()
	for _, c := range []struct {
		name, workspace string
		files           map[string]string
		want            string // relative to the kept state, or absolute
	}{
		{"overrides of other things", "", map[string]string{
			"zz_override.tf": "terraform {\n required_version = \">= 1.0\"\n}\n", "x.tofu": "locals {}\n"}, "terraform.tfstate"},
		{"null is no path", "", map[string]string{"b.tf": "terraform {\n backend \"local\" { path = null }\n}\n"}, "terraform.tfstate"},
		{"a number is a relative path", "", map[string]string{"b.tf": "terraform {\n backend \"local\" { path = 5 }\n}\n"}, "terraform.tfstate"},
		{"an override of a lasting backend", "", map[string]string{
			"b.tf":           "terraform {\n backend \"local\" { path = \"" + elsewhere + "/a\" }\n}\n",
			"zz_override.tf": "terraform {\n backend \"local\" { path = \"" + elsewhere + "/b\" }\n}\n"}, elsewhere + "/b"},
		{"workspaces at a lasting place", "blue", map[string]string{
			"b.tf": "terraform {\n backend \"local\" {\n path = \"" + elsewhere + "/c\"\n workspace_dir = \"" + elsewhere + "/d\"\n }\n}\n"}, elsewhere + "/d/blue/terraform.tfstate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c.files["main.tf"] = resource
			o := r.options(c.files)
			o.Workspace = c.workspace
			r.apply(o, r.plan(o))
			path := c.want
			if !filepath.IsAbs(path) {
				path = filepath.Join(r.State, path)
			}
			if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "terraform_data") {
				t.Errorf("state at %s: %v", path, err)
			}
		})
	}
}

// TestTofuHasItsOwnBackend: with real OpenTofu the state goes where a file says that only it reads; with terraform it stays where
// the agent keeps it.
func TestTofuHasItsOwnBackend(t *testing.T) {
	t.Parallel()
	found, err := binary.Find(contextForTools(), binary.Options{Name: "tofu", Binary: need.Program(t, "tofu")})
	ok(t, err)
	for name, tool := range map[string]binary.Tool{"tofu": found, "terraform": findTool(t)} {
		t.Run(name, func(t *testing.T) {
			r, elsewhere := newRig(t), filepath.Join(t.TempDir(), "own.tfstate")
			o := r.options(map[string]string{
				"main.tf": "resource \"terraform_data\" \"a\" {}\n",
				"b.tofu":  "variable \"own\" {}\nterraform {\n  backend \"local\" {\n    path = \"" + elsewhere + "\"\n  }\n}\n",
			})
			if o.Tool = tool; name == "tofu" {
				o.Given = map[string]string{"own": "x"}
			}
			res := r.plan(o)
			cmd := exec.CommandContext(t.Context(), tool.Path, "apply", "-input=false", res.PlanFile)
			cmd.Dir, cmd.Env = o.WorkDir, res.Env
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("applying: %v\n%s", err, out)
			}
			want := elsewhere
			if name == "terraform" {
				want = filepath.Join(r.State, "terraform.tfstate")
			}
			if text, err := os.ReadFile(want); err != nil || !strings.Contains(string(text), "terraform_data") {
				t.Errorf("state at %s: %v", want, err)
			}
		})
	}
}
