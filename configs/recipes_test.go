package configs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sallyport/agent/config"
)

// The recipes of the README are configuration that is taken as it stands, with the credentials that they name and no others.
func TestRecipes(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipes, found := strings.Cut(string(text), "\n### Recipes")
	recipes, _, ended := strings.Cut(recipes, "\n## ")
	if !found || !ended {
		t.Fatal("the README has no recipes")
	}
	credentials, dir := t.TempDir(), t.TempDir()
	rc := filepath.Join(dir, "terraform.rc")
	must(t, os.WriteFile(rc, []byte("credentials \"registry.example.internal\" {\n  token = \"secret-token\"\n}\n"), 0o600))
	for _, name := range regexp.MustCompile(`credential\("([^"]*)"\)`).FindAllStringSubmatch(recipes, -1) {
		must(t, os.WriteFile(filepath.Join(credentials, name[1]), []byte("secret-"+name[1]), 0o600))
	}
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(recipes, -1)
	if len(blocks) < 4 {
		t.Fatalf("the README has %d recipes", len(blocks))
	}
	for _, block := range blocks {
		name, _, _ := strings.Cut(block[1], "\n")
		t.Run(name, func(t *testing.T) {
			body := "data_dir = \"" + dir + "/data\"\nsocket = \"" + dir + "/socket\"\nrepository \"infra\" {\n  url = \"file:///srv/infra.git\"\n  branch = \"main\"\n}\n" +
				strings.ReplaceAll(block[1], "/etc/sallyport/terraform.rc", rc)
			if !strings.Contains(body, "stack \"") {
				body += "stack \"box\" {\n  dir = \"box\"\n}\n"
			}
			file := filepath.Join(t.TempDir(), "sallyport.hcl")
			must(t, os.WriteFile(file, []byte(body), 0o600))
			cfg, err := config.Load(file, config.LoadOptions{CredentialsDir: credentials})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range cfg.Stacks {
				for _, secret := range regexp.MustCompile(`credential\("([^"]*)"\)`).FindAllStringSubmatch(block[1], -1) {
					given := false
					for _, env := range []map[string]interface{ Reveal() string }{reveals(s.Env), reveals(s.PlanEnv), reveals(s.ApplyEnv)} {
						for _, value := range env {
							given = given || value.Reveal() == "secret-"+secret[1]
						}
					}
					if !given {
						t.Errorf("the stack is not given %s", secret[1])
					}
				}
			}
		})
	}
}

// reveals are the values of an environment.
func reveals[V interface{ Reveal() string }](env map[string]V) map[string]interface{ Reveal() string } {
	out := map[string]interface{ Reveal() string }{}
	for name, value := range env {
		out[name] = value
	}
	return out
}
