package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

// The second plan of a stack begins without init, and the approved one is applied. Where terraform asks for init after all it runs, in a fresh
// checkout: what the refused plan has left in the first one, where code may have run, is not planned.
func TestInitOnlyWhereTerraformAsksForIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program, log, refuse := filepath.Join(dir, "terraform"), filepath.Join(dir, "log"), filepath.Join(dir, "refuse")
	tftest.Program(t, program, fmt.Appendf(nil, `#!/bin/sh
[ "$1" = version ] || echo "$1" >> %[1]s
if [ "$1" = plan ] && [ -e %[2]s ]; then
  rm %[2]s
  printf 'resource "terraform_data" "left" {}\n' > left.tf
  echo '{"@level":"error","type":"diagnostic","diagnostic":{"severity":"error","summary":"Backend initialization required, please run \"terraform init\""}}'
  exit 1
fi
exec %[3]s "$@"
`, log, refuse, tftest.Terraform(t)))
	ran := func() string {
		t.Helper()
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(text)), " ")
	}
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, fmt.Sprintf("terraform {\n  binary = %q\n}\n", program)+box(r, "")).start()
	run := h.Reaches("1", store.Planned)
	if got := ran(); got != "init plan show show" {
		t.Errorf("the first plan: %s", got)
	}
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	ran()
	for n, want := range []string{"plan show show", "plan init plan show show"} {
		if n > 0 {
			if err := os.WriteFile(refuse, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r.commit("Change", map[string]string{"box/main.tf": data("a", fmt.Sprint("two", n))})
		run = h.Reaches(fmt.Sprint(n+2), store.Planned)
		if got := ran(); got != want || run.Plan.Add != 0 || run.Plan.Change != 1 {
			t.Errorf("plan %d: %s, want %s; %+v", n+2, got, want, run.Plan)
		}
		h.MustDecide(fmt.Sprint(run.ID), "approve")
		h.Reaches(fmt.Sprint(run.ID), store.Applied)
		ran()
	}
}
