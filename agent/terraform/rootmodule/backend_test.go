package rootmodule

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/hclfile"
	"sallyport/agent/terraform/tftest"
)

func TestReadBackend(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  Backend
		kept  bool
	}{
		{"none", only("locals {}"), Backend{}, true},
		{"s3", only(`terraform {
			backend "s3" {}
		}`), Backend{Type: "s3", Literal: true}, false},
		{"local without a path", only(`terraform {
			backend "local" {}
		}`), Backend{Type: "local", Literal: true}, true},
		{"local, relative", only(`terraform {
			backend "local" { path = "x/terraform.tfstate" }
		}`), Backend{Type: "local", Path: "x/terraform.tfstate", Literal: true}, true},
		{"local, absolute", only(`terraform {
			backend "local" { path = "/srv/terraform.tfstate" }
		}`), Backend{Type: "local", Path: "/srv/terraform.tfstate", Literal: true}, false},
		{"local, null", only(`terraform {
			backend "local" { path = null }
		}`), Backend{Type: "local", Literal: true}, true},
		{"local, a number", only(`terraform {
			backend "local" { path = 5 }
		}`), Backend{Type: "local", Path: "5", Literal: true}, true},
		{"local, a variable", only(`terraform {
			backend "local" { path = var.p }
		}`), Backend{Type: "local"}, false},
		{"json", map[string]string{"b.tf.json": `{"terraform": [{"backend": {"gcs": {"bucket": "b"}}}]}`}, Backend{Type: "gcs", Literal: true}, false},
		{"cloud", only(`terraform {
			cloud {}
		}`), Backend{Cloud: true}, false},
		{"an override wins", map[string]string{
			"a_override.tf": "terraform {\n backend \"http\" {}\n}", "main.tf": "terraform {\n backend \"s3\" {}\n}"},
			Backend{Type: "http", Literal: true}, false},
		{"a broken file beside", map[string]string{
			"a.tf": "resource {{{", "main.tf": "terraform {\n backend \"s3\" {}\n}"}, Backend{Type: "s3", Literal: true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			tftest.Write(t, dir, c.files)
			root, err := ReadBackends(dir, hclfile.Terraform)
			if err != nil {
				t.Fatal(err)
			}
			got := root.Merged
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if kept := got.Kept(nil); kept != c.kept {
				t.Errorf("kept by the agent: %v", kept)
			}
		})
	}
}

// TestReadBackendOfTofu: a backend that stands in a file which only OpenTofu reads is that of a stack which OpenTofu plans, and
// no other's.
func TestReadBackendOfTofu(t *testing.T) {
	backend := func(kind string) string { return "terraform {\n backend \"" + kind + "\" {}\n}\n" }
	for _, c := range []struct {
		name     string
		files    map[string]string
		engine   hclfile.Engine
		want     string
		override string
	}{
		{"a file of its own", map[string]string{"main.tf": "", "backend.tofu": backend("s3")}, hclfile.Tofu, "s3", ""},
		{"the same for terraform", map[string]string{"main.tf": "", "backend.tofu": backend("s3")}, hclfile.Terraform, "", ""},
		{"no other file", map[string]string{"main.tofu": backend("s3")}, hclfile.Tofu, "s3", ""},
		{"JSON", map[string]string{"main.tofu.json": `{"terraform": {"backend": {"gcs": {}}}}`}, hclfile.Tofu, "gcs", ""},
		{"in the place of another", map[string]string{"backend.tf": backend("s3"), "backend.tofu": backend("http")}, hclfile.Tofu, "http", ""},
		{"which takes a backend away", map[string]string{"backend.tf": backend("s3"), "backend.tofu": ""}, hclfile.Tofu, "", ""},
		{"which terraform does not see", map[string]string{"backend.tf": backend("s3"), "backend.tofu": backend("http")}, hclfile.Terraform, "s3", ""},
		{"JSON is not in the place of the other", map[string]string{"backend.tf": backend("s3"), "backend.tofu.json": `{}`}, hclfile.Tofu, "s3", ""},
		{"an override", map[string]string{"main.tf": "", "x_override.tofu": backend("http")}, hclfile.Tofu, "http", "x_override.tofu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			tftest.Write(t, dir, c.files)
			root, err := ReadBackends(dir, c.engine)
			if err != nil {
				t.Fatal(err)
			}
			if root.Merged.Type != c.want || root.Override != c.override {
				t.Errorf("backend %q, set late by %q; want %q, %q", root.Merged.Type, root.Override, c.want, c.override)
			}
		})
	}
}

func TestCheckBackendFile(t *testing.T) {
	for text, want := range map[string]string{
		"terraform {\n  backend \"s3\" { bucket = \"b\" }\n}":         "",
		"terraform {\n  backend \"s3\" {\n    assume_role {}\n  }\n}": "",
		``:                                     "one terraform block",
		`terraform {`:                          "no configuration",
		`terraform { required_version = "1" }`: "one backend block",
		`terraform {}`:                         "one backend block",
		"terraform {\n  backend \"s3\" {}\n}\nprovider \"x\" {}":                        "one terraform block",
		"terraform {\n  backend \"s3\" {}\n}\nterraform {}":                             "one terraform block",
		"terraform {\n  backend \"s3\" {}\n  required_providers {}\n}":                  "one backend block",
		"terraform {\n  backend \"s3\" {}\n}\nx = " + strings.Repeat("[", 20_000):       "words",
		"terraform {\n  backend \"s3\" {}\n  backend \"local\" {}\n}\nlocals { a = 1 }": "one terraform block",
	} {
		if err := CheckBackendFile([]byte(text)); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
}

// only is a root module of one file.
func only(text string) map[string]string { return map[string]string{"main.tf": text} }
