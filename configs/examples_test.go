package configs_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/terraform-config-inspect/tfconfig"

	"sallyport/agent/config"
)

const examples = "examples"

// exampleFiles are the files of all examples whose names end so.
func exampleFiles(t *testing.T, suffix string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(examples, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, suffix) {
			out = append(out, path)
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("there is no example with a file *%s: %v", suffix, err)
	}
	return out
}

// The configuration of each example is valid, and every directory, var file and template that it names is there.
func TestExampleConfigurations(t *testing.T) {
	credentials := t.TempDir()
	for _, name := range []string{"git-token", "slack-bot-token"} {
		if err := os.WriteFile(filepath.Join(credentials, name), []byte("secret-"+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := exampleFiles(t, "sallyport.hcl")
	if len(files) != 2 {
		t.Errorf("the configurations are %s", files)
	}
	for _, file := range files {
		// SkipModes: how a checkout is owned is nothing that the example decides.
		cfg, err := config.Load(file, config.LoadOptions{CredentialsDir: credentials, SkipModes: true})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, w := range cfg.Warnings {
			t.Errorf("%s: %s", file, w)
		}
		for _, s := range cfg.Stacks {
			dir := filepath.Join(filepath.Dir(file), s.Dir)
			if s.Engine == config.EngineTerraform && !tfconfig.IsModuleDir(dir) {
				t.Errorf("%s: stack %s has no module in %s", file, s.Name, dir)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
				t.Errorf("%s: %s: %v", file, s.Name, err)
			}
			for _, v := range s.VarFiles {
				if _, err := os.Stat(filepath.Join(dir, v)); err != nil {
					t.Errorf("%s: stack %s: %v", file, s.Name, err)
				}
			}
			if s.Engine == config.EngineTerraform && (s.AWS == nil || s.AWS.PlanRole() == s.AWS.RoleARN || !slices.Contains(s.Protect, "aws_ebs_volume.*")) {
				t.Errorf("%s: stack %s plans with the rights of an apply, or its volumes are not protected", file, s.Name)
			}
		}
	}
}

// Every module can be read, pins its providers and Terraform, and gets values for what has no default from its var file.
func TestExampleModules(t *testing.T) {
	modules := map[string]bool{}
	for _, file := range exampleFiles(t, ".tf") {
		modules[filepath.Dir(file)] = true
	}
	for dir := range modules {
		m, diags := tfconfig.LoadModule(dir)
		if diags.HasErrors() {
			t.Errorf("%s: %v", dir, diags)
			continue
		}
		if len(m.RequiredCore) == 0 || len(m.RequiredProviders["aws"].VersionConstraints) == 0 {
			t.Errorf("%s pins neither Terraform nor its provider", dir)
		}
		volume := m.ManagedResources["aws_ebs_volume.data"]
		if volume == nil {
			t.Errorf("%s has no data volume of its own", dir)
		}
		f, hclDiags := hclparse.NewParser().ParseHCLFile(filepath.Join(dir, "prod.tfvars"))
		if hclDiags.HasErrors() {
			t.Errorf("%s: %v", dir, hclDiags)
			continue
		}
		values, hclDiags := f.Body.JustAttributes()
		if hclDiags.HasErrors() {
			t.Errorf("%s: %v", dir, hclDiags)
		}
		fromImage := map[string]bool{"ami_id": filepath.Base(dir) == "code-host"} // of images in sallyport.hcl
		for name, v := range m.Variables {
			if _, given := values[name]; v.Required && !given && !fromImage[name] {
				t.Errorf("%s: nothing gives variable %s a value", dir, name)
			}
		}
		for name := range values {
			if m.Variables[name] == nil {
				t.Errorf("%s: there is no variable %s", dir, name)
			}
		}
	}
}

func TestExamplesAreWellFormed(t *testing.T) {
	if out, err := exec.Command("terraform", "fmt", "-check", "-diff", "-recursive", examples).CombinedOutput(); err != nil {
		t.Errorf("terraform fmt: %v\n%s", err, out)
	}
	for _, file := range slices.Concat(exampleFiles(t, ".pkr.hcl"), exampleFiles(t, ".tfvars"), exampleFiles(t, "sallyport.hcl")) {
		if _, diags := hclparse.NewParser().ParseHCLFile(file); diags.HasErrors() {
			t.Errorf("%s: %v", file, diags)
		}
	}
	for _, file := range exampleFiles(t, ".sh") {
		if out, err := exec.Command("bash", "-n", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}

// What a README has people type names variables and resources that its modules have.
func TestExampleCommands(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(examples, "office-service", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	m, diags := tfconfig.LoadModule(filepath.Join(examples, "office-service", "code-host"))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	vars, resources := 0, 0
	for line := range strings.Lines(string(text)) {
		command, is := strings.CutPrefix(line, "    sallyport ")
		if !is {
			continue
		}
		words := strings.Fields(command)
		for i, word := range words {
			switch {
			case i > 0 && words[i-1] == "--var":
				name, _, _ := strings.Cut(word, "=")
				if vars++; m.Variables[name] == nil {
					t.Errorf("there is no variable %s: %s", name, line)
				}
			case strings.HasPrefix(word, "aws_"):
				if resources++; m.ManagedResources[word] == nil {
					t.Errorf("there is no %s: %s", word, line)
				}
			}
		}
	}
	if vars < 5 || resources < 4 {
		t.Errorf("the commands name %d variables and %d resources", vars, resources)
	}
}

// What a README sends people to is there.
func TestExampleLinks(t *testing.T) {
	for _, file := range exampleFiles(t, "README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "](")[1:] {
			target, _, _ := strings.Cut(part, ")")
			if strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), target)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}
