package terraform

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/tftest"
)

// A file for version managers is not obeyed, and whoever planned something says so.
func TestVersionFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		tofu  bool
		want  string // a part of the warning; empty: there is none
	}{
		"none":                           {nil, false, ""},
		"the same":                       {map[string]string{"live/box/.terraform-version": "1.11.4\n"}, false, ""},
		"the same, with a letter":        {map[string]string{"live/box/.terraform-version": "v1.11.4"}, false, ""},
		"another":                        {map[string]string{"live/box/.terraform-version": "1.5.7\n# pinned\n"}, false, `live/box/.terraform-version says "1.5.7", and 1.11.4 planned this`},
		"above the root module":          {map[string]string{".terraform-version": "1.5.7"}, false, `.terraform-version says "1.5.7"`},
		"the nearest":                    {map[string]string{".terraform-version": "1.5.7", "live/.terraform-version": "1.11.4"}, false, ""},
		"whatever is the newest":         {map[string]string{".terraform-version": "latest:^1.5"}, false, `says "latest:^1.5"`},
		"of the other program":           {map[string]string{".opentofu-version": "1.5.7"}, false, ""},
		"opentofu, of the other program": {map[string]string{".terraform-version": "1.5.7"}, true, ""},
		"opentofu":                       {map[string]string{".opentofu-version": "1.9.0"}, true, `.opentofu-version says "1.9.0"`},
		"empty":                          {map[string]string{".terraform-version": "\n"}, false, ""},
		"a directory":                    {map[string]string{".terraform-version/x": "1.5.7"}, false, ""},
		"much too long":                  {map[string]string{".terraform-version": strings.Repeat("1", maxVersionFile+1)}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"live/box/main.tf": ""}
			for file, text := range c.files {
				files[file] = text
			}
			dir := t.TempDir()
			tftest.Write(t, dir, files)
			p := &planner{o: PlanOptions{Source: dir, WorkDir: filepath.Join(dir, "live", "box"), Redact: func(s string) string { return s }}}
			p.o.Tool.Version, p.o.Tool.OpenTofu = "1.11.4", c.tofu
			p.warnVersionFile()
			got := strings.Join(p.res.Warnings, "\n")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q in it", got, c.want)
			}
		})
	}
}

// terraform_remote_state to a state that the agent keeps: what to write stands nowhere but where it is kept.
func TestRemoteStateThatIsKept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	read := func(path string) PlanOptions {
		return r.options(map[string]string{"main.tf": "data \"terraform_remote_state\" \"net\" {\n  backend = \"local\"\n  config = { path = \"" + path + "\" }\n}\n" +
			"output \"x\" { value = data.terraform_remote_state.net.outputs }\n"})
	}
	o := read("../net/terraform.tfstate")
	_, err := Plan(t.Context(), o)
	var failed *diag.Error
	if !errors.As(err, &failed) {
		t.Fatalf("planning: %v", err)
	}
	kept := filepath.Join(filepath.Dir(o.StateDir), "OTHER-STACK", "terraform.tfstate")
	if !strings.Contains(failed.Hint, `backend = "local" and config = { path = "`+kept+`" } read that of OTHER-STACK`) {
		t.Errorf("hint: %s", failed.Hint)
	}
}
