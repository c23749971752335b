package terraform

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/rootmodule"
	"sallyport/agent/terraform/varfile"
)

// TestApplyVars: the apply gets the ephemeral variables that the plan was given, all of them, and nothing else.
func TestApplyVars(t *testing.T) {
	t.Parallel()
	const ephemeral = `variable "token" { ephemeral = true }` + "\n" + `variable "plain" {}` + "\n"
	terraform, tofu := binary.Tool{Version: "1.11.4"}, binary.Tool{Version: "1.12.6", OpenTofu: true}
	for _, c := range []struct {
		name     string
		tool     binary.Tool
		files    map[string]string
		varFiles []string
		vars     map[string]cty.Value
		given    map[string]string
		want     string
		secret   []string
	}{
		{name: "vars", tool: terraform, files: map[string]string{"main.tf": ephemeral}, vars: map[string]cty.Value{"token": cty.StringVal("t0"), "plain": cty.StringVal("v1")},
			want: `{"token":"t0"}`, secret: []string{"t0"}},
		{name: "not given", tool: terraform, files: map[string]string{"main.tf": ephemeral}, vars: map[string]cty.Value{"plain": cty.StringVal("v1")}},
		{name: "null is not given", tool: terraform, files: map[string]string{"main.tf": ephemeral}, vars: map[string]cty.Value{"token": cty.NullVal(cty.String)}},
		{name: "the last var file wins", tool: terraform,
			files:    map[string]string{"main.tf": ephemeral, "a.tfvars": `token = "a"` + "\n" + `plain = "p"`, "b.tfvars.json": `{"token": "${b}"}`, "c.tfvars": `plain = "q"`},
			varFiles: []string{"a.tfvars", "b.tfvars.json", "c.tfvars"}, want: `{"token":"${b}"}`, secret: []string{"${b}"}},
		{name: "vars win over var files, and a person's over both", tool: terraform, files: map[string]string{"main.tf": ephemeral + `variable "pin" { ephemeral = true }`, "a.tfvars": "token = \"a\"\npin = \"a\""},
			varFiles: []string{"a.tfvars"}, vars: map[string]cty.Value{"token": cty.StringVal("v"), "pin": cty.StringVal("v")}, given: map[string]string{"pin": "g"},
			want: `{"pin":"g","token":"v"}`, secret: []string{"g", "v"}},
		{name: "null in the last file takes it back", tool: terraform, files: map[string]string{"main.tf": ephemeral, "a.tfvars": `token = "a"`, "b.tfvars": `token = null`}, varFiles: []string{"a.tfvars", "b.tfvars"}},
		{name: "an override makes it ephemeral", tool: terraform, files: map[string]string{"main.tf": `variable "token" {}`, "a_override.tf": `variable "token" { ephemeral = true }`},
			vars: map[string]cty.Value{"token": cty.StringVal("t0")}, want: `{"token":"t0"}`, secret: []string{"t0"}},
		{name: "an override takes it back", tool: terraform, files: map[string]string{"zz.tf": ephemeral, "a_override.tf": `variable "token" { ephemeral = false }`}, vars: map[string]cty.Value{"token": cty.StringVal("t0")}},
		{name: "an override that does not say", tool: terraform, files: map[string]string{"main.tf": ephemeral, "override.tf": `variable "token" { default = "x" }`},
			vars: map[string]cty.Value{"token": cty.StringVal("t0")}, want: `{"token":"t0"}`, secret: []string{"t0"}},
		{name: "JSON, and what is inside of values", tool: terraform, files: map[string]string{"main.tf.json": `{"variable": {"keys": {"ephemeral": "true"}}}`},
			vars: map[string]cty.Value{"keys": cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal("s1"), "b": cty.TupleVal([]cty.Value{cty.NumberIntVal(12345678)})})},
			want: `{"keys":{"a":"s1","b":[12345678]}}`, secret: []string{"12345678", "s1"}},
		{name: "a file of OpenTofu's alone", tool: terraform, files: map[string]string{"main.tf": `variable "token" {}`, "a.tofu": ephemeral}, vars: map[string]cty.Value{"token": cty.StringVal("t0")}},
		{name: "OpenTofu reads it", tool: tofu, files: map[string]string{"a.tofu": ephemeral}, vars: map[string]cty.Value{"token": cty.StringVal("t0")}, want: `{"token":"t0"}`, secret: []string{"t0"}},
		{name: "in the place of the other", tool: tofu, files: map[string]string{"main.tf": ephemeral, "main.tofu": `variable "token" {}`}, vars: map[string]cty.Value{"token": cty.StringVal("t0")}},
		{name: "none is declared", tool: terraform, files: map[string]string{"main.tf": `variable "plain" {}`, "broken.tfvars": "("}, varFiles: []string{"broken.tfvars"}, vars: map[string]cty.Value{"plain": cty.StringVal("p")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range c.files {
				ok(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
			}
			var secret []string
			p := &planner{o: PlanOptions{Tool: c.tool, Source: dir, WorkDir: dir, OutDir: t.TempDir(), VarFiles: c.varFiles, Vars: c.vars, Given: c.given,
				Silence: func(values []string) { secret = append(secret, values...) }}}
			var err error
			p.declared, err = p.o.dir().Variables()
			ok(t, err)
			vars, err := p.vars()
			ok(t, err)
			text, err := p.applyVars(vars)
			ok(t, err)
			slices.Sort(secret)
			if !slices.Equal(secret, c.secret) {
				t.Errorf("secrets %q, want %q", secret, c.secret)
			}
			if c.want == "" {
				if text != nil {
					t.Errorf("the apply gets %s", text)
				}
				return
			}
			var have, want map[string]any
			ok(t, json.Unmarshal(text, &have))
			ok(t, json.Unmarshal([]byte(c.want), &want))
			if dump(t, have) != dump(t, want) {
				t.Errorf("the apply gets %s, want %s", text, c.want)
			}
			ok(t, keepApplyVars(p, text))
			if digest, err := digestFile(filepath.Join(p.o.OutDir, varfile.ForApply)); err != nil || digest != p.res.Plan.VarsDigest {
				t.Errorf("the digest is %s, of the file %s, %v", p.res.Plan.VarsDigest, digest, err)
			}
			if info, err := os.Stat(filepath.Join(p.o.OutDir, varfile.ForApply)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the file: %v, %v", info, err)
			}
		})
	}
}

// TestVarFilesThatCannotBeRead: what is not understood to its end must not pass for a variable that was not given.
func TestVarFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(dir string) error{
		"leads out of the checkout": func(dir string) error { return os.Symlink("/etc/hostname", filepath.Join(dir, "a.tfvars")) },
		"is a directory":            func(dir string) error { return os.Mkdir(filepath.Join(dir, "a.tfvars"), 0o700) },
		"has too many words": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "a.tfvars"), []byte(strings.Repeat("- ", 1<<20)), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ok(t, make(dir))
			p := &planner{o: PlanOptions{Source: dir, WorkDir: dir, VarFiles: []string{"a.tfvars"}}, declared: map[string]rootmodule.Variable{"token": {Ephemeral: true}}}
			if text, err := p.applyVars(maps.Clone(p.o.Vars)); err == nil {
				t.Errorf("the apply gets %q", text)
			}
		})
	}
}
