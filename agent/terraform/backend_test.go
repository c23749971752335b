package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/terraform/tftest"
)

func TestReadBackend(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  rootBackend
		kept  bool
	}{
		{"none", main("locals {}"), rootBackend{}, true},
		{"s3", main(`terraform {
			backend "s3" {}
		}`), rootBackend{Type: "s3", Literal: true}, false},
		{"local without a path", main(`terraform {
			backend "local" {}
		}`), rootBackend{Type: "local", Literal: true}, true},
		{"local, relative", main(`terraform {
			backend "local" { path = "x/terraform.tfstate" }
		}`), rootBackend{Type: "local", Path: "x/terraform.tfstate", Literal: true}, true},
		{"local, absolute", main(`terraform {
			backend "local" { path = "/srv/terraform.tfstate" }
		}`), rootBackend{Type: "local", Path: "/srv/terraform.tfstate", Literal: true}, false},
		{"json", map[string]string{"b.tf.json": `{"terraform": [{"backend": {"gcs": {"bucket": "b"}}}]}`}, rootBackend{Type: "gcs", Literal: true}, false},
		{"cloud", main(`terraform {
			cloud {}
		}`), rootBackend{Cloud: true}, false},
		{"an override wins", map[string]string{
			"a_override.tf": "terraform {\n backend \"http\" {}\n}", "main.tf": "terraform {\n backend \"s3\" {}\n}"},
			rootBackend{Type: "http", Literal: true}, false},
		{"a broken file beside", map[string]string{
			"a.tf": "resource {{{", "main.tf": "terraform {\n backend \"s3\" {}\n}"}, rootBackend{Type: "s3", Literal: true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			tftest.Write(t, dir, c.files)
			got, err := readBackend(dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if kept := got.kept(nil) && !got.Cloud; kept != c.kept {
				t.Errorf("kept by the agent: %v", kept)
			}
		})
	}
}

func TestWhereTheStateGoes(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "own.tfstate")
	for _, c := range []struct {
		name, backend, workspace string
		config                   map[string]string
		want                     string // relative to the kept state, or absolute
	}{
		{name: "no backend", want: "terraform.tfstate"},
		{name: "no backend, workspace", workspace: "blue", want: "workspaces/blue/terraform.tfstate"},
		{name: "relative local", backend: `backend "local" { path = "../../x.tfstate" }`, want: "terraform.tfstate"},
		{name: "absolute local", backend: `backend "local" { path = "` + elsewhere + `" }`, want: elsewhere},
		{name: "path by backend_config", backend: `backend "local" {}`, config: map[string]string{"path": elsewhere + "2"}, want: elsewhere + "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			files := main("terraform {\n" + c.backend + "\n}\nresource \"terraform_data\" \"a\" { input = terraform.workspace }")
			o := r.options(files)
			o.Workspace, o.BackendConfig = c.workspace, secrets(c.config)
			res := r.plan(o)
			if res.WorkspaceCreated != (c.workspace != "") {
				t.Errorf("workspace created: %v, warnings %v", res.WorkspaceCreated, res.Warnings)
			}
			r.apply(o, res)
			path := c.want
			if !filepath.IsAbs(path) {
				path = filepath.Join(r.State, path)
			}
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), "terraform_data") {
				t.Errorf("state at %s: %v", path, err)
			}
			if stray, _ := filepath.Glob(filepath.Join(o.WorkDir, "*.tfstate*")); len(stray) > 0 {
				t.Errorf("state strayed into the checkout: %v", stray)
			}
			o = r.options(files)
			o.Workspace, o.BackendConfig = c.workspace, secrets(c.config)
			if res := r.plan(o); !res.Plan.Empty || res.WorkspaceCreated {
				t.Errorf("second plan: empty %v, workspace created %v", res.Plan.Empty, res.WorkspaceCreated)
			}
		})
	}
}

func TestForeignOverrideOfTheBackend(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := r.options(map[string]string{
		"main.tf": "locals {}", "zz_override.tf": "terraform {\n backend \"local\" { path = \"x\" }\n}",
	})
	if e := failure(t, t.Context(), o); !strings.Contains(e.Hint, "override file") {
		t.Errorf("error %v, hint %q", e, e.Hint)
	}
	o = r.options(map[string]string{"main.tf": "locals {}", overrideFile: "{}"})
	if _, err := Plan(t.Context(), o); err == nil || !strings.Contains(err.Error(), overrideFile) {
		t.Errorf("a committed %s was overwritten: %v", overrideFile, err)
	}
}
