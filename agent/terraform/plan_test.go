package terraform

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"sallyport/agent/patience"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/terraform/tftest"
	"sallyport/notify/redact"
)

// rig is one stack on one machine: checkouts and runs come and go, the state and the cache stay.
type rig struct {
	t    testing.TB
	dir  string
	tool binary.Tool
	runs int

	Cache *cache.Cache
	State string
}

func newRig(t testing.TB) *rig {
	t.Helper()
	dir := t.TempDir()
	return &rig{t: t, dir: dir, tool: findTool(t), Cache: cache.New(filepath.Join(dir, "cache")), State: filepath.Join(dir, "state")}
}

var tool = sync.OnceValues(func() (binary.Tool, error) {
	return binary.Find(contextForTools(), binary.Options{})
})

func findTool(t testing.TB) binary.Tool {
	t.Helper()
	tftest.Terraform(t)
	found, err := tool()
	if err != nil {
		t.Fatalf("finding terraform: %v", err)
	}
	return found
}

// providers is where the cache has its packages.
func (r *rig) providers() string { return filepath.Join(r.dir, "cache", "providers") }

// here is terraform's name of this machine's kind.
const here = runtime.GOOS + "_" + runtime.GOARCH

// options makes a new run with the files as its checkout.
func (r *rig) options(files map[string]string) PlanOptions {
	r.t.Helper()
	r.runs++
	run := filepath.Join(r.dir, "runs", string(rune('a'+r.runs-1)))
	work := filepath.Join(run, "src")
	tftest.Write(r.t, work, files)
	return PlanOptions{
		Tool: r.tool, Stack: "ghe", Commit: strings.Repeat("c", 40), WorkDir: work, DataDir: filepath.Join(run, "data"),
		OutDir: filepath.Join(run, "out"), Home: r.dir, StateDir: r.State, Cache: r.Cache, Timeout: patience.Limit(),
	}
}

func (r *rig) plan(o PlanOptions) *PlanResult {
	r.t.Helper()
	res, err := Plan(r.t.Context(), o)
	if err != nil {
		r.t.Fatalf("planning: %v", err)
	}
	return res
}

// apply applies a finished plan as the runner does.
func (r *rig) apply(o PlanOptions, res *PlanResult) {
	r.t.Helper()
	tftest.Run(r.t, o.WorkDir, res.Env, "apply", "-input=false", "-json", res.PlanFile)
}

// planApply plans and applies files, and returns the plan.
func (r *rig) planApply(files map[string]string) *PlanResult {
	r.t.Helper()
	o := r.options(files)
	res := r.plan(o)
	r.apply(o, res)
	return res
}

func main(text string) map[string]string { return map[string]string{"main.tf": text} }

func secrets(m map[string]string) map[string]redact.Secret {
	out := make(map[string]redact.Secret, len(m))
	for k, v := range m {
		out[k] = redact.NewSecret(v)
	}
	return out
}

func TestPlanOfANewStack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := r.options(main(`
		variable "size" { type = number }
		resource "terraform_data" "node" { input = var.size }
		output "size" { value = var.size }
		output "cwd" { value = path.cwd }`))
	o.VarFiles = []string{"../prod.tfvars"}
	tftest.Write(t, filepath.Dir(o.WorkDir), map[string]string{"prod.tfvars": "size = 3\n"})
	res := r.plan(o)
	if got, want := tftest.Brief(res.Plan), "terraform_data.node create config\n"; got != want {
		t.Errorf("changes:\n%swant:\n%s", got, want)
	}
	p := res.Plan
	if !p.NewState || p.Empty || p.Add != 1 || p.Change+p.Destroy != 0 || len(p.Outputs) != 2 || p.Outputs[1].Name != "size" {
		t.Errorf("summary: %+v", p)
	}
	if digest, err := digestFile(res.PlanFile); err != nil || digest != p.Digest {
		t.Errorf("digest of the plan file: %s, %v; recorded %s", digest, err, p.Digest)
	}
	if info, err := os.Stat(res.PlanFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("plan file: %v, %v", info.Mode(), err)
	}
	if !strings.Contains(res.Text, "terraform_data.node will be created") {
		t.Errorf("text:\n%s", res.Text)
	}
	if !strings.Contains(res.Text, `"`+o.WorkDir+`"`) {
		t.Errorf("terraform believes to be elsewhere than in %s:\n%s", o.WorkDir, res.Text)
	}
	r.apply(o, res)
	if _, err := os.Stat(filepath.Join(r.State, "terraform.tfstate")); err != nil {
		t.Errorf("kept state: %v", err)
	}
	again := r.options(main(`
		variable "size" { type = number }
		resource "terraform_data" "node" { input = var.size }
		output "size" { value = var.size }
		output "cwd" { value = "` + o.WorkDir + `" }`))
	again.Vars = numberVar("size", 3)
	res = r.plan(again)
	if !res.Plan.Empty || res.Plan.NewState || res.Plan.Lineage == "" || res.Resources != 1 || len(res.Plan.Changes) != 0 {
		t.Errorf("second plan: %+v, %d resources", res.Plan, res.Resources)
	}
}

// Terraform takes no notice of an address that it does not know: a plain plan must not pass for a replacement.
func TestReplacementOfNothing(t *testing.T) {
	t.Parallel()
	o := newRig(t).options(main(`resource "terraform_data" "node" {}`))
	o.Replace = []string{"terraform_data.nodes"}
	if failed := failure(t, t.Context(), o); !strings.Contains(failed.Error(), "does not replace terraform_data.nodes") || !strings.Contains(failed.Hint, "-- state list") {
		t.Errorf("%v, hint %q", failed, failed.Hint)
	}
}
