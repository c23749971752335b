package declared

import (
	"slices"
	"strings"
	"testing"

	"sallyport/agent/stack"
	"sallyport/agent/stack/stacktest"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"aws_instance.web":                             "aws_instance.web",
		"aws_instance.web[0]":                          "aws_instance.web[0]",
		`aws_instance.web["a"]`:                        `aws_instance.web["a"]`,
		`aws_instance.web[ "a" ]`:                      `aws_instance.web["a"]`,
		`aws_instance.web["a\"b"]`:                     `aws_instance.web["a\"b"]`,
		`aws_instance.web["${a}"]`:                     "",
		`aws_instance.web["$${a}"]`:                    `aws_instance.web["$${a}"]`,
		`module.net.aws_eip.nat`:                       `module.net.aws_eip.nat`,
		`module.net["a"].module.sub[1].aws_eip.nat[2]`: `module.net["a"].module.sub[1].aws_eip.nat[2]`,
		"":                      "",
		"web":                   "",
		"aws_instance.":         "",
		"aws_instance.web.id":   "",
		"aws_instance.web[*]":   "",
		"aws_instance.web[-1]":  "",
		"aws_instance.web[1.5]": "",
		"aws_instance.web[a]":   "",
		"aws_instance .web x":   "",
		"module.net":            "",
		"module.net[0]":         "",
		"module":                "",
		"data.aws_ami.new":      "",
		"module.n.data.a.b":     "",
		"-destroy":              "",
	} {
		a, err := ParseAddress(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q is %s", text, a)
		case want != "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case want != "" && a.String() != want:
			t.Errorf("%q is %s, want %s", text, a, want)
		}
	}
}

// A plan can be confined to more than one object.
func TestParseTarget(t *testing.T) {
	for text, want := range map[string]string{
		"aws_instance.web":        "aws_instance.web",
		`aws_instance.web["a"]`:   `aws_instance.web["a"]`,
		"module.net":              "module.net",
		`module.net["a"]`:         `module.net["a"]`,
		"module.net.module.sub":   "module.net.module.sub",
		"module.net[0].aws_eip.x": "module.net[0].aws_eip.x",
		"module":                  "",
		"module.net.aws_eip":      "",
		"aws_instance":            "",
		"data.aws_ami.new":        "",
		"-destroy":                "",
		"aws_instance.web[*]":     "",
		"":                        "",
	} {
		a, err := ParseTarget(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q is %s", text, a)
		case want != "" && (err != nil || a.String() != want):
			t.Errorf("%q: %v, is %s, want %s", text, err, a, want)
		}
	}
}

func TestFind(t *testing.T) {
	tree := stacktest.TreeOf(t, map[string]string{
		"box/main.tf": `
variable "size" { type = list(number) }
resource "terraform_data" "one" {}
resource "terraform_data" "counted" { count = 2 }
resource "terraform_data" "each" { for_each = toset(["a"]) }
module "near" { source = "../near" }
module "many" {
  source   = "../near"
  for_each = toset(["a"])
}
module "far" { source = "hashicorp/consul/aws" }
module "link" { source = "./link" }
`,
		"box/more.tf.json":     `{"resource": {"terraform_data": {"json": {}}}, "variable": {"name": {}}}`,
		"box/main_override.tf": `resource "terraform_data" "one" { input = 1 }`,
		"box/link":             "-> ../near",
		"near/main.tf":         `resource "terraform_data" "inner" {}` + "\n" + `module "sub" { source = "./sub" }`,
		"near/sub/main.tf":     `resource "terraform_data" "deep" {`, // the brace is missing
	})
	r, err := Read(tree, stack.Definition{Dir: "box"})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]struct {
		presence Presence
		why      string
	}{
		"terraform_data.one":                       {Present, ""},
		"terraform_data.json":                      {Present, ""},
		"terraform_data.one[0]":                    {Absent, "terraform_data.one has neither count nor for_each, so that it has no key"},
		"terraform_data.counted":                   {Absent, "terraform_data.counted has count, so that each of its instances has a number: terraform_data.counted[0]"},
		"terraform_data.counted[1]":                {Present, ""},
		`terraform_data.counted["a"]`:              {Absent, "terraform_data.counted has count, so that each of its instances has a number: terraform_data.counted[0]"},
		"terraform_data.each":                      {Absent, `terraform_data.each has for_each, so that each of its instances has a key: terraform_data.each["KEY"]`},
		`terraform_data.each["a"]`:                 {Present, ""},
		"terraform_data.two":                       {Absent, "there is no terraform_data.two"},
		"aws_instance.one":                         {Absent, "there is no aws_instance.one"},
		"module.near.terraform_data.inner":         {Present, ""},
		"module.near.terraform_data.one":           {Absent, "there is no module.near.terraform_data.one"},
		"module.near[0].terraform_data.inner":      {Absent, "module.near has neither count nor for_each, so that it has no key"},
		`module.many["a"].terraform_data.inner`:    {Present, ""},
		`module.many.terraform_data.inner`:         {Absent, `module.many has for_each, so that each of its instances has a key: module.many["KEY"]`},
		"module.nowhere.terraform_data.one":        {Absent, "there is no module.nowhere"},
		"module.far.terraform_data.one":            {Untold, "the source of module.far is not in this repository"},
		"module.near.module.sub.terraform_data.x":  {Untold, "near/sub/main.tf cannot be read to its end"},
		"module.link.terraform_data.inner":         {Untold, "nobody can tell what module.link holds"},
		"module.near.module.none.terraform_data.x": {Absent, "there is no module.near.module.none"},
	} {
		a, err := ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Find(a); got.Presence != want.presence || got.Why != want.why {
			t.Errorf("%s: %d %q, want %d %q", text, got.Presence, got.Why, want.presence, want.why)
		}
	}
	// Without a key all instances are meant, of what the address ends with: terraform takes no notice of one that lacks a key before.
	for text, want := range map[string]Presence{
		"terraform_data.each": Present, "terraform_data.counted": Present, `terraform_data.each["a"]`: Present, "terraform_data.each[0]": Absent,
		"module.many": Present, `module.many["a"]`: Present, "module.many[0]": Absent, "module.near[0]": Absent, "module.far": Present, "module.nowhere": Absent,
		"module.many.terraform_data.inner": Absent, "module.near.module.sub": Present, "module.far.module.x": Untold,
	} {
		a, err := ParseTarget(text)
		if got := r.Find(a); err != nil || got.Presence != want {
			t.Errorf("%s as a target: %d %q, %v, want %d", text, got.Presence, got.Why, err, want)
		}
	}
	like, _ := ParseAddress("module.near.terraform_data.outer")
	if got := r.Find(like).Like; !slices.Equal(got, []string{"module.near.terraform_data.inner"}) {
		t.Errorf("it is like %q", got)
	}
	types, whole := r.Variables()
	if len(types) != 2 || types["size"] != "list(number)" || types["name"] != "" || !whole {
		t.Errorf("variables %v, %v", types, whole)
	}
}

func TestVariablesOfWhatCannotBeRead(t *testing.T) {
	r, err := Read(stacktest.TreeOf(t, map[string]string{"box/main.tf": `variable "size" {}` + "\nresource {{\n"}), stack.Definition{Dir: "box"})
	if err != nil {
		t.Fatal(err)
	}
	if types, whole := r.Variables(); whole {
		t.Errorf("they are all there: %v", types)
	}
}

func TestInState(t *testing.T) {
	known, err := InState([]byte(`{"version": 4, "resources": [
		{"mode": "managed", "type": "aws_instance", "name": "web", "instances": [{"index_key": 0}, {"index_key": 12}]},
		{"mode": "managed", "type": "aws_instance", "name": "one", "instances": [{}]},
		{"module": "module.net[\"a\"]", "mode": "managed", "type": "aws_eip", "name": "nat", "instances": [{"index_key": "${x}\""}]},
		{"mode": "data", "type": "aws_ami", "name": "new", "instances": [{}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for address := range known {
		got = append(got, address)
		if a, err := ParseAddress(address); err != nil || a.String() != address {
			t.Errorf("%s is read as %s, %v", address, a, err)
		}
	}
	slices.Sort(got)
	want := `aws_instance.one aws_instance.web[0] aws_instance.web[12] module.net["a"].aws_eip.nat["$${x}\""]`
	if strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", strings.Join(got, " "), want)
	}
}
