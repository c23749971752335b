package stack_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/hclfile"
	"sallyport/agent/stack"
	"sallyport/agent/stack/guard"
	"sallyport/agent/stack/stacktest"
)

// TestWhereModulesComeFrom: a source is followed wherever the engine would find it; where that cannot be told every change counts,
// and no pull request is planned by itself.
func TestWhereModulesComeFrom(t *testing.T) {
	repository := stacktest.NewCommits(t)
	base := map[string]string{"mods/net/main.tf": "", "mods/dns/main.tf": "", "readme.md": ""}
	for name, c := range map[string]struct {
		file, text string
		engine     hclfile.Engine
		vars       map[string]cty.Value
		want       string // the modules' files that belong to it; "all" if every file does
		alone      string
	}{
		"a literal":                  {text: `source = "../mods/net"`, want: "mods/net/main.tf"},
		"backslashes":                {text: `source = "..\\mods\\net"`, want: "mods/net/main.tf"},
		"a local value":              {text: "source = \"../mods/${local.m}\"\n}\nlocals {\n m = \"net\"", want: "mods/net/main.tf"},
		"a default":                  {text: "source = var.m\n}\nvariable \"m\" {\n const = true\n default = \"../mods/net\"", want: "mods/net/main.tf"},
		"a variable of the stack":    {text: "source = \"../mods/${var.m}\"\n}\nvariable \"m\" {", vars: map[string]cty.Value{"m": cty.StringVal("dns")}, want: "mods/dns/main.tf"},
		"either":                     {text: "source = var.x ? \"../mods/net\" : \"../mods/dns\"", want: "mods/dns/main.tf mods/net/main.tf"},
		"who knows":                  {text: "source = var.m", want: "all", alone: "nobody can tell where module x of box/x.tf comes from"},
		"who knows the end":          {text: "source = \"../mods/${var.m}\"", want: "all", alone: "nobody can tell where module x of box/x.tf comes from"},
		"elsewhere by a local value": {text: "source = local.m\n version = local.v\n}\nlocals {\n m = \"evil/x/aws\"\n v = \"1.0.0\"", alone: "a module from elsewhere: evil/x/aws 1.0.0"},
		"a version that nobody knows": {text: "source = \"evil/x/aws\"\n version = var.v",
			alone: "evil/x/aws a version that nobody can tell"},
		"OpenTofu's file":               {file: "x.tofu", text: `source = "../mods/net"`, engine: hclfile.Tofu, want: "mods/net/main.tf"},
		"OpenTofu's file, perhaps":      {file: "x.tofu", text: `source = "../mods/net"`, want: "mods/net/main.tf"},
		"OpenTofu's file, and it's not": {file: "x.tofu", text: `source = "../mods/net"`, engine: hclfile.Terraform},
		"in the place of another":       {file: "main.tofu", text: `source = "../mods/net"`, engine: hclfile.Tofu, want: "mods/net/main.tf"},
		"two places":                    {file: "main.tofu", text: `source = "../mods/net"`, want: "mods/dns/main.tf mods/net/main.tf"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(base)
			files["box/main.tf"] = ""
			if c.file == "main.tofu" {
				files["box/main.tf"] = `module "y" { source = "../mods/dns" }`
			}
			before := repository.Tree(files)
			if c.file == "" {
				c.file = "x.tf"
			}
			files["box/"+c.file] = "module \"x\" {\n " + c.text + "\n}\n"
			d := stack.Definition{Dir: "box", Engine: c.engine, Vars: c.vars}
			now := repository.Tree(files)
			got, err := stack.Footprint(now, d)
			if err != nil {
				t.Fatal(err)
			}
			var touched []string
			for p := range files {
				if got.Touches(p) && !strings.HasPrefix(p, "box/") {
					touched = append(touched, p)
				}
			}
			slices.Sort(touched)
			text := strings.Join(touched, " ")
			if got.Touches("any/thing") {
				text = "all"
			}
			if diff := cmp.Diff(c.want, text); diff != "" {
				t.Error(diff)
			}
			if (len(got.Unknown) > 0) != (c.want == "all") {
				t.Errorf("not known: %v", got.Unknown)
			}
			why, err := guard.Alone(before, now, d)
			if err != nil || !strings.Contains(why, c.alone) || (why == "") != (c.alone == "") {
				t.Errorf("planned by itself: %q, %v; want %q", why, err, c.alone)
			}
		})
	}
}

// A file that would end the agent, or take all of its memory, is the fault of the stack that it belongs to.
func TestFilesThatAreNotParsed(t *testing.T) {
	deep := "a = " + strings.Repeat("[", 20_000)
	repository := stacktest.TreeOf(t, map[string]string{
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
			files, err := stack.Footprint(repository, stack.Definition{Dir: c.dir})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(files.Faults, "; "); got != c.fault {
				t.Errorf("faults %q, want %q", got, c.fault)
			}
			why, err := guard.Alone(repository, repository, stack.Definition{Dir: c.dir})
			if err != nil || !strings.HasSuffix(why, c.alone) || (why == "") != (c.alone == "") {
				t.Errorf("planned by itself: %q, %v; want %q", why, err, c.alone)
			}
		})
	}
	roots, err := stack.Roots(repository, hclfile.Either, func(dir string) bool { return !strings.Contains(dir, "/") && dir != "." })
	if want := []string{"ghe", "jira", "json", "tofu"}; err != nil || !slices.Equal(roots, want) {
		t.Errorf("roots %v, %v; want %v", roots, err, want)
	}
}
