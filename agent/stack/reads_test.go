package stack

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/hclfile"
	"sallyport/agent/need"
	"sallyport/agent/stack/stacktest"
)

// shared are files outside of the stack in box, which lies two levels deep.
var shared = map[string]string{
	"common/policy.json": "{}", "common/user.tpl": "x", "common/a/1.json": "{}", "common/a/2.json": "{}", "common/b/3.json": "{}",
	"lambda/src/main.py": "", "stacks/box/own.txt": "", "stacks/other/x.txt": "", "m/main.tf": "", "m/m.txt": "", "readme.md": "",
	"linked": "-> common/a", "common/link.json": "-> ../readme.md",
}

// TestFilesThatAreRead: what the expressions of a stack read belongs to it, as far as it can be told where that is, and what
// cannot is told.
func TestFilesThatAreRead(t *testing.T) {
	need.Long(t, "it starts terraform for each of many cases")
	repository := stacktest.NewCommits(t)
	for name, c := range map[string]struct {
		text    string            // of main.tf
		more    map[string]string // files beside
		def     Definition
		want    string // what belongs to it of the files outside of it
		unknown string
	}{
		"a literal":                        {text: `x = file("../../common/policy.json")`, want: "common/policy.json"},
		"one below":                        {text: `x = file("./own.txt")`},
		"one that is not there":            {text: `x = fileexists("../../common/not.json")`, want: "common/not.json"},
		"path.module":                      {text: `x = filebase64sha256("${path.module}/../../common/policy.json")`, want: "common/policy.json"},
		"path.root":                        {text: `x = jsondecode(file("${path.root}/../../common/policy.json"))`, want: "common/policy.json"},
		"path.cwd":                         {text: `x = filemd5("${path.cwd}/../../common/policy.json")`, want: "common/policy.json"},
		"a function of the core":           {text: `x = core::file("../../common/policy.json")`, want: "common/policy.json"},
		"a local value":                    {text: "x = templatefile(\"${local.s}/user.tpl\", {})\n y = \"${path.module}/../..\"\n s = \"${local.y}/common\"", want: "common/user.tpl"},
		"an object":                        {text: "x = file(local.p.one)\n p = { one = \"../../common/policy.json\" }", want: "common/policy.json"},
		"a local value of itself":          {text: "x = file(local.x)", unknown: "stacks/box/main.tf:2: file(local.x)"},
		"one or the other":                 {text: `x = file(var.a ? "../../common/policy.json" : "../../common/user.tpl")`, want: "common/policy.json common/user.tpl"},
		"functions":                        {text: `x = file(join("/", [dirname(abspath(path.root)), "..", format("%s/%s", "common", lower("POLICY.json"))]))`, want: "common/policy.json"},
		"a default":                        {text: "x = file(var.p)\n}\nvariable \"p\" {\n default = \"../../common/policy.json\"", want: "common/policy.json"},
		"a variable":                       {text: "x = file(var.p)\n}\nvariable \"p\" {", unknown: "stacks/box/main.tf:2: file(var.p)"},
		"a variable of the stack":          {text: "x = file(var.p)\n}\nvariable \"p\" {", def: Definition{Vars: map[string]cty.Value{"p": cty.StringVal("../../common/policy.json")}}, want: "common/policy.json"},
		"a variable of a file":             {text: "x = file(var.p)\n}\nvariable \"p\" {\n default = \"no\"", more: map[string]string{"stacks/box/x.tfvars": `p = "../../common/user.tpl"`}, def: Definition{VarFiles: []string{"x.tfvars"}}, want: "common/user.tpl"},
		"a variable of a file by its name": {text: "x = file(var.p)\n}\nvariable \"p\" {", more: map[string]string{"stacks/box/x.auto.tfvars.json": `{"p": "../../common/user.tpl"}`}, want: "common/user.tpl"},
		"the workspace":                    {text: `x = file("../../common/${terraform.workspace}.json")`, def: Definition{Workspace: "policy"}, want: "common/policy.json"},
		"any workspace":                    {text: `x = file("../../common/a/${terraform.workspace}.json")`, want: "common/a/1.json common/a/2.json"},
		"each of some":                     {text: "}\nresource \"terraform_data\" \"a\" {\n for_each = { x = \"policy.json\", y = \"user.tpl\" }\n input = file(\"../../common/${each.value}\")", want: "common/policy.json common/user.tpl"},
		"for each of some":                 {text: `x = [for f in ["policy.json", "user.tpl"] : file("../../common/${f}")]`, want: "common/policy.json common/user.tpl"},
		"a beginning":                      {text: `x = file("${path.module}/../../common/a/${var.x}.json")`, want: "common/a/1.json common/a/2.json"},
		"a beginning below":                {text: `x = file("${path.module}/${var.x}.json")`},
		"a beginning above":                {text: `x = file("${path.module}/../${var.x}.json")`, unknown: `stacks/box/main.tf:2: file("${path.module}/../${var.x}.json")`},
		"an end that leads up":             {text: `x = file("${path.module}/${var.x}/../../x.json")`, unknown: `stacks/box/main.tf:2: file("${path.module}/${var.x}/../../x.json")`},
		"nothing known":                    {text: `x = file(data.x.y.z)`, unknown: "stacks/box/main.tf:2: file(data.x.y.z)"},
		"this machine's":                   {text: "x = file(\"/etc/passwd\")\n y = file(\"~/.ssh/id.pub\")\n z = file(\"/etc/${var.x}\")"},
		"a set":                            {text: `x = fileset("${path.module}/../../common", "a/*.json")`, want: "common/a/1.json common/a/2.json"},
		"a set of all":                     {text: `x = fileset("../../common", "**")`, want: "common/a/1.json common/a/2.json common/b/3.json common/link.json common/policy.json common/user.tpl"},
		"a set by who knows what":          {text: `x = fileset("../../common/b", var.x)`, want: "common/b/3.json"},
		"a set in a link":                  {text: `x = fileset("../../linked", "*")`, want: "common/a/1.json common/a/2.json linked"},
		"a set in who knows what":          {text: `x = fileset(var.x, "*")`, unknown: `stacks/box/main.tf:2: fileset(var.x, "*")`},
		"a link":                           {text: `x = file("../../common/link.json")`, want: "common/link.json readme.md"},
		"what a template reads": {text: `x = templatefile("../../common/t.tpl", { p = "user.tpl" })`, more: map[string]string{"common/t.tpl": "%{ for f in [p] }${file(\"../../common/${f}\")}%{ endfor }${file(\"../../common/policy.json\")}"},
			want: "common/policy.json common/t.tpl common/user.tpl"},
		"what a template cannot tell": {text: `x = templatefile("../../common/t.tpl", var.p)`, more: map[string]string{"common/t.tpl": "a\n${file(p)}"},
			unknown: "common/t.tpl:2: file(p)", want: "common/t.tpl"},
		"a template that is given a path": {text: `x = templatefile("../../common/t.tpl", { p = "../../common/user.tpl" })`, more: map[string]string{"common/t.tpl": "${file(p)}"}, want: "common/t.tpl common/user.tpl"},
		"an archive":                      {text: "}\ndata \"archive_file\" \"a\" {\n source_dir = \"${path.module}/../../lambda/src\"", want: "lambda/src/main.py"},
		"an archive of a local value":     {text: "s = \"${path.root}/../../lambda\"\n}\ndata \"archive_file\" \"a\" {\n source_dir = local.s", want: "lambda/src/main.py"},
		"where the repository is":         {text: "}\nresource \"x\" \"a\" {\n dir = \"${path.module}/../..\"\n text = \"../../not/there\""},
		"what a provisioner runs":         {text: "}\nresource \"terraform_data\" \"a\" {\n provisioner \"local-exec\" {\n command = \"sh\"\n working_dir = \"../../lambda/src\"\n }", want: "lambda/src/main.py"},
		"what a module gets": {text: "}\nmodule \"m\" {\n source = \"../../n\"\n p = \"../../common/policy.json\"",
			more: map[string]string{"n/main.tf": "variable \"p\" {}\nlocals {\n x = file(var.p)\n}"}, want: "common/policy.json n/main.tf"},
		"what an override gives a module": {text: "}\nmodule \"m\" {\n source = \"../../n\"\n p = \"../../common/policy.json\"",
			more: map[string]string{"n/main.tf": "variable \"p\" {}\nlocals {\n x = file(var.p)\n}", "stacks/box/x_override.tf": "module \"m\" {\n p = \"../../common/user.tpl\"\n}"},
			want: "common/policy.json common/user.tpl n/main.tf"},
		"what a module reads": {text: "}\nmodule \"m\" {\n source = \"../../n\"",
			more: map[string]string{"n/main.tf": "locals {\n x = file(\"${path.module}/../common/policy.json\")\n y = file(\"own.txt\")\n}"}, want: "common/policy.json n/main.tf"},
		"JSON": {more: map[string]string{"stacks/box/x.tf.json": `{"locals": {"p": "../../common"}, "output": {"x": {"value": "${file(\"${local.p}/policy.json\")}"}}}`}, want: "common/policy.json"},
		"what cannot be told in JSON": {more: map[string]string{"stacks/box/x.tf.json": "{\"output\": {\n\"x\": {\"value\": \"${file(var.x)}\"}}}"},
			unknown: "stacks/box/x.tf.json:2: file(...)"},
		"an archive in JSON": {more: map[string]string{"stacks/box/x.tf.json": `{"data": {"archive_file": {"x": {"source_dir": "${path.module}/../../lambda"}}}}`}, want: "lambda/src/main.py"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(shared)
			files["stacks/box/main.tf"] = "locals {\n " + c.text + "\n}\n"
			maps.Copy(files, c.more)
			c.def.Dir = "stacks/box"
			got, err := Footprint(repository.Tree(files), c.def)
			if err != nil {
				t.Fatal(err)
			}
			var touched []string
			for p := range files {
				if got.Touches(p) && !strings.HasPrefix(p, "stacks/box/") {
					touched = append(touched, p)
				}
			}
			if p := "common/not.json"; got.Touches(p) && files[p] == "" && strings.Contains(c.want, p) {
				touched = append(touched, p)
			}
			slices.Sort(touched)
			if diff := cmp.Diff(c.want, strings.Join(touched, " ")); diff != "" {
				t.Errorf("files %s\n%+v", diff, got)
			}
			var unknown []string
			for _, u := range got.Unknown {
				unknown = append(unknown, fmt.Sprintf("%s:%d: %s", u.File, u.Line, u.Text))
			}
			if diff := cmp.Diff(c.unknown, strings.Join(unknown, "; ")); diff != "" {
				t.Errorf("not known %s", diff)
			}
			if len(got.Faults) > 0 || got.All {
				t.Errorf("faults %v, all %v", got.Faults, got.All)
			}
		})
	}
}

// TestTofu: a directory that only OpenTofu can read is a root module of a stack that it plans, and none of others.
func TestTofu(t *testing.T) {
	repository := stacktest.TreeOf(t, map[string]string{
		"only/main.tofu": "terraform {\n  backend \"s3\" {}\n}\n", "json/main.tofu.json": `{"module": {"m": {"source": "../mod"}}}`, "mod/main.tofu": "",
		"both/main.tf": "module \"m\" {\n  source = \"../only\"\n}\n", "both/main.tofu": "", "plain/main.tf": "",
	})
	all := func(string) bool { return true }
	for engine, want := range map[hclfile.Engine]string{
		hclfile.Tofu: "both json only plain", hclfile.Terraform: "both plain", hclfile.Either: "both plain",
	} {
		roots, err := Roots(repository, engine, all)
		if err != nil || strings.Join(roots, " ") != want {
			t.Errorf("%q: roots %v, %v; want %s", engine, roots, err, want)
		}
	}
	if _, err := Footprint(repository, Definition{Dir: "only", Engine: hclfile.Terraform}); !errors.Is(err, ErrNoDir) {
		t.Errorf("terraform: %v", err)
	}
	if files, err := Footprint(repository, Definition{Dir: "json"}); err != nil || !files.Touches("mod/main.tofu") {
		t.Errorf("either: %+v, %v", files, err) // whoever has written a block for it has an engine that can read it
	}
	info, err := Inspect(repository, Definition{Dir: "only", Engine: hclfile.Tofu})
	if err != nil || info.Backend != "s3" {
		t.Errorf("OpenTofu: %+v, %v", info, err)
	}
}

// TestRootsOfTests: what only tests call is no root module, wherever the tests are; what holds the tests is one still.
func TestRootsOfTests(t *testing.T) {
	run := func(source string) string {
		return "run \"a\" {\n  module {\n    source = \"" + source + "\"\n  }\n}\nvariables {}\n"
	}
	repository := stacktest.TreeOf(t, map[string]string{
		"a/main.tf": "", "a/x.tftest.hcl": run("./setup"), "a/setup/main.tf": "",
		"b/main.tf": "", "b/tests/x.tftest.hcl": run("./tests/setup"), "b/tests/setup/main.tf": "",
		"c/main.tf": "", "c/tests/x.tftest.hcl": run("../d") + run("./.."), "d/main.tf": "",
		"e/main.tf": "", "e/x.tofutest.hcl": run("./helper"), "e/helper/main.tf": "",
		"f/x.tftest.hcl": run("../a"), "g/main.tf": "", "g/broken.tftest.hcl": "run {",
	})
	all, err := Survey(repository, hclfile.Either)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range all {
		got = append(got, strings.TrimSpace(d.Dir+" "+d.Caller))
	}
	want := []string{
		"a", "a/setup a/x.tftest.hcl:2", "b", "b/tests/setup b/tests/x.tftest.hcl:2", "c", "d c/tests/x.tftest.hcl:2",
		"e", "e/helper e/x.tofutest.hcl:2", "g",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestBoundedWork: expressions that would take for ever, or all memory, are given up, and then everything counts.
func TestBoundedWork(t *testing.T) {
	var doubled, wide, deep strings.Builder
	for i := range 60 {
		fmt.Fprintf(&doubled, "  a%d = \"${local.a%d}${local.a%d}\"\n", i+1, i, i)
		fmt.Fprintf(&wide, "  a%d = { x = local.a%d, y = local.a%d }\n", i+1, i, i)
	}
	for range 40 {
		deep.WriteString("[for x in [1, 2, 3] : ")
	}
	for name, c := range map[string]struct {
		files   map[string]string
		all     bool
		unknown bool
	}{
		"a text that doubles": {files: map[string]string{"main.tf": "locals {\n  a0 = \"aaaaaaaaaa\"\n" + doubled.String() + "  x = file(local.a60)\n}\n"}, unknown: true},
		"an object that doubles": {files: map[string]string{"main.tf": "locals {\n  a0 = \"a\"\n" + wide.String() + "}\nmodule \"m\" {\n  source = \"./m\"\n  p = local.a60\n}\n",
			"m/main.tf": "variable \"p\" {}\nlocals {\n  x = file(var.p[var.q][var.r])\n}\n"}, all: true, unknown: true},
		"loops in loops":                       {files: map[string]string{"main.tf": "locals {\n  x = " + deep.String() + "file(\"y/${x}\")" + strings.Repeat("]", 40) + "\n}\n"}},
		"a module that calls itself with more": {files: map[string]string{"main.tf": "variable \"p\" {\n  default = \"x\"\n}\nmodule \"m\" {\n  source = \"./\"\n  p = \"${var.p}/x\"\n}\nlocals {\n  x = file(var.p)\n}\n"}, unknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for f, text := range c.files {
				files["box/"+f] = text
			}
			repository := stacktest.TreeOf(t, files)
			done := make(chan Files, 1)
			go func() {
				got, err := Footprint(repository, Definition{Dir: "box"})
				if err != nil {
					t.Error(err)
				}
				done <- got
			}()
			select {
			case got := <-done:
				if got.All != c.all || (len(got.Unknown) > 0) != c.unknown {
					t.Errorf("all %v, not known %v", got.All, got.Unknown)
				}
			case <-time.After(2 * time.Minute):
				t.Fatal("it does not end")
			}
		})
	}
}
