package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// needPacker skips a test where there is no packer.
func needPacker(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("packer"); err != nil {
		t.Skip("there is no packer here: apt-get install packer")
	}
}

// template is one that builds with the file and the null builder and writes what it was given to a file.
func template(out, text string) string {
	return fmt.Sprintf(`{
  "variables": {"who": "nobody"},
  "builders": [
    {"type": "file", "name": "node", "target": %q, "content": "%s {{user `+"`who`"+`}}"},
    {"type": "null", "name": "spare", "communicator": "none"}
  ],
  "post-processors": [{"type": "manifest"}]
}
`, out, text)
}

// node is a stack that runs on an image.
const node = `
variable "ami_id" {}
resource "terraform_data" "node" {
  triggers_replace = [var.ami_id]
}
output "image" { value = var.ami_id }
`

// imageHouse is the configuration of an image and a stack that runs on it.
func imageHouse(r *repository, image, stack, more string) string {
	return fmt.Sprintf(`
repository "infra" {
  url      = "file://%s"
  branch   = "main"
  schedule = "@every 1s"
}
stack "ghe" {
  dir = "ghe"
  %s
}
image "ghe-node" {
  dir = "images/node"
  %s
}
%s
`, r.dir, stack, image, more)
}

// TestBuildAndRun is the way from a changed template to a new node, with the real packer: built when approved, its files
// bound to the approval, its artifacts counted once though a manifest repeats them.
func TestBuildAndRun(t *testing.T) {
	t.Parallel()
	needPacker(t)
	out := filepath.Join(t.TempDir(), "image")
	r := newRepository(t)
	first := r.commit("Add", map[string]string{"ghe/main.tf": node, "images/node/node.json": template(out, "one")})
	h := newHouse(t, imageHouse(r, `template = "node.json"
  vars = { who = "jane" }`, `images = { ami_id = "ghe-node:node" }`, "")).start()

	build := h.status("ghe-node", store.Planned)
	if build.Engine != "packer" || build.Plan.Add != 2 || build.Artifact != nil || !strings.Contains(strings.Join(build.Notes, " "), "never built") {
		t.Errorf("planned %+v", build)
	}
	waiting := h.until("ghe", "held", func(r control.Run) bool { return r.Held != "" })
	if waiting.Status != store.Pending || !strings.Contains(waiting.Held, "image ghe-node") {
		t.Errorf("the stack is %s, held %q", waiting.Status, waiting.Held)
	}
	h.mustDecide("ghe-node", "approve")
	built := h.status(fmt.Sprint(build.ID), store.Applied)
	want := []control.Artifact{{Builder: "node", ID: "File"}, {Builder: "spare", ID: "Null"}}
	if fmt.Sprint(built.Artifacts) != fmt.Sprint(want) || built.Artifact == nil || *built.Artifact != want[0] {
		t.Errorf("artifacts %+v", built.Artifacts)
	}
	if text, err := os.ReadFile(out); err != nil || string(text) != "one jane" {
		t.Errorf("built %q: %v", text, err)
	}
	planned := h.status("ghe", store.Planned)
	if planned.ID != waiting.ID || len(planned.Images) != 1 || planned.Images[0].Run != build.ID || !strings.Contains(strings.Join(planned.Notes, " "), "image ghe-node: File of build") {
		t.Errorf("the stack is planned with %+v, notes %q", planned.Images, planned.Notes)
	}
	h.mustDecide("ghe", "approve")
	h.status(fmt.Sprint(planned.ID), store.Applied)

	r.commit("Another text", map[string]string{"images/node/node.json": template(out, "two")})
	next := h.until("ghe-node", "planned again", func(r control.Run) bool { return r.ID != build.ID && r.Status == store.Planned })
	if note := strings.Join(next.Notes, " "); !strings.Contains(note, "images/node/node.json") || !strings.Contains(note, first[:10]) {
		t.Errorf("what changed: %q", note)
	}
	h.mustDecide("ghe-node", "approve")
	h.status(fmt.Sprint(next.ID), store.Applied)
	again := h.until("ghe", "planned for the new image", func(r control.Run) bool { return r.ID > next.ID })
	if again.Kind != store.KindDependency || !strings.Contains(again.Reason, "ghe-node was changed by #"+fmt.Sprint(next.ID)) {
		t.Errorf("%s because %q", again.Kind, again.Reason)
	}
}
