package terraform

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sallyport/agent/repo/gittest"
	"sallyport/agent/terraform/credentials"
	"sallyport/agent/terraform/diag"
	"sallyport/notify/redact"
)

// TestAnotherPrivateRepository: a stack read each repository that the token could read, whoever had put its name there.
func TestAnotherPrivateRepository(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	gittest.NewRepo(t, root, "infra").Commit("a module", map[string]string{"main.tf": "locals {}"})
	gittest.NewRepo(t, root, "payroll").Commit("not for all", map[string]string{"main.tf": "output \"salary\" {\n value = 1\n}"})
	host := gittest.NewHTTP(t, root, gittest.HTTPOptions{Token: "s3cr3t"})
	for _, c := range []struct {
		name, module string
		access       credentials.Git
		preview      bool
		hint         string // empty: it can be read
	}{
		{name: "its own", module: "infra.git"},
		{name: "its own without .git", module: "infra"},
		{name: "another", module: "payroll.git", hint: `add there "payroll.git"`},
		{name: "another by way of its own", module: "infra.git/../payroll.git", hint: "modules_from"},
		{name: "another that is named", module: "payroll.git", access: credentials.Git{ModulesFrom: []string{"payroll"}}},
		{name: "another that a pattern covers", module: "payroll", access: credentials.Git{ModulesFrom: []string{"pay*"}}},
		{name: "its own in a preview", module: "infra.git", preview: true, hint: "lend_to_previews"},
		{name: "its own in a preview, lent", module: "infra.git", preview: true, access: credentials.Git{LendToPreviews: true}},
		{name: "another in a preview, lent", module: "payroll.git", preview: true, access: credentials.Git{LendToPreviews: true}, hint: `add there "payroll.git"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newRig(t).options(main(fmt.Sprintf("module \"m\" {\n source = \"git::%s\"\n}\n", host.URL(c.module))))
			access := c.access
			access.URL, access.Token, access.CAFile = host.URL("infra.git"), redact.NewSecret("s3cr3t"), host.CAFile
			o.GitAccess, o.Preview = &access, c.preview
			_, err := Init(t.Context(), o)
			if c.hint == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var failed *diag.Error
			if !errors.As(err, &failed) {
				t.Fatalf("it was read, or failed for another reason: %v", err)
			}
			if !strings.Contains(failed.Hint, c.hint) {
				t.Errorf("error %v, hint %q", err, failed.Hint)
			}
		})
	}
}
