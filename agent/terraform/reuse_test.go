package terraform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/repo/gittest"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/terraform/tftest"
)

// recorded has the rig's terraform write down what it is run for. The returned function is what it was since it was last called.
func (r *rig) recorded() func() string {
	log, wrapper := filepath.Join(r.dir, "processes"), filepath.Join(r.dir, "terraform")
	tftest.Program(r.t, wrapper, fmt.Appendf(nil, "#!/bin/sh\necho \"$1\" >> %s\nexec %s \"$@\"\n", log, r.tool.Path))
	r.tool.Path = wrapper
	return func() string {
		text, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			r.t.Fatal(err)
		}
		_ = os.Remove(log)
		return strings.Join(slices.DeleteFunc(strings.Fields(string(text)), func(word string) bool { return word == "version" }), " ")
	}
}

// TestWithoutInit is a stack with a provider and a pinned module from one commit to the next: what init brought is used again, is what the
// apply works with, and terraform itself says where it does not fit; then init runs.
func TestWithoutInit(t *testing.T) {
	t.Parallel()
	need.Long(t, "it plans many times with a real provider, one after the other")
	m, r := tftest.NewNetworkMirror(t), newRig(t)
	ran := r.recorded()
	modules := gittest.NewRepo(t, "", "modules")
	modules.Commit("a module", map[string]string{"main.tf": "resource \"terraform_data\" \"m\" {\n  input = \"first\"\n}\n", "sub/main.tf": "locals {}\n"})
	modules.Git("tag", "v1.0.0")
	modules.Git("push", "-q", "origin", "v1.0.0")
	call := fmt.Sprintf("module \"m\" {\n  source = \"git::file://%[1]s?ref=v1.0.0\"\n}\nmodule \"n\" {\n  source = \"git::file://%[1]s//sub?ref=v1.0.0\"\n}\nmodule \"l\" {\n  source = \"./l\"\n}\n", modules.Bare)
	lock, commits := "", 0
	commit := func(more string) PlanOptions {
		commits++
		files := map[string]string{"main.tf": fileConfig(r) + "\n" + call, "l/main.tf": "locals {}\n", "more.tf": more}
		if lock != "" {
			files[cache.LockFile] = lock
		}
		o := network(r.options(files), m)
		o.Commit, o.KeepInit = fmt.Sprintf("%040d", commits), true
		return o
	}
	o := commit("")
	r.plan(o)
	lock = lockedChecksum(t, o)
	step := func(name, more, want string) (PlanOptions, *PlanResult) {
		t.Helper()
		ran()
		o := commit(more)
		res, err := Plan(t.Context(), o)
		var misfit *cache.MisfitError
		if errors.As(err, &misfit) {
			o = commit(more) // as the engine does
			res, err = Plan(t.Context(), o)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := ran(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if len(res.Warnings) > 0 {
			t.Errorf("%s: warnings %q", name, res.Warnings)
		}
		return o, res
	}
	const whole, short = "init plan show show", "plan show show"
	step("first with a lock file", "", whole)
	modules.GitBare("update-ref", "-d", "refs/tags/v1.0.0") // nobody asks for it again
	o, res := step("the next commit", "resource \"terraform_data\" \"a\" {}\n", short)
	if got := tftest.Brief(res.Plan); !strings.Contains(got, "module.m.terraform_data.m create") || !strings.Contains(got, "local_file.f create") {
		t.Errorf("planned: %s", got)
	}
	r.apply(o, res)
	_, res = step("applied", "resource \"terraform_data\" \"a\" {}\n", short)
	if !res.Plan.Empty {
		t.Errorf("after the apply: %s", tftest.Brief(res.Plan))
	}
	pkg := filepath.Join(r.providers(), "registry.terraform.io/hashicorp/local/1.4.0", here)
	if err := os.WriteFile(filepath.Join(pkg, "more"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	modules.GitBare("update-ref", "refs/tags/v1.0.0", "main")
	step("a package of the store was changed", "", "plan init init plan show show") // of the store, refused; of the mirror
	step("and is whole again", "", short)
	lock = strings.Replace(lock, "provider ", "# a comment\nprovider ", 1)
	step("another lock file", "", whole)
	step("a check that needs nothing more", "check \"c\" {\n  data \"terraform_remote_state\" \"d\" {\n    backend = \"local\"\n    config = {\n      path = \"/nowhere\"\n    }\n  }\n"+
		"  assert {\n    condition = path.module != \"\"\n    error_message = \"x\"\n  }\n}\n", short)
	_, err := Plan(t.Context(), commit("check \"c\" {\n  data \"time_static\" \"d\" {}\n  assert {\n    condition = path.module != \"\"\n    error_message = \"x\"\n  }\n}\n"))
	var misfit *cache.MisfitError
	if !errors.As(err, &misfit) || ran() != "plan" {
		t.Errorf("a provider that is overlooked here: %v", err)
	}
}

// What terraform says where init has to run is understood.
func TestTerraformAsksForInit(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a module":   "module \"m\" {\n  source = \"./m\"\n}\n",
		"a backend":  "terraform {\n  backend \"local\" {\n    path = \"/nowhere/state\"\n  }\n}\n",
		"a provider": "resource \"local_file\" \"f\" {\n  filename = \"x\"\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			o := r.options(map[string]string{"main.tf": text, "m/main.tf": ""})
			o.StateDir = ""
			_, p, end, err := begin(t.Context(), o, purpose{"trying", tooSlow})
			if err != nil {
				t.Fatal(err)
			}
			defer end()
			_, _, err = p.s.plan(t.Context())
			var misfit *cache.MisfitError
			if err = r.Cache.Misfit(o.Stack, err); !errors.As(err, &misfit) {
				t.Errorf("%v", err)
			}
		})
	}
}
