package stack

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/go-cmp/cmp"

	"sallyport/agent/hclfile"
	"sallyport/agent/need"
)

func TestFootprint(t *testing.T) {
	repository := treeOf(t, map[string]string{
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
	repository := treeOf(t, map[string]string{
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
	repository := treeOf(t, map[string]string{
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
	repository := treeOf(t, map[string]string{"prod": "-> regions/eu", "file": "x", "link": "-> file", "empty/readme.md": ""})
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
	repository := treeOf(t, map[string]string{
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
	repository := treeOf(t, map[string]string{
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

// TestGuard: what decides which programs terraform runs counts, how it is written does not.
func TestGuard(t *testing.T) {
	base := map[string]string{
		"box/main.tf":             "terraform {\n  backend \"s3\" {}\n}\nmodule \"m\" {\n  source = \"../m\"\n}\n",
		"m/main.tf":               "resource \"terraform_data\" \"a\" {}\n",
		"box/.terraform.lock.hcl": "# a\n",
	}
	repository := newCommits(t)
	before := repository.tree(base)
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
		"a lock file nowhere":  {map[string]string{"box/.terraform.lock.hcl": "-> gone"}, "its lock file"},
		"a file nowhere":       {map[string]string{"m/x.tf": "-> gone"}, "its backend or providers"},
		"a linked provider": {map[string]string{"m/x.tf": "-> ../x.hcl", "x.hcl": "terraform {\n  required_providers {\n    a = {\n      source = \"evil/a\"\n    }\n  }\n}\n"},
			"its backend or providers"},
		"a module behind a link": {map[string]string{"box/more.tf": "module \"l\" {\n  source = \"./l\"\n}\n", "box/l": "-> ../away", "away/main.tf": "terraform {\n  required_providers {\n    a = {\n      source = \"evil/a\"\n    }\n  }\n}\n"},
			"its backend or providers"},
	} {
		t.Run(name, func(t *testing.T) {
			now := maps.Clone(base)
			for file, text := range tt.change {
				if now[file] = text; text == "" {
					delete(now, file)
				}
			}
			d := Definition{Dir: "box"}
			old, err := Guard(before, d)
			if err != nil {
				t.Fatal(err)
			}
			has, err := Guard(repository.tree(now), d)
			if err != nil {
				t.Fatal(err)
			}
			if got := has.Changed(old); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The configuration of a provider stands as it was, and what it refers to does not, as far as that leads: somebody has to look.
func TestAloneFollowsReferences(t *testing.T) {
	base := map[string]string{
		"box/main.tf": "provider \"kubernetes\" {\n  host = aws_vpc.a.id\n  exec {\n    command = \"aws\"\n    args = concat([local.mode], module.m.args, [for k, v in local.more : v])\n  }\n}\n" +
			"provider \"aws\" {\n  region = \"x\"\n}\nresource \"aws_vpc\" \"a\" {\n  cidr = var.cidr\n}\nresource \"aws_vpc\" \"other\" {\n  cidr = var.other\n}\n",
		"box/values.tf": "locals {\n  mode = \"${local.deep}-x\"\n  deep = data.aws_ami.a.id\n  more = { a = \"1\" }\n  free = \"1\"\n}\ndata \"aws_ami\" \"a\" {\n  name = var.name\n}\n" +
			"variable \"name\" {\n  default = \"n\"\n}\nvariable \"cidr\" {}\nvariable \"other\" {}\nmodule \"m\" {\n  source = \"../m\"\n  in = var.name\n}\n",
		"box/prod.tfvars":      "cidr = \"10.0.0.0/8\"\nother = \"1\"\n",
		"box/terraform.tfvars": "other = \"2\"\n",
		"m/main.tf":            "variable \"in\" {}\noutput \"args\" {\n  value = [var.in]\n}\n",
	}
	before := treeOf(t, base)
	const changes, unclear = "it changes what the configuration of a provider refers to", "nobody can tell whether it changes what"
	for name, tt := range map[string]struct{ file, from, to, want string }{
		"nothing":                               {"", "", "", ""},
		"a value that nothing refers to":        {"box/values.tf", `free = "1"`, `free = "2"`, ""},
		"a resource that nothing refers to":     {"box/main.tf", "cidr = var.other", "cidr = var.name", ""},
		"a comment":                             {"box/values.tf", `free = "1"`, "free = \"1\" # one", ""},
		"another variable's value":              {"box/prod.tfvars", `other = "1"`, `other = "3"`, ""},
		"a value":                               {"box/values.tf", `"${local.deep}-x"`, `"${local.deep}-evil"`, changes},
		"a value behind a value":                {"box/values.tf", "data.aws_ami.a.id", "data.aws_ami.a.arn", changes},
		"a data source behind that":             {"box/values.tf", "name = var.name\n}", "name = \"evil\"\n}", changes},
		"a variable's default behind that":      {"box/values.tf", `default = "n"`, `default = "evil"`, changes},
		"its value from a file, by itself":      {"box/terraform.tfvars", `other = "2"`, `name = "evil"`, changes},
		"a value from a file that is named":     {"box/prod.tfvars", `10.0.0.0/8`, `10.1.0.0/8`, changes},
		"what a for expression goes through":    {"box/values.tf", `{ a = "1" }`, `{ a = "evil" }`, changes},
		"a resource":                            {"box/main.tf", "cidr = var.cidr", "cidr = var.other", changes},
		"a module's files":                      {"m/main.tf", "[var.in]", "[var.in, \"evil\"]", changes},
		"what a module is given":                {"box/values.tf", "in = var.name", "in = \"evil\"", changes},
		"a value in an override":                {"box/x_override.tf", "", "locals {\n  more = { a = \"evil\" }\n}\n", changes},
		"a value in JSON":                       {"box/x.tf.json", "", `{"locals": {"x": "evil"}}`, unclear},
		"a value from a file of who knows what": {"box/values.tf", `{ a = "1" }`, `yamldecode(file("x.yml"))`, unclear},
		"var files that nobody can read":        {"box/prod.tfvars", "cidr", "=", unclear},
	} {
		t.Run(name, func(t *testing.T) {
			now := maps.Clone(base)
			if tt.file != "" && !strings.Contains(now[tt.file], tt.from) {
				t.Fatal("the test changes nothing")
			}
			if tt.file != "" {
				now[tt.file] = strings.Replace(now[tt.file], tt.from, tt.to, 1)
			}
			why, err := Alone(before, treeOf(t, now), Definition{Dir: "box", VarFiles: []string{"prod.tfvars"}})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && why != "" || !strings.HasPrefix(why, tt.want) {
				t.Errorf("got %q, want %q", why, tt.want)
			}
		})
	}
	// In a module what its callers give it counts; nobody follows that.
	nested := map[string]string{"box/main.tf": "module \"m\" {\n  source = \"../m\"\n}\n", "m/main.tf": "variable \"in\" {}\nprovider \"aws\" {\n  region = var.in\n}\n"}
	if why, err := Alone(treeOf(t, nested), treeOf(t, nested), Definition{Dir: "box"}); err != nil || !strings.HasPrefix(why, unclear) {
		t.Errorf("%q, %v", why, err)
	}
}

// TestAlone: what makes a plan load or run something that nobody has looked at waits, however it is written.
func TestAlone(t *testing.T) {
	need.OneGoroutine(t)
	base := map[string]string{
		"box/main.tf": "terraform {\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n    }\n  }\n}\nmodule \"m\" {\n  source = \"../m\"\n}\n" +
			"module \"vpc\" {\n  source = \"example/vpc/aws\"\n  version = \"1.0.0\"\n}\nprovider \"kubernetes\" {\n  exec {\n    command = \"aws\"\n  }\n}\n",
		"m/main.tf":       "resource \"aws_instance\" \"a\" {}\ndata \"aws_ami\" \"a\" {}\nresource \"terraform_data\" \"b\" {}\n",
		"box/set.tf.json": `{"terraform": {"required_version": ">= 1.1"}}`,
	}
	before := treeOf(t, base)
	for name, tt := range map[string]struct {
		file, text string
		want       string
	}{
		"nothing":                               {"box/none.txt", "", ""},
		"a resource of a known provider":        {"box/more.tf", "resource \"aws_vpc\" \"b\" {\n  provider = aws.west\n}\n", ""},
		"one that is built in":                  {"box/more.tf", "data \"terraform_remote_state\" \"b\" {}\n", ""},
		"a call of the same module":             {"m/more.tf", "module \"v\" {\n  source = \"example/vpc/aws\"\n  version = \"1.0.0\"\n}\n", ""},
		"a provider that nobody requires":       {"box/more.tf", "resource \"evil_thing\" \"b\" {}\n", "the provider evil"},
		"the same in a data source":             {"m/more.tf", "data \"evil_thing\" \"b\" {}\n", "the provider evil"},
		"the same in an ephemeral resource":     {"m/more.tf", "ephemeral \"evil_thing\" \"b\" {}\n", "the provider evil"},
		"the same in JSON":                      {"box/more.tf.json", `{"resource": {"evil_thing": {"b": {}}}}`, "the provider evil"},
		"the same in a list, the key twice":     {"box/more.tf.json", `[{"resource": {"aws_vpc": {"b": {}}}, "resource": {"evil_thing": {"b": {}}}}]`, "the provider evil"},
		"a provider by its block":               {"box/more.tf", "provider \"evil\" {}\n", "the provider evil"},
		"a provider by its name":                {"box/more.tf", "resource \"aws_vpc\" \"b\" {\n  provider = evil\n}\n", "the provider evil"},
		"a provider by its name in quotes":      {"box/more.tf", "resource \"aws_vpc\" \"b\" {\n  provider = \"evil.x\"\n}\n", "the provider evil"},
		"a provider by its name in JSON":        {"box/more.tf.json", `{"resource": {"aws_vpc": {"b": {"provider": "evil.x"}}}}`, "the provider evil"},
		"a provider for an import":              {"box/more.tf", "import {\n  provider = evil\n  to = aws_vpc.b\n  id = \"x\"\n}\n", "the provider evil"},
		"a provider in OpenTofu's words":        {"box/more.tofu", "resource \"evil_thing\" \"b\" {}\n", "the provider evil"},
		"settings in OpenTofu's words":          {"m/main.tofu", "terraform {\n  backend \"s3\" {}\n}\n", "its backend or providers"},
		"settings in its JSON":                  {"m/main.tofu.json", `{"terraform": {"backend": {"s3": {}}}}`, "its backend or providers"},
		"a module behind OpenTofu's words":      {"box/more.tofu", "module \"x\" {\n  source = \"../odd\"\n}\n", "data external in odd/main.tofu"},
		"a module from elsewhere":               {"box/more.tf", "module \"x\" {\n  source = \"evil/x/aws\"\n}\n", "a module from elsewhere: evil/x/aws"},
		"another version of it":                 {"box/more.tf", "module \"x\" {\n  source = \"example/vpc/aws\"\n  version = \"2.0.0\"\n}\n", "example/vpc/aws 2.0.0"},
		"a module from git":                     {"m/more.tf.json", `{"module": {"x": {"source": "git::https://evil.example/x.git"}}}`, "git::https://evil.example/x.git"},
		"a module from who knows where":         {"box/more.tf", "module \"x\" {\n  source = var.source\n}\n", "nobody can tell where module x"},
		"a module above the repository":         {"box/more.tf", "module \"x\" {\n  source = \"../../x\"\n}\n", "outside of the repository"},
		"a module behind backslashes":           {"box/more.tf", "module \"x\" {\n  source = \"..\\\\odd\"\n}\n", "data external in odd/main.tofu"},
		"a program":                             {"box/more.tf", "data \"external\" \"b\" {}\n", "data external in box/more.tf"},
		"a program in JSON, the key twice":      {"box/more.tf.json", `{"data": {"external": {"b": {}}}, "data": {"aws_ami": {"c": {}}}}`, "data external in box/more.tf.json"},
		"a program in a check":                  {"box/more.tf", "check \"c\" {\n  data \"external\" \"b\" {}\n}\n", "data external in box/more.tf"},
		"a command of this machine":             {"box/more.tf", "data \"local_command\" \"b\" {}\n", "data local_command"},
		"a resource that is read by a script":   {"box/more.tf", "resource \"shell_script\" \"b\" {}\n", "resource shell_script"},
		"settings in JSON, the key twice":       {"box/set.tf.json", `{"terraform": {"backend": {"s3": {}}}, "terraform": {"required_version": ">= 1.1"}}`, "its backend or providers"},
		"the same in other blanks":              {"box/set.tf.json", "{\n\"terraform\":\n{\"required_version\":\">= 1.1\"}}", ""},
		"the same in other letters":             {"box/set.tf.json", `{"terr\u0061form": {"backend": {"s3": {}}}}`, "its backend or providers"},
		"JSON that is none":                     {"box/more.tf.json", `{"resource": `, "its backend or providers"},
		"plugins beside it":                     {"box/terraform.d/plugins/x", "elf", "terraform.d"},
		"another program of a provider":         {"box/more.tf", "provider \"kubernetes\" {\n  exec {\n    command = \"sh\"\n  }\n}\n", "the program that a provider or a backend runs"},
		"the configuration of a provider":       {"box/more.tf", "provider \"aws\" {\n  region = \"x\"\n}\n", "the configuration of a provider"},
		"a provider's file":                     {"box/more.tf", "provider \"aws\" {\n  shared_config_files = [\"aws.cfg\"]\n}\n", "a file of the repository, for provider aws"},
		"two of them":                           {"box/more.tf", "provider \"aws\" {\n  shared_config_files = [\"/etc/aws\", \"aws.cfg\"]\n}\n", "a file of the repository, for provider aws"},
		"one from a local value":                {"box/more.tf", "provider \"aws\" {\n  shared_credentials_files = local.files\n}\n", "a file of the repository, for provider aws"},
		"one of this machine's":                 {"box/more.tf", "provider \"kubernetes\" {\n  config_path = \"~/.kube/config\"\n}\n", "the program that a provider or a backend runs"},
		"a program from a local value":          {"box/more.tf", "provider \"kubernetes\" {\n  exec {\n    command = local.x\n  }\n}\n", "nobody can tell which, for provider kubernetes"},
		"all of it from a local value":          {"box/more.tf", "provider \"kubernetes\" {\n  exec = local.x\n}\n", "nobody can tell which, for provider kubernetes"},
		"another state":                         {"box/more.tf", "data \"terraform_remote_state\" \"b\" {\n  backend = \"s3\"\n  config = {\n    bucket = var.bucket\n  }\n}\n", ""},
		"another state by a file":               {"m/more.tf", "data \"terraform_remote_state\" \"b\" {\n  backend = \"s3\"\n  config = {\n    shared_config_files = [\"aws.cfg\"]\n  }\n}\n", "a file of the repository, for data terraform_remote_state in m/more.tf"},
		"another state by a program":            {"box/more.tf", "data \"terraform_remote_state\" \"b\" {\n  backend = \"kubernetes\"\n  config = {\n    exec = {\n      command = \"sh\"\n    }\n  }\n}\n", "the program that a provider or a backend runs"},
		"another state by who knows what":       {"box/more.tf", "data \"terraform_remote_state\" \"b\" {\n  config = local.x\n}\n", "nobody can tell which, for data terraform_remote_state"},
		"another state, keys from who knows":    {"box/more.tf", "data \"terraform_remote_state\" \"b\" {\n  config = { (local.x) = 1 }\n}\n", "nobody can tell which, for data terraform_remote_state"},
		"another state in JSON":                 {"box/more.tf.json", `{"data": {"terraform_remote_state": {"b": {"config": {"shared_config_files": ["aws.cfg"]}}}}}`, "a file of the repository, for data terraform_remote_state"},
		"another state in JSON by a value":      {"box/more.tf.json", `{"data": {"terraform_remote_state": {"b": {"config": "${local.x}"}}}}`, "nobody can tell which, for data terraform_remote_state"},
		"a file of the repository, by provider": {"box/more.tf", "provider \"aws\" {\n  exec {\n    command = \"${path.module}/x\"\n  }\n}\n", "a file of the repository, for provider aws"},
		"the same in JSON, escaped":             {"box/more.tf.json", `{"provider": {"aws": {"\u0065xec": {"command": "./x"}}}}`, "a file of the repository, for provider aws"},
	} {
		t.Run(name, func(t *testing.T) {
			now := maps.Clone(base)
			now[tt.file] = tt.text
			now["odd/main.tofu"] = "data \"external\" \"x\" {}\n"
			why, err := Alone(before, treeOf(t, now), Definition{Dir: "box"})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && why != "" || !strings.Contains(why, tt.want) {
				t.Errorf("got %q, want %q", why, tt.want)
			}
		})
	}
	if why, err := Alone(treeOf(t, map[string]string{"x.tf": ""}), treeOf(t, base), Definition{Dir: "box"}); err != nil || why != "the whole stack is new" {
		t.Errorf("%q, %v", why, err)
	}
	backend := maps.Clone(base)
	backend["box/run.tf"] = "terraform {\n  backend \"s3\" {\n    shared_config_files = [\"aws.cfg\"]\n  }\n}\n"
	if why, err := Alone(treeOf(t, backend), treeOf(t, backend), Definition{Dir: "box"}); err != nil || !strings.Contains(why, "for the backend in box/run.tf") {
		t.Errorf("a file for a backend that is there already: %q, %v", why, err)
	}
	run := maps.Clone(base)
	run["box/run.tf"] = "data \"external\" \"b\" {}\n"
	if why, err := Alone(treeOf(t, run), treeOf(t, run), Definition{Dir: "box"}); err != nil || !strings.Contains(why, "its plan runs programs") {
		t.Errorf("a program that is there already, whose file may have changed: %q, %v", why, err)
	}
}

// A file that would end the agent, or take all of its memory, is the fault of the stack that it belongs to.
func TestFilesThatAreNotParsed(t *testing.T) {
	deep := "a = " + strings.Repeat("[", 20_000)
	repository := treeOf(t, map[string]string{
		"ghe/main.tf":              `module "net" { source = "../modules/net" }`,
		"modules/net/main.tf":      deep,
		"tofu/main.tf":             "",
		"tofu/more.tofu":           deep,
		"json/main.tf.json":        `{"a": ` + strings.Repeat("[", 20_000),
		"jira/main.tf":             "",
		"jira/.terraform.lock.hcl": deep,
	})
	for name, c := range map[string]struct {
		dir, fault, alone string
	}{
		"a module":  {"ghe", "modules/net/main.tf is nested more deeply than is read", "nobody can read modules/net/main.tf"},
		"OpenTofu":  {"tofu", "", "nobody can read tofu/more.tofu"},
		"JSON":      {"json", "json/main.tf.json is no JSON that can be read, or is nested too deeply", "nobody can read json/main.tf.json"},
		"lock file": {"jira", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := Footprint(repository, Definition{Dir: c.dir})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(files.Faults, "; "); got != c.fault {
				t.Errorf("faults %q, want %q", got, c.fault)
			}
			why, err := Alone(repository, repository, Definition{Dir: c.dir})
			if err != nil || !strings.HasSuffix(why, c.alone) || (why == "") != (c.alone == "") {
				t.Errorf("planned by itself: %q, %v; want %q", why, err, c.alone)
			}
		})
	}
	roots, err := Roots(repository, hclfile.Either, func(dir string) bool { return !strings.Contains(dir, "/") && dir != "." })
	if want := []string{"ghe", "jira", "json", "tofu"}; err != nil || !slices.Equal(roots, want) {
		t.Errorf("roots %v, %v; want %v", roots, err, want)
	}
}
