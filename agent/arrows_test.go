package agent_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImportsPointDown keeps the architecture: rows name exactly what is imported, and only packages of rows above their own.
func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "sallyport/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		var ours []string
		for _, imported := range words[1:] {
			if name, ok := strings.CutPrefix(imported, "sallyport/"); ok {
				ours = append(ours, name)
			}
		}
		imports[strings.TrimPrefix(words[0], "sallyport/")] = ours
	}
	above := make(map[string]bool)
	for _, row := range storeys {
		have, there := imports[row.name]
		if !there {
			t.Errorf("there is no package %s", row.name)
		}
		for _, name := range have {
			if !slices.Contains(row.uses, name) {
				t.Errorf("%s imports %s, which its row does not name", row.name, name)
			}
		}
		for _, name := range row.uses {
			if !slices.Contains(have, name) {
				t.Errorf("%s does not import %s, which its row names", row.name, name)
			}
			if !above[name] {
				t.Errorf("%s may import %s, whose row is not above its own: arrows only point down", row.name, name)
			}
		}
		above[row.name] = true
	}
	for name := range imports {
		if !above[name] {
			t.Errorf("package %s has no row: say what it may use", name)
		}
	}
}
