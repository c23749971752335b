package terraform

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/need"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/keptstate"
	"sallyport/agent/terraform/tftest"
	"sallyport/agent/terraform/varfile"
)

// engineRig is a rig with another tool, which is skipped where this machine has none.
func engineRig(t *testing.T, name string) *rig {
	t.Helper()
	path := need.Program(t, name)
	r := newRig(t)
	found, err := binary.Find(t.Context(), binary.Options{Binary: path})
	ok(t, err)
	r.tool = found
	return r
}

// applied applies a finished plan with the rig's tool as the runner does.
func (r *rig) applied(o PlanOptions, res *PlanResult) {
	r.t.Helper()
	args := []string{"apply", "-input=false", "-no-color"}
	if res.Plan.VarsDigest != "" {
		args = append(args, "-var-file="+filepath.Join(o.OutDir, varfile.ForApply))
	}
	tftest.RunTool(r.t, r.tool.Path, o.WorkDir, res.Env, append(args, res.PlanFile)...)
}

const earlyModule = `resource "terraform_data" "in" { input = "y" }`

// OpenTofu evaluates variables before it plans, and encrypts plans and states with them: each of its commands gets them, and what is
// known of a plan is the same as of another.
func TestOpenTofuEncryptsAndEvaluatesEarly(t *testing.T) {
	t.Parallel()
	r := engineRig(t, "tofu")
	if !r.tool.OpenTofu || !r.tool.EarlyVars() || !r.tool.OwnFiles() {
		t.Fatalf("it is not known for what it is: %+v", r.tool)
	}
	files := map[string]string{"modules/m/main.tf": earlyModule, "secret.tfvars": `pass = "correct horse battery staple"`, "vars.tofu": `
variable "mod" { type = string }
variable "sizes" { type = list(number) }
variable "pass" {
  type      = string
  sensitive = true
}
variable "token" {
  type      = string
  ephemeral = true
}
`, "main.tf": `
terraform {
  encryption {
    key_provider "pbkdf2" "k" {
      passphrase = var.pass
    }
    method "aes_gcm" "m" {
      keys = key_provider.pbkdf2.k
    }
    state {
      method = method.aes_gcm.m
    }
    plan {
      method = method.aes_gcm.m
    }
  }
}
module "m" {
  source = "./modules/${var.mod}"
}
resource "terraform_data" "a" {
  input = var.sizes
  provisioner "local-exec" {
    command     = "test \"$TOKEN\" = sesame"
    environment = { TOKEN = var.token }
  }
}
`}
	options := func() PlanOptions {
		o := r.options(files)
		o.VarFiles, o.Vars, o.Given = []string{"secret.tfvars"}, map[string]cty.Value{"mod": cty.StringVal("m"), "token": cty.StringVal("sesame")}, map[string]string{"sizes": "[1, 2]"}
		return o
	}
	o := options()
	res := r.plan(o)
	if !res.Plan.NewState || res.Plan.Add != 2 || res.Plan.Configuration == "" {
		t.Errorf("the first plan: %+v", res.Plan)
	}
	if raw, err := os.ReadFile(res.PlanFile); err != nil || raw[0] != '{' {
		t.Fatalf("the plan is not encrypted: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(o.OutDir, varfile.ForApply)); err != nil || string(text) != `{"token":"sesame"}` {
		t.Errorf("the apply gets %s, %v", text, err)
	}
	r.applied(o, res)
	o = options()
	again := r.plan(o)
	if !again.Plan.Empty || again.Plan.Lineage == "" || again.Plan.Serial == 0 || again.Resources != 2 || again.Plan.Configuration != res.Plan.Configuration {
		t.Errorf("the second plan: %+v, on %d resources", again.Plan, again.Resources)
	}
	if !slices.Contains(again.Addresses, "module.m.terraform_data.in") {
		t.Errorf("it was made on %q", again.Addresses)
	}
	if text, err := os.ReadFile(filepath.Join(o.OutDir, PulledStateFile)); err != nil || !strings.Contains(string(text), again.Plan.Lineage) {
		t.Errorf("the state of before is not kept: %v", err)
	}
	if state, err := keptstate.Identity(r.State, ""); err != nil || state.Lineage != again.Plan.Lineage {
		t.Errorf("the kept state: %+v, %v", state, err)
	}
}

// Terraform takes constant variables in the sources of modules from 1.15 on.
func TestTerraformEvaluatesConstantsEarly(t *testing.T) {
	t.Parallel()
	r := engineRig(t, "terraform-1.15")
	if r.tool.OpenTofu || !r.tool.EarlyVars() || r.tool.OwnFiles() {
		t.Fatalf("it is not known for what it is: %+v", r.tool)
	}
	files := map[string]string{"modules/m/main.tf": earlyModule, "main.tf": `
variable "mod" {
  type  = string
  const = true
}
variable "token" {
  type      = string
  ephemeral = true
}
module "m" {
  source = "./modules/${var.mod}"
}
resource "terraform_data" "a" {
  provisioner "local-exec" {
    command     = "test \"$TOKEN\" = sesame"
    environment = { TOKEN = var.token }
  }
}
`}
	options := func() PlanOptions {
		o := r.options(files)
		o.Workspace = "blue" // whose commands need them too
		o.Vars = map[string]cty.Value{"mod": cty.StringVal("m"), "token": cty.StringVal("sesame")}
		return o
	}
	o := options()
	res := r.plan(o)
	if res.Plan.Add != 2 {
		t.Errorf("the first plan: %+v", res.Plan)
	}
	r.applied(o, res)
	if again := r.plan(options()); !again.Plan.Empty {
		t.Errorf("the second plan: %+v", again.Plan)
	}
	taken := r.options(map[string]string{"main.tf": files["main.tf"], "modules/m/main.tf": earlyModule, earlyVarsFile: "{}"})
	taken.Vars = map[string]cty.Value{"mod": cty.StringVal("m")}
	if e := failure(t, t.Context(), taken); !strings.Contains(e.Error(), earlyVarsFile) || e.Hint != "rename it" {
		t.Errorf("a file of that name: %v, hint %q", e, e.Hint)
	}
}
