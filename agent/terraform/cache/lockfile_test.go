package cache

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTemperature: what a module needs in files that only OpenTofu reads, or behind backslashes, is never taken for nothing: then two
// inits would download into one place at the same time.
func TestTemperature(t *testing.T) {
	const needs = "terraform {\n  required_providers {\n    time = {\n      source = \"hashicorp/time\"\n    }\n  }\n}\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  temperature
	}{
		"nothing":                  {map[string]string{"box/main.tf": ""}, free},
		"a provider":               {map[string]string{"box/main.tf": needs}, cold},
		"in OpenTofu's words":      {map[string]string{"box/main.tf": "", "box/more.tofu": needs}, cold},
		"in its JSON":              {map[string]string{"box/main.tf": "", "box/more.tofu.json": "{}"}, cold},
		"in a module":              {map[string]string{"box/main.tf": "module \"m\" {\n  source = \"../m\"\n}\n", "m/main.tf": needs}, cold},
		"in a module, backslashes": {map[string]string{"box/main.tf": "module \"m\" {\n  source = \"..\\\\m\"\n}\n", "m/main.tf": needs}, cold},
		"a module with nothing":    {map[string]string{"box/main.tf": "module \"m\" {\n  source = \"..\\\\m\"\n}\n", "m/main.tf": ""}, free},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range c.files {
				at := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got := New(t.TempDir()).temperature(filepath.Join(dir, "box"), requiredProviders(filepath.Join(dir, "box"), "registry.terraform.io")); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}
