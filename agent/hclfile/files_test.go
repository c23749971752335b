package hclfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFiles: what each engine takes for configuration, in the order in which it counts.
func TestFiles(t *testing.T) {
	names := []string{".x.tf", "#x.tf#", "a.tf", "a.tf.json", "a.tofu", "b.tofu.json", "main.tf", "override.tf", "readme.md", "x.tf~", "x_override.tofu", "z.tf", "z.tofu.json"}
	for engine, want := range map[Engine]string{
		Terraform: "a.tf a.tf.json main.tf z.tf override.tf",
		Tofu:      "a.tf.json a.tofu b.tofu.json main.tf z.tf z.tofu.json override.tf x_override.tofu",
		Either:    "a.tf a.tf.json a.tofu b.tofu.json main.tf z.tf z.tofu.json override.tf x_override.tofu",
	} {
		var got []string
		for _, f := range Files(names, engine) {
			got = append(got, f.Name)
			if f.Tofu != strings.Contains(f.Name, ".tofu") || f.Override != strings.Contains(f.Name, "override") {
				t.Errorf("%+v", f)
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%q: %s", engine, diff)
		}
	}
}

func TestTests(t *testing.T) {
	names := []string{"a.tftest.hcl", "a.tofutest.hcl", "b.tftest.json", "c.tofutest.json", "d.tftest", "main.tf"}
	for engine, want := range map[Engine]string{
		Terraform: "a.tftest.hcl b.tftest.json",
		Tofu:      "a.tofutest.hcl b.tftest.json c.tofutest.json",
		Either:    "a.tftest.hcl a.tofutest.hcl b.tftest.json c.tofutest.json",
	} {
		if diff := cmp.Diff(want, strings.Join(Tests(names, engine), " ")); diff != "" {
			t.Errorf("%q: %s", engine, diff)
		}
	}
}
