package stack

import (
	"errors"
	"io/fs"
	"maps"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// mapTree is a commit's files for tests.
type mapTree struct{ fs fstest.MapFS }

func (m mapTree) ReadFile(p string) ([]byte, error)       { return fs.ReadFile(m.fs, p) }
func (m mapTree) ReadDir(p string) ([]fs.DirEntry, error) { return fs.ReadDir(m.fs, p) }
func tree(files map[string]string) mapTree {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return mapTree{m}
}

func TestFootprint(t *testing.T) {
	repository := tree(map[string]string{
		"ghe/main.tf":             `module "net" { source = "../modules/net" }` + "\n" + `module "far" { source = "git::https://example.com/x.git" }`,
		"ghe/templates/user.tpl":  "x",
		"ghe/prod.tfvars":         "",
		"modules/net/main.tf":     `module "sub" { source = "./sub" }`,
		"modules/net/sub/main.tf": `resource "terraform_data" "x" {}`,
		"modules/unused/main.tf":  "",
		"json/main.tf.json":       `{"module": {"net": {"source": "../modules/net"}}}`,
		"broken/main.tf":          "module \"net\" {\n  source = \"../modules/net\"\n}\nresource \"x\" {{{\n",
		"loop/main.tf":            `module "me" { source = "../loop" }`,
		"escape/main.tf":          `module "out" { source = "../../elsewhere" }`,
		"empty/readme.md":         "",
		"common.tfvars":           "",
	})
	for _, c := range []struct {
		name  string
		def   Definition
		want  Files
		noDir bool
	}{
		{name: "modules of modules", def: Definition{Dir: "ghe"}, want: Files{Dirs: []string{"ghe", "modules/net", "modules/net/sub"}}},
		{name: "var files relative to dir", def: Definition{Dir: "ghe", VarFiles: []string{"prod.tfvars", "../common.tfvars"}},
			want: Files{Dirs: []string{"ghe", "modules/net", "modules/net/sub"}, Files: []string{"common.tfvars", "ghe/prod.tfvars"}}},
		{name: "json", def: Definition{Dir: "json"}, want: Files{Dirs: []string{"json", "modules/net", "modules/net/sub"}}},
		{name: "a broken file is followed as far as it parses", def: Definition{Dir: "broken"}, want: Files{Dirs: []string{"broken", "modules/net", "modules/net/sub"}}},
		{name: "a module that calls itself", def: Definition{Dir: "loop"}, want: Files{Dirs: []string{"loop"}}},
		{name: "a module outside", def: Definition{Dir: "escape"}, want: Files{Dirs: []string{"escape"}}},
		{name: "no terraform files", def: Definition{Dir: "empty"}, want: Files{Dirs: []string{"empty"}}, noDir: true},
		{name: "no directory", def: Definition{Dir: "gone", Watch: []string{"x/**"}}, want: Files{Dirs: []string{"gone"}, Globs: []string{"x/**"}}, noDir: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Footprint(repository, c.def)
			if errors.Is(err, ErrNoDir) != c.noDir || err != nil && !c.noDir {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// linkedTree is a tree with symlinks; like the real one it follows them.
type linkedTree struct {
	mapTree
	links map[string]string
}

func (l linkedTree) ReadLink(p string) (string, error) {
	if target, ok := l.links[p]; ok {
		return target, nil
	}
	return "", fs.ErrInvalid
}

func (l linkedTree) ReadDir(p string) ([]fs.DirEntry, error) { return l.mapTree.ReadDir(l.follow(p)) }
func (l linkedTree) ReadFile(p string) ([]byte, error)       { return l.mapTree.ReadFile(l.follow(p)) }
func (l linkedTree) follow(p string) string {
	return (&links{tree: l, files: map[string]bool{}}).resolve(p)
}

func linked(files, links map[string]string) linkedTree {
	all := tree(files)
	for name, target := range links {
		all.fs[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
	}
	return linkedTree{all, links}
}

func TestFootprintFollowsSymlinks(t *testing.T) {
	repository := linked(map[string]string{
		"a/main.tf":              `module "net" { source = "../modules/net" }`,
		"a/sub/x.txt":            "",
		"common/common.tf":       "",
		"common/net/main.tf":     "",
		"templates/user/one.tpl": "",
		"prod.tfvars":            "",
	}, map[string]string{
		"a/common.tf":   "../common/common.tf",
		"a/sub/tpl":     "../../templates/user",
		"a/prod.tfvars": "../vars",
		"vars":          "prod.tfvars",
		"modules":       "common",
		"a/out":         "../../elsewhere",
		"a/abs":         "/etc",
		"a/loop":        "loop",
		"b":             "a",
	})
	want := Files{
		Dirs:  []string{"a", "common/net", "modules/net", "templates/user"},
		Files: []string{"a/abs", "a/common.tf", "a/loop", "a/out", "a/prod.tfvars", "a/sub/tpl", "common/common.tf", "modules", "prod.tfvars", "vars"},
	}
	got, err := Footprint(repository, Definition{Dir: "a", VarFiles: []string{"prod.tfvars"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("footprint (-want +got):\n%s", diff)
	}
	got, err = Footprint(repository, Definition{Dir: "b"})
	if err != nil || !got.Touches("a/main.tf") || !got.Touches("common/net/main.tf") || !got.Touches("b") {
		t.Errorf("a stack that is a link: %+v, %v", got, err)
	}
}

func TestTouches(t *testing.T) {
	f := Files{Dirs: []string{"ghe"}, Files: []string{"common.tfvars"}, Globs: []string{"packer/**/*.json"}}
	for path, want := range map[string]bool{
		"ghe/main.tf": true, "ghe/a/b/c.tpl": true, "ghe": true, "ghe2/main.tf": false, "common.tfvars": true,
		"packer/x/y.json": true, "packer/x/y.hcl": false, "README.md": false,
	} {
		if f.Touches(path) != want {
			t.Errorf("%s: got %v", path, !want)
		}
	}
	if !(Files{Dirs: []string{"."}}).Touches("anything/at/all") {
		t.Error("a stack at the root covers everything")
	}
	if got := f.FirstTouched([]string{"README.md", "ghe/main.tf", "common.tfvars"}); got != "ghe/main.tf" {
		t.Errorf("first touched: %q", got)
	}
}

func TestRoots(t *testing.T) {
	repository := tree(map[string]string{
		"services/jira/main.tf":       `module "m" { source = "./parts" }`,
		"services/jira/parts/main.tf": "",
		"services/ci/main.tf":         "",
		"services/ci/.terraform/x.tf": "",
		"services/notes/readme.md":    "",
		"services/base/main.tf":       "",
		"network/main.tf":             `module "b" { source = "../services/base" }`,
	})
	for glob, want := range map[string][]string{
		"services/*":  {"services/ci", "services/jira"},
		"services/**": {"services/ci", "services/jira"},
		"*":           {"network"},
		"none/*":      nil,
	} {
		got, err := Roots(repository, glob)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", glob, diff)
		}
	}
	if _, err := Roots(repository, "[x"); err == nil {
		t.Error("a bad glob is an error")
	}
}

func TestInspect(t *testing.T) {
	repository := tree(map[string]string{
		"s3/main.tf":             "terraform {\n  required_version = \">= 1.5\"\n  backend \"s3\" {}\n}",
		"s3/.terraform.lock.hcl": "",
		"rel/main.tf":            "terraform {\n  backend \"local\" {\n    path = \"x.tfstate\"\n  }\n}",
		"abs/main.tf":            "terraform {\n  backend \"local\" {\n    path = \"/srv/x.tfstate\"\n  }\n}",
		"cloud/main.tf":          "terraform {\n  cloud {}\n}",
		"none/main.tf":           "",
		"over/a_override.tf":     "terraform {\n  backend \"gcs\" {}\n}",
		"over/main.tf":           "terraform {\n  cloud {}\n}",
		"json/main.tf.json":      `{"terraform": {"backend": {"http": {}}}}`,
	})
	for dir, want := range map[string]Info{
		"s3":    {Backend: "s3", RequiredVersion: []string{">= 1.5"}, LockFile: true},
		"rel":   {Backend: "local", BackendPathRelative: true},
		"abs":   {Backend: "local"},
		"cloud": {Cloud: true},
		"none":  {},
		"over":  {Backend: "gcs"},
		"json":  {Backend: "http"},
	} {
		got, err := Inspect(repository, dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", dir, diff)
		}
	}
}

// TestGuard: what decides which programs terraform runs counts, how it is written does not.
func TestGuard(t *testing.T) {
	base := map[string]string{
		"box/main.tf":             "terraform {\n  backend \"s3\" {}\n}\nmodule \"m\" {\n  source = \"../m\"\n}\n",
		"m/main.tf":               "resource \"terraform_data\" \"a\" {}\n",
		"box/.terraform.lock.hcl": "# a\n",
	}
	for name, tt := range map[string]struct {
		change map[string]string
		want   string
	}{
		"nothing":              {nil, ""},
		"a resource":           {map[string]string{"box/more.tf": "resource \"terraform_data\" \"b\" {}\n"}, ""},
		"blanks and comments":  {map[string]string{"box/main.tf": "# new\nterraform {\n\n  backend   \"s3\" { # where\n  }\n}\nmodule \"m\" {\n  source = \"../m\"\n}\n"}, ""},
		"another file":         {map[string]string{"box/main.tf": "module \"m\" {\n  source = \"../m\"\n}\n", "box/terraform.tf": "terraform {\n  backend \"s3\" {}\n}\n"}, ""},
		"the backend":          {map[string]string{"box/main.tf": "terraform {\n  backend \"gcs\" {}\n}\nmodule \"m\" {\n  source = \"../m\"\n}\n"}, "its backend or providers"},
		"a provider's source":  {map[string]string{"m/versions.tf": "terraform {\n  required_providers {\n    a = {\n      source = \"evil/a\"\n    }\n  }\n}\n"}, "its backend or providers"},
		"the same in JSON":     {map[string]string{"m/versions.tf.json": `{"terraform":{"required_providers":{"a":{"source":"evil/a"}}}}`}, "its backend or providers"},
		"an override":          {map[string]string{"box/override.tf": "terraform {\n  backend \"local\" {}\n}\n"}, "its backend or providers"},
		"a file that is wrong": {map[string]string{"box/wrong.tf": "terraform {"}, "its backend or providers"},
		"the lock file":        {map[string]string{"box/.terraform.lock.hcl": "# b\n"}, "its lock file"},
		"no lock file":         {map[string]string{"box/.terraform.lock.hcl": ""}, "its lock file"},
	} {
		t.Run(name, func(t *testing.T) {
			now := maps.Clone(base)
			for file, text := range tt.change {
				if now[file] = text; text == "" {
					delete(now, file)
				}
			}
			d := Definition{Dir: "box"}
			old, err := Guard(tree(base), d)
			if err != nil {
				t.Fatal(err)
			}
			has, err := Guard(tree(now), d)
			if err != nil {
				t.Fatal(err)
			}
			if got := has.Changed(old); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
