package terraform

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What follows from a recreated object is told from what only changes beside it, and one plan of it from another.
func TestFollowsARecreatedObject(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	node := filepath.Join(r.dir, "node")
	files := func(word string) map[string]string {
		f := main(`
			resource "local_file" "node" {
				filename = "` + node + `"
				content  = "node"
			}
			locals { id = local_file.node.id }
			module "edge" {
				source = "./edge"
				node   = local_file.node.id
			}
			resource "terraform_data" "attachment" { triggers_replace = [local_file.node.id, "volume"] }
			resource "terraform_data" "record"     { input = { node = local_file.node.id, word = "same" } }
			resource "terraform_data" "through"    { input = module.edge.node }
			resource "terraform_data" "local"      { input = local.id }
			resource "terraform_data" "mixed"      { input = { node = local_file.node.id, word = "` + word + `" } }
			resource "terraform_data" "other"      { input = "` + word + `" }
			output "id"    { value = local_file.node.id }
			output "other" { value = "` + word + `" }
		`)
		f["edge/main.tf"] = `
			variable "node" {}
			resource "terraform_data" "record" {
				for_each = toset(["a.b", "c[0]"])
				input    = var.node
			}
			output "node" { value = var.node }`
		return f
	}
	o := withProviders(t, r.options(files("one")))
	r.apply(o, r.plan(o))
	if err := os.Remove(node); err != nil {
		t.Fatal(err)
	}
	o = withProviders(t, r.options(files("one")))
	first := r.plan(o).Plan
	got := map[string]string{}
	for _, c := range first.Changes {
		got[c.Address] = strings.Join(c.Actions, "+") + " " + string(c.Class) + " " + strings.Join(c.Follows, ",")
	}
	want := map[string]string{
		"local_file.node": "create recreate ",
		"module.edge.terraform_data.record[\"a.b\"]":  "update config local_file.node",
		"module.edge.terraform_data.record[\"c[0]\"]": "update config local_file.node",
		"terraform_data.attachment":                   "delete+create config local_file.node",
		"terraform_data.record":                       "update config local_file.node",
		"terraform_data.through":                      "update config local_file.node",
		"terraform_data.local":                        "update config ",
		"terraform_data.mixed":                        "update config local_file.node",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	if o := first.Outputs; len(o) != 1 || o[0].Name != "id" || !o[0].Later {
		t.Errorf("outputs: %+v", o)
	}
	if again := r.plan(withProviders(t, r.options(files("one")))).Plan; again.Fingerprint == "" || again.Fingerprint != first.Fingerprint || again.Digest == first.Digest {
		t.Errorf("the same changes have the fingerprints %q and %q", first.Fingerprint, again.Fingerprint)
	}
	second := r.plan(withProviders(t, r.options(files("two")))).Plan
	if second.Fingerprint == first.Fingerprint {
		t.Error("other changes have the same fingerprint")
	}
	for _, c := range second.Changes {
		if c.Address == "terraform_data.mixed" && len(c.Follows) > 0 {
			t.Errorf("the word that changes too has no cause: %+v", c)
		}
	}
}

func TestDifference(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                   string
		before, after, unknown string
		known, later           string
	}{
		{"nothing", `{"a":1,"b":[1]}`, `{"a":1,"b":[1]}`, `{}`, "", ""},
		{"order and spelling", `{"a":{"x":1,"y":2}}`, `{"a":{"y":2,"x":1}}`, `{"a":{}}`, "", ""},
		{"a value", `{"a":1}`, `{"a":2}`, `{}`, "a", ""},
		{"a large number", `{"a":9007199254740993}`, `{"a":9007199254740992}`, `{}`, "a", ""},
		{"known after the apply", `{"a":1}`, `{}`, `{"a":true}`, "", "a"},
		{"both", `{"a":1,"b":1}`, `{"b":2}`, `{"a":true}`, "b", "a"},
		{"in part, the rest the same", `{"a":{"x":1,"y":2}}`, `{"a":{"y":2}}`, `{"a":{"x":true}}`, "", "a"},
		{"in part, the rest another", `{"a":{"x":1,"y":2}}`, `{"a":{"y":3}}`, `{"a":{"x":true}}`, "a", ""},
		{"an element", `{"a":[1,2]}`, `{"a":[null,2]}`, `{"a":[true]}`, "", "a"},
		{"an element more", `{"a":[1]}`, `{"a":[1,null]}`, `{"a":[false,true]}`, "a", ""},
		{"a block that comes", `{"a":null}`, `{"a":{"x":1}}`, `{"a":{"y":true}}`, "a", ""},
		{"made", `null`, `{"a":1}`, `{"id":true}`, "a", "id"},
		{"an output", `"x"`, `"y"`, `false`, "", ""},
		{"an output later", `"x"`, ``, `true`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := func(s string) json.RawMessage { return json.RawMessage(s) }
			d := values{Before: raw(c.before), After: raw(c.after), AfterUnknown: raw(c.unknown)}.difference()
			known, later := strings.Join(d.Known, ","), strings.Join(d.Later, ",")
			if strings.HasPrefix(c.name, "an output") {
				if wantLater := c.unknown == "true"; (len(d.Later) == 1) != wantLater || (len(d.Known) == 1) == wantLater {
					t.Errorf("known %q, later %q", d.Known, d.Later)
				}
				return
			}
			if known != c.known || later != c.later {
				t.Errorf("known %q, later %q; want %q and %q", known, later, c.known, c.later)
			}
		})
	}
}

func TestConfigAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		`a.b`:                                  "a.b",
		`a.b[0]`:                               "a.b",
		`module.m.a.b["x.y"]`:                  "m a.b",
		`module.m["a.b"].module.n[1].a.b["]"]`: "m n a.b",
		`module.m["\"]."].a.b`:                 "m a.b",
	} {
		modules, resource := configAddress(address)
		if got := strings.Join(append(modules, resource), " "); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
