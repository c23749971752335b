package terraform

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWithoutColour(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"version":                    "version -no-color",
		"output -raw ip":             "output -no-color -raw ip",
		"import aws_eip.a eip-1":     "import -no-color aws_eip.a eip-1",
		"state list aws_eip.a":       "state list -no-color aws_eip.a",
		"state push -":               "state push -no-color -",
		"providers":                  "providers -no-color",
		"providers schema -json":     "providers schema -no-color -json",
		"metadata functions -json":   "metadata functions -no-color -json",
		"validate -json -no-color":   "validate -json -no-color",
		"providers -no-color schema": "providers -no-color schema",
	} {
		given := strings.Fields(args)
		before := slices.Clone(given)
		if got := strings.Join(withoutColour(given), " "); got != want {
			t.Errorf("%q became %q, not %q", args, got, want)
		}
		if !slices.Equal(given, before) {
			t.Errorf("%q was changed to %q", before, given)
		}
	}
}

// A command on the state of a workspace changes it: terraform wants a place for its copy of the state there, and makes none itself.
func TestCommandInAWorkspace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	files := main("resource \"terraform_data\" \"a\" {}\nresource \"terraform_data\" \"b\" {}\n")
	o := r.options(files)
	o.Workspace = "blue"
	r.apply(o, r.plan(o))
	run := func(o PlanOptions, args ...string) (string, int, error) {
		var out bytes.Buffer
		o.Workspace = "blue"
		code, err := Command(t.Context(), o, CommandOptions{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out})
		return out.String(), code, err
	}
	for _, args := range [][]string{{"state", "rm", "terraform_data.a"}, {"state", "mv", "terraform_data.b", "terraform_data.c"}} {
		if out, code, err := run(r.options(files), args...); code != 0 || err != nil {
			t.Errorf("%q: %d, %v: %s", args, code, err, out)
		}
	}
	if out, _, err := run(r.options(files), "state", "list"); out != "terraform_data.c\n" || err != nil {
		t.Errorf("the state has %q, %v", out, err)
	}
	// A link in the repository leads nowhere else.
	o, elsewhere := r.options(files), t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(o.WorkDir, "terraform.tfstate.d")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run(o, "state", "list"); err == nil {
		t.Error("a link out of the checkout was followed")
	}
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}
