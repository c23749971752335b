package stack

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/go-cmp/cmp"

	"sallyport/agent/hclfile"
	"sallyport/agent/need"
	"sallyport/agent/stack/stacktest"
)

func TestFootprint(t *testing.T) {
	repository := stacktest.TreeOf(t, map[string]string{
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

// Footprints through symlinks: what a link leads to belongs to the stack, wherever the link is.
func TestFootprintFollowsSymlinks(t *testing.T) {
	repository := stacktest.TreeOf(t, map[string]string{
		"a/main.tf":                   `module "net" { source = "../modules/net" }`,
		"a/sub/x.txt":                 "",
		"common/common.tf":            "",
		"common/net/main.tf":          "",
		"templates/user/one.tpl":      "",
		"prod.tfvars":                 "",
		"a/common.tf":                 "-> ../common/common.tf",
		"a/sub/tpl":                   "-> ../../templates/user",
		"a/prod.tfvars":               "-> ../vars",
		"vars":                        "-> prod.tfvars",
		"modules":                     "-> common",
		"a/out":                       "-> ../../elsewhere",
		"a/abs":                       "-> /etc",
		"a/loop":                      "-> loop",
		"a/later":                     "-> ../not/yet",
		"b":                           "-> a",
		"prod":                        "-> regions/eu/prod",
		"regions/eu/prod/main.tf":     `module "net" { source = "../modules/net" }`,
		"regions/eu/prod/x.tfvars":    "",
		"regions/eu/base.tfvars":      "",
		"regions/eu/modules/net/n.tf": `module "deep" { source = "./deep" }`,
		"regions/eu/modules/net/deep": "-> ../../../../common/net",
		"moddir/main.tf":              `module "net" { source = "./net" }`,
		"moddir/net":                  "-> ../vendor/net",
		"vendor/net/main.tf":          `module "x" { source = "../x" }`,
		"vendor/x/main.tf":            "",
		"image/ami.pkr.hcl":           "-> ../common/ami.pkr.hcl",
		"common/ami.pkr.hcl":          "",
	})
	for name, c := range map[string]struct {
		def  Definition
		want Files
	}{
		"links of all kinds": {Definition{Dir: "a", VarFiles: []string{"prod.tfvars"}}, Files{
			Dirs:  []string{"a", "common/net", "modules/net", "not/yet", "templates/user"},
			Files: []string{"a/prod.tfvars", "common/common.tf", "modules", "not", "prod.tfvars", "vars"},
		}},
		"the directory": {Definition{Dir: "prod", VarFiles: []string{"x.tfvars", "../base.tfvars"}}, Files{
			Dirs:  []string{"common/net", "prod", "regions/eu/modules/net", "regions/eu/modules/net/deep", "regions/eu/prod"},
			Files: []string{"regions/eu/base.tfvars", "regions/eu/prod/x.tfvars"},
		}},
		"a module's directory": {Definition{Dir: "moddir"}, Files{Dirs: []string{"moddir", "moddir/net", "vendor/net", "vendor/x"}}},
		"a template":           {Definition{Dir: "image", Template: "ami.pkr.hcl"}, Files{Dirs: []string{"image"}, Files: []string{"common/ami.pkr.hcl"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Footprint(repository, c.def)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("footprint (-want +got):\n%s", diff)
			}
		})
	}
}

// What is wrong with a stack's own files is said as what it is, and what could mend it belongs to the stack.
func TestFaults(t *testing.T) {
	need.OneGoroutine(t)
	repository := stacktest.TreeOf(t, map[string]string{
		"nowhere/main.tf": "",
		"nowhere/x.tf":    "-> ../lost/x.tf",
		"onlylink/x.tf":   "-> ../lost/x.tf",
		"outside/main.tf": "-> /etc/passwd",
		"isdir/main.tf":   "",
		"isdir/x.tf":      "-> ../docs",
		"docs/readme.md":  "",
		"loop/main.tf":    "",
		"loop/x.tf":       "-> x.tf",
		"many/main.tf":    "",
		"many/1.tf":       "-> no", "many/2.tf": "-> no", "many/3.tf": "-> no", "many/4.tf": "-> no", "many/5.tf": "-> no",
		"module/main.tf":   `module "m" { source = "../nowhere" }`,
		"moddir/main.tf":   `module "m" { source = "./m" }`,
		"moddir/m":         "-> ../lost",
		"missing/main.tf":  `module "m" { source = "./m" }`,
		"vars/main.tf":     "",
		"vars/a.tfvars":    "-> ../lost.tfvars",
		"other/main.tf":    "",
		"other/notes":      "-> ../lost.md",
		"big/main.tf":      strings.Repeat("# 0123456789\n", 1_400_000),
		"sub":              "submodule",
		"insub/main.tf":    "-> ../sub/main.tf",
		"image/a.pkr.hcl":  "-> lost.hcl",
		"image2/a.pkr.hcl": "-> lost.hcl",
		"dirout":           "-> /srv",
		"up/up":            "-> ../nowhere",
	})
	for dir, c := range map[string]struct {
		def   Definition
		want  string
		needs []string // what would mend it, or could
	}{
		"nowhere":  {want: "nowhere/x.tf is a symlink to ../lost/x.tf, which is not in the repository", needs: []string{"nowhere/x.tf", "lost", "lost/x.tf"}},
		"onlylink": {want: "onlylink/x.tf is a symlink to ../lost/x.tf, which is not in the repository", needs: []string{"lost/x.tf"}},
		"outside":  {want: "outside/main.tf is a symlink to /etc/passwd, which is outside of the repository"},
		"isdir":    {want: "isdir/x.tf is a symlink to ../docs, which is a directory", needs: []string{"docs/readme.md"}},
		"loop":     {want: "loop/x.tf is a symlink to x.tf, which leads in a circle"},
		"many":     {want: "many/1.tf is a symlink to no, which is not in the repository; many/2.tf is a symlink to no, which is not in the repository; many/3.tf is a symlink to no, which is not in the repository; and 2 more"},
		"module":   {want: "nowhere/x.tf is a symlink to ../lost/x.tf, which is not in the repository", needs: []string{"lost/x.tf"}},
		"moddir":   {want: "moddir/m is a symlink to ../lost, which is not in the repository", needs: []string{"lost/main.tf", "lost"}},
		"missing":  {},
		"vars":     {def: Definition{VarFiles: []string{"a.tfvars", "not.tfvars"}}, want: "vars/a.tfvars is a symlink to ../lost.tfvars, which is not in the repository", needs: []string{"lost.tfvars", "vars/not.tfvars"}},
		"other":    {needs: []string{"lost.md"}},
		"big":      {want: "big/main.tf has more than 16 MiB and is not read"},
		"insub":    {want: "insub/main.tf is a symlink to ../sub/main.tf, which is in a git submodule, and those are not fetched", needs: []string{"sub/main.tf"}},
		"image":    {def: Definition{Template: "a.pkr.hcl"}, want: "image/a.pkr.hcl is a symlink to lost.hcl, which is not in the repository"},
		"image2":   {def: Definition{Template: "."}, want: "image2/a.pkr.hcl is a symlink to lost.hcl, which is not in the repository"},
		"dirout":   {want: "dirout is a symlink to /srv, which is outside of the repository", needs: []string{"dirout"}},
		"up/up":    {def: Definition{VarFiles: []string{"../../../x.tfvars"}}, want: "var file ../../../x.tfvars of up/up is outside of the repository; nowhere/x.tf is a symlink to ../lost/x.tf, which is not in the repository"},
	} {
		t.Run(dir, func(t *testing.T) {
			c.def.Dir = dir
			files, err := Footprint(repository, c.def)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := files.Fault(); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			for _, p := range c.needs {
				if !files.Touches(p) {
					t.Errorf("%s does not belong to it: %+v", p, files)
				}
			}
		})
	}
	if got, err := Roots(repository, hclfile.Either, func(dir string) bool { return !strings.Contains(dir, "/") && dir != "." }); err != nil || !slices.Equal(got, []string{"big", "isdir", "loop", "many", "missing", "moddir", "module", "other", "vars"}) {
		t.Errorf("roots %v, error %v", got, err)
	}
}

// A stack's directory that is a link to nothing left the branch as one that is missing did, and its coming back is noticed.
func TestNoDirectory(t *testing.T) {
	repository := stacktest.TreeOf(t, map[string]string{"prod": "-> regions/eu", "file": "x", "link": "-> file", "empty/readme.md": ""})
	for dir, want := range map[string]string{
		"prod": "prod is a symlink to regions/eu, which is not in the repository", "regions/us": "directory regions/us: " + ErrNoDir.Error(),
		"file": "directory file: " + ErrNoDir.Error(), "link": "directory link: " + ErrNoDir.Error(), "empty": "directory empty: " + ErrNoDir.Error(),
	} {
		files, err := Footprint(repository, Definition{Dir: dir})
		if !errors.Is(err, ErrNoDir) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", dir, err, want)
		}
		if !files.Touches(dir+"/main.tf") || dir == "prod" && !files.Touches("regions/eu/main.tf") || dir == "regions/us" && !files.Touches("regions") {
			t.Errorf("%s: its coming back would not be noticed: %+v", dir, files)
		}
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
	repository := stacktest.TreeOf(t, map[string]string{
		"services/jira/main.tf":       `module "m" { source = "./parts" }`,
		"services/jira/parts/main.tf": "",
		"services/ci/main.tf":         "",
		"services/ci/.terraform/x.tf": "",
		"services/notes/readme.md":    "",
		"services/base/main.tf":       "",
		"network/main.tf":             `module "b" { source = "../services/base" }`,
		"services/net/main.tf":        "",
		"edge/main.tf":                `module "n" { source = "./net" }`,
		"edge/net":                    "-> ../services/net",
		"services/vast/main.tf":       "-> ../lost.tf",
		"escape":                      "-> /etc",
		"services/sub":                "submodule",
	})
	for glob, want := range map[string][]string{
		"services/*":  {"services/ci", "services/jira"},
		"services/**": {"services/ci", "services/jira"},
		"*":           {"edge", "network"},
		"none/*":      nil,
	} {
		got, err := Roots(repository, hclfile.Either, func(dir string) bool { return doublestar.MatchUnvalidated(glob, dir) })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", glob, diff)
		}
	}
}

func TestInspect(t *testing.T) {
	repository := stacktest.TreeOf(t, map[string]string{
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
		got, err := Inspect(repository, Definition{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", dir, diff)
		}
	}
}
