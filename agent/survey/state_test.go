package survey

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/config"
	"sallyport/notify/redact"
)

func TestStateOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		given map[string]string
		want  string
	}{
		"no backend":             {map[string]string{"main.tf": "locals {}\n"}, nil, "kept by the agent, which begins with an empty one"},
		"how an old one gets in": {map[string]string{"main.tf": "locals {}\n"}, nil, "sallyport exec ghe -- state push - < terraform.tfstate"},
		"s3":                     {map[string]string{"main.tf": "terraform {\n  backend \"s3\" {}\n}\n"}, nil, `backend "s3"`},
		"in another file":        {map[string]string{"main.tf": "locals {}\n", "z_override.tf": "terraform {\n  backend \"gcs\" {}\n}\n"}, nil, `backend "gcs"`},
		"in the checkout":        {map[string]string{"main.tf": "terraform {\n  backend \"local\" {\n    path = \"x.tfstate\"\n  }\n}\n"}, nil, "kept by the agent"},
		"at a lasting place":     {map[string]string{"main.tf": "terraform {\n  backend \"local\" {}\n}\n"}, map[string]string{"path": "/srv/x.tfstate"}, "a local file at an absolute path"},
		"cloud":                  {map[string]string{"main.tf": "terraform {\n  cloud {}\n}\n"}, nil, "a cloud block, which is refused"},
		"remote":                 {map[string]string{"main.tf": "terraform {\n  backend \"remote\" {}\n}\n"}, nil, `backend "remote", which is refused`},
		"our own name":           {map[string]string{"main.tf": "locals {}\n", "sallyport_override.tf": ""}, nil, "whose name is that of a file which the agent makes"},
		"nothing at all":         {nil, nil, ""},
	} {
		dir := t.TempDir()
		for file, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		st := &config.Stack{Name: "ghe", Engine: config.EngineTerraform, BackendConfig: map[string]redact.Secret{}}
		for k, v := range c.given {
			st.BackendConfig[k] = redact.NewSecret(v)
		}
		if got := stateOf(dir, st); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
