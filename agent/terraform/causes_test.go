package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/need"
)

// What follows from a recreated object is told from what only changes beside it, and one plan of it from another.
func TestFollowsARecreatedObject(t *testing.T) {
	t.Parallel()
	need.Long(t, "it plans many times, one after the other")
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
