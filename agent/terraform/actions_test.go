package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/need"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

func TestActions(t *testing.T) {
	t.Parallel()
	const plain = `resource "terraform_data" "a" { input = 1 }`
	for _, c := range []struct {
		name          string
		before, after string
		want          string
		counts        [3]int
		outputs       []store.Output
		empty         bool
	}{
		{name: "nothing", before: plain, after: plain, empty: true},
		{name: "update", before: plain, after: `resource "terraform_data" "a" { input = 2 }`,
			want: "terraform_data.a update config\n", counts: [3]int{0, 1, 0}},
		{name: "replace", before: `resource "terraform_data" "a" { triggers_replace = 1 }`,
			after: `resource "terraform_data" "a" { triggers_replace = 2 }`,
			want:  "terraform_data.a delete+create config\n", counts: [3]int{1, 0, 1}},
		{name: "create before destroy",
			before: `resource "terraform_data" "a" { triggers_replace = 1 }`,
			after: `resource "terraform_data" "a" {
				triggers_replace = 2
				lifecycle { create_before_destroy = true }
			}`,
			want: "terraform_data.a create+delete config\n", counts: [3]int{1, 0, 1}},
		{name: "destroy", before: plain, after: `locals {}`,
			want: "terraform_data.a delete config\n", counts: [3]int{0, 0, 1}},
		{name: "forget", before: plain, after: `removed {
				from = terraform_data.a
				lifecycle { destroy = false }
			}`, want: "terraform_data.a forget config\n"},
		{name: "move", before: plain, after: `resource "terraform_data" "b" { input = 1 }
			moved {
				from = terraform_data.a
				to   = terraform_data.b
			}`, want: "terraform_data.b no-op config from terraform_data.a\n"},
		{name: "import", before: plain, after: plain + `
			resource "terraform_data" "i" {}
			import {
				to = terraform_data.i
				id = "x"
			}`, want: "terraform_data.i import config\n"},
		{name: "outputs only", before: plain, after: plain + "\n" + `output "o" { value = "x" }`,
			outputs: []store.Output{{Name: "o", Actions: []string{"create"}}}},
		{name: "dangerous ones first",
			before: `resource "terraform_data" "gone" {}
				resource "terraform_data" "data_volume" {}
				resource "terraform_data" "left" {}
				resource "terraform_data" "changed" { input = 1 }`,
			after: `resource "terraform_data" "a_new" {}
				resource "terraform_data" "changed" { input = 2 }
				removed {
					from = terraform_data.left
					lifecycle { destroy = false }
				}`,
			want: "terraform_data.data_volume delete config protected\nterraform_data.gone delete config\n" +
				"terraform_data.left forget config\nterraform_data.changed update config\nterraform_data.a_new create config\n",
			counts: [3]int{1, 1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.planApply(main(c.before))
			o := r.options(main(c.after))
			o.Protect = []string{"terraform_data.data_*"}
			res := r.plan(o)
			if diff := cmp.Diff(c.want, tftest.Brief(res.Plan)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if got := [3]int{res.Plan.Add, res.Plan.Change, res.Plan.Destroy}; got != c.counts {
				t.Errorf("counts %v, want %v", got, c.counts)
			}
			if c.outputs == nil {
				c.outputs = []store.Output{}
			}
			for i := range res.Plan.Outputs {
				if res.Plan.Outputs[i].Values == "" {
					t.Error("nothing to compare another plan with")
				}
				res.Plan.Outputs[i].Values = "" // see TestValuesDigest
			}
			if diff := cmp.Diff(c.outputs, res.Plan.Outputs); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
			if res.Plan.Empty != c.empty || res.Plan.NewState {
				t.Errorf("empty %v, new state %v", res.Plan.Empty, res.Plan.NewState)
			}
			if !c.empty {
				r.apply(o, res)
			}
		})
	}
}

// withProviders points a run at a mirror of real providers.
func withProviders(t testing.TB, o PlanOptions) PlanOptions {
	o.CLIConfigFile = tftest.CLIConfig(t, tftest.ProviderMirror(t))
	return o
}

func TestVanishedObjectIsRecreated(t *testing.T) {
	t.Parallel()
	need.Long(t, "it plans with a real provider, one time after the other")
	r := newRig(t)
	node, volume := filepath.Join(r.dir, "node"), filepath.Join(r.dir, "volume")
	files := func(extra string) map[string]string {
		return main(`resource "local_file" "node" {
				filename = "` + node + `"
				content  = "node"
			}
			resource "local_file" "volume" {
				filename = "` + volume + `"
				content  = "data"
			}` + extra)
	}
	o := withProviders(t, r.options(files("")))
	r.apply(o, r.plan(o))
	for _, file := range []string{node, volume} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	o = withProviders(t, r.options(files("\nresource \"terraform_data\" \"new\" {}")))
	o.Protect = []string{"local_file.vol*", "aws_ebs_volume.*"}
	res := r.plan(o)
	want := "local_file.node create recreate\nlocal_file.volume create recreate protected\nterraform_data.new create config\n"
	if diff := cmp.Diff(want, tftest.Brief(res.Plan)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if got := res.Plan.MustName(); len(got) != 1 || got[0] != "local_file.volume" {
		t.Errorf("addresses to name: %v", got)
	}
	if res.Resources != 2 {
		t.Errorf("%d resources in the state, want 2", res.Resources)
	}
	warnings := strings.Join(res.Warnings, "\n")
	for _, want := range []string{`"aws_ebs_volume.*" matches nothing`, "no .terraform.lock.hcl is committed"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("no warning with %q in:\n%s", want, warnings)
		}
	}
	if strings.Contains(warnings, "local_file.vol*") {
		t.Errorf("a pattern that matches was warned about:\n%s", warnings)
	}
	if digest, err := digestFile(res.LockFile); err != nil || digest != res.Plan.LockDigest || digest == "" {
		t.Errorf("lock file of the run: %s, %v; recorded %q", digest, err, res.Plan.LockDigest)
	}
	r.apply(o, res)
}

func TestSensitiveValuesStayOutOfTheSummary(t *testing.T) {
	t.Parallel()
	const canary = "correct-horse-battery-staple"
	r := newRig(t)
	o := r.options(main(`
		variable "password" { sensitive = true }
		resource "terraform_data" "a" { input = var.password }
		output "o" {
			value     = var.password
			sensitive = true
		}`))
	o.Vars = stringVar("password", canary)
	res := r.plan(o)
	if got := dump(t, res.Plan) + res.Text + strings.Join(res.Warnings, ""); strings.Contains(got, canary) {
		t.Errorf("the secret is in the plan's summary or text:\n%s", got)
	}
	entries, err := os.ReadDir(o.OutDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, _ := os.ReadFile(filepath.Join(o.OutDir, e.Name()))
		if strings.Contains(string(text), canary) {
			t.Errorf("the secret is left in %s", e.Name())
		}
	}
}

func TestDeposedObject(t *testing.T) {
	t.Parallel()
	need.Long(t, "it plans with a real provider, one time after the other")
	r := newRig(t)
	config := func(n string) map[string]string {
		return main(`resource "terraform_data" "b" {
			triggers_replace = ` + n + `
			lifecycle { create_before_destroy = true }
			provisioner "local-exec" { command = "exit ` + n + `" }
		}`)
	}
	r.planApply(config("0"))
	o := r.options(config("1"))
	res := r.plan(o)
	if out, code := tftest.Try(t, o.WorkDir, res.Env, "apply", "-json", res.PlanFile); code == 0 {
		t.Fatalf("the apply was meant to fail:\n%s", out)
	}
	res = r.plan(r.options(main("locals {}")))
	if diff := cmp.Diff("terraform_data.b delete config\nterraform_data.b delete config\n", tftest.Brief(res.Plan)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if res.Plan.Destroy != 2 || res.Resources != 2 {
		t.Errorf("%d to destroy, %d in the state; want 2 and 2", res.Plan.Destroy, res.Resources)
	}
}
