package survey

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/config"
)

// A var file that is missing ends every plan of its stack: it is told before the agent runs, unless a hook may make it.
func TestMissingVarFiles(t *testing.T) {
	tree := checkout(t, map[string]string{"box/main.tf": "", "box/there.tfvars": "", "values/all.tfvars": ""})
	names := []string{"there.tfvars", "../values/all.tfvars", "prod.tfvars", "../values/none.tfvars"}
	makes := &config.Hooks{BeforePlan: []string{"/usr/local/bin/make-vars"}}
	const missing = "box/prod.tfvars: var_files names it, and it is not there; values/none.tfvars: var_files names it, and it is not there"
	for name, c := range map[string]struct {
		files   []string
		all, of *config.Hooks
		err     string
		unknown []string
	}{
		"none":                        {unknown: []string{}},
		"all are there":               {files: names[:2], unknown: []string{}},
		"two are not":                 {files: names, err: missing, unknown: []string{}},
		"another hook makes nothing":  {files: names, of: &config.Hooks{AfterPlan: makes.BeforePlan}, err: missing, unknown: []string{}},
		"a hook of the stack may":     {files: names[:3], of: makes, unknown: []string{"box/prod.tfvars: var_files names it, and it is not there: if no before_plan hook makes it, add it or take it out of var_files"}},
		"a hook of the agent's may":   {files: names[:3], all: makes, unknown: []string{"box/prod.tfvars: var_files names it, and it is not there: if no before_plan hook makes it, add it or take it out of var_files"}},
		"it is outside of everything": {files: []string{"../../etc/passwd"}, err: "var file ../../etc/passwd of box is outside of the repository", unknown: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := &config.Config{
				Repositories: []*config.Repository{{Name: "infra"}}, Hooks: c.all,
				Stacks: []*config.Stack{{Name: "box", Repository: "infra", Dir: "box", Engine: config.EngineTerraform, VarFiles: c.files, Hooks: c.of}},
			}
			got, err := Of(cfg, "infra", tree)
			if err != nil {
				t.Fatal(err)
			}
			if s := got.Stacks[0]; s.Error != c.err {
				t.Errorf("error %q, want %q", s.Error, c.err)
			} else if diff := cmp.Diff(c.unknown, s.Unknown); diff != "" {
				t.Error(diff)
			}
		})
	}
}
