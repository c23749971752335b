package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/need"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

// needPacker skips a test where there is no packer.
func needPacker(t *testing.T) {
	t.Helper()
	need.Program(t, "packer")
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

	build := h.Reaches("ghe-node", store.Planned)
	if build.Engine != "packer" || build.Plan.Add != 2 || build.Artifact != nil || !strings.Contains(strings.Join(build.Notes, " "), "never built") {
		t.Errorf("planned %+v", build)
	}
	waiting := h.Until("ghe", "held", func(r control.Run) bool { return r.Held != "" })
	if waiting.Status != store.Pending || !strings.Contains(waiting.Held, "image ghe-node") {
		t.Errorf("the stack is %s, held %q", waiting.Status, waiting.Held)
	}
	for _, wish := range []control.StartRequest{{Stack: "ghe-node", Destroy: true}, {Stack: "ghe-node", Replace: []string{"a.b"}}} {
		if _, err := h.Client.Start(t.Context(), wish); err == nil || !strings.Contains(err.Error(), "is an image, which knows no --") {
			t.Errorf("%+v is taken: %v", wish, err)
		}
	}
	h.MustDecide("ghe-node", "approve")
	built := h.Reaches(fmt.Sprint(build.ID), store.Applied)
	want := []control.Artifact{{Builder: "node", ID: "File"}, {Builder: "spare", ID: "Null"}}
	if fmt.Sprint(built.Artifacts) != fmt.Sprint(want) || built.Artifact == nil || *built.Artifact != want[0] {
		t.Errorf("artifacts %+v", built.Artifacts)
	}
	if text, err := os.ReadFile(out); err != nil || string(text) != "one jane" {
		t.Errorf("built %q: %v", text, err)
	}
	planned := h.Reaches("ghe", store.Planned)
	if planned.ID != waiting.ID || len(planned.Images) != 1 || planned.Images[0].Run != build.ID || !strings.Contains(strings.Join(planned.Notes, " "), "image ghe-node: File of build") {
		t.Errorf("the stack is planned with %+v, notes %q", planned.Images, planned.Notes)
	}
	h.MustDecide("ghe", "approve")
	h.Reaches(fmt.Sprint(planned.ID), store.Applied)

	r.commit("Another text", map[string]string{"images/node/node.json": template(out, "two")})
	next := h.Until("ghe-node", "planned again", func(r control.Run) bool { return r.ID != build.ID && r.Status == store.Planned })
	if note := strings.Join(next.Notes, " "); !strings.Contains(note, "images/node/node.json") || !strings.Contains(note, first[:10]) {
		t.Errorf("what changed: %q", note)
	}
	h.MustDecide("ghe-node", "approve")
	h.Reaches(fmt.Sprint(next.ID), store.Applied)
	again := h.Until("ghe", "planned for the new image", func(r control.Run) bool { return r.ID > next.ID })
	if again.Kind != store.KindDependency || !strings.Contains(again.Reason, "ghe-node was changed by #"+fmt.Sprint(next.ID)) {
		t.Errorf("%s because %q", again.Kind, again.Reason)
	}
}

// cloudPacker is a packer that builds in a cloud: it replays what a builder of one said, with the id that the template names.
func cloudPacker(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "packer")
	script := `#!/bin/sh
for template in "$@"; do :; done
case $1 in
version) echo 1,,version,1.6.6 ;;
inspect) echo 1,,template-builder,ghe,amazon-ebs; echo '1,,ui,say,  ghe (amazon-ebs)' ;;
validate) ;;
build)
  id=$(sed -n 's/.*"id": "\([^"]*\)".*/\1/p' "$template")
  echo '1,,ui,say,==> ghe: Launching a source AWS instance...'
  echo '1,,ui,message,    ghe: Instance ID: i-0a1b2c3d4e5f60718'
  case $id in fail) echo '1,ghe,error,Timeout waiting for SSH.'; exit 1 ;; die) kill -9 $$ ;; esac
  echo "1,,ui,say,Build 'ghe' finished after 1 minute."
  echo "1,ghe,artifact,0,id,us-east-1:$id"
  echo "1,ghe,artifact,1,id,us-east-1:$id" ;;
esac
`
	tftest.Program(t, file, []byte(script))
	return file
}

func cloudTemplate(id string) string {
	return fmt.Sprintf("{\"builders\": [{\"type\": \"amazon-ebs\", \"id\": %q}]}\n", id)
}

// TestCloudImage goes with ids of a cloud from build to apply, on to the next build, and back to the first image by hand; and
// says of builds that end badly what they leave.
func TestCloudImage(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"ghe/main.tf": node, "images/node/node.json": cloudTemplate("ami-1")})
	h := newHouse(t, imageHouse(r, `template = "node.json"`, `images = { ami_id = "ghe-node" }`, fmt.Sprintf("packer {\n binary = %q\n}\n", cloudPacker(t)))).start()
	build := func(after int) control.Run {
		t.Helper()
		run := h.Until("ghe-node", "planned", func(r control.Run) bool { return r.ID > after && r.Status == store.Planned })
		h.MustDecide(fmt.Sprint(run.ID), "approve")
		return h.Until(fmt.Sprint(run.ID), "ended", func(r control.Run) bool { return r.Status.Terminal() })
	}
	first := build(0)
	if first.Artifact == nil || *first.Artifact != (control.Artifact{Builder: "ghe", ID: "ami-1", Region: "us-east-1"}) || len(first.Artifacts) != 1 {
		t.Errorf("made %+v", first.Artifacts)
	}
	h.applies("ghe")

	r.commit("A newer one", map[string]string{"images/node/node.json": cloudTemplate("ami-2")})
	second := build(first.ID)
	moved := h.Until("ghe", "planned", func(r control.Run) bool { return r.ID > second.ID && r.Status == store.Planned })
	if note := strings.Join(moved.Notes, " "); moved.Kind != store.KindDependency || !strings.Contains(note, "ami-2 in us-east-1 of build") || !strings.Contains(note, "it runs on ami-1") {
		t.Errorf("%s, notes %q", moved.Kind, note)
	}
	h.applies("ghe")

	back, err := h.Client.Start(t.Context(), control.StartRequest{Stack: "ghe", Images: map[string]string{"ghe-node": "ami-1"}})
	if err != nil {
		t.Fatal(err)
	}
	given := h.Reaches(fmt.Sprint(back.Run), store.Planned)
	if len(given.Images) != 1 || !given.Images[0].Given || given.Images[0].Run != first.ID || !strings.Contains(strings.Join(given.Options.Kinds, " "), "NOT IN GIT: image ghe-node = ami-1") {
		t.Errorf("%+v %q", given.Images, given.Options.Kinds)
	}
	h.MustDecide(fmt.Sprint(back.Run), "approve destroy")
	h.Reaches(fmt.Sprint(back.Run), store.Applied)
	s := h.Eventually("pinned", func(s control.Status) bool { return s.Stacks[0].Pin != nil })
	if images := s.Stacks[0].Images; len(images) != 1 || images[0].Artifacts[0].ID != "ami-1" || len(s.Stacks[1].Builds) != 2 {
		t.Errorf("it runs on %+v of %+v", images, s.Stacks[1].Builds)
	}
	if _, err := h.Client.Start(t.Context(), control.StartRequest{Stack: "ghe", Images: map[string]string{"other": "ami-1"}}); err == nil {
		t.Error("an image of another stack was taken")
	}

	r.commit("Broken", map[string]string{"images/node/node.json": cloudTemplate("fail")})
	if failed := build(second.ID); failed.Status != store.Errored || !strings.Contains(failed.Error, "Timeout waiting for SSH") {
		t.Errorf("%s: %s", failed.Status, failed.Error)
	}
	r.commit("Dying", map[string]string{"images/node/node.json": cloudTemplate("die")})
	died := build(back.Run + 1)
	if died.Status != store.Interrupted || !strings.Contains(died.Error, "ghe (i-0a1b2c3d4e5f60718)") {
		t.Errorf("%s: %s", died.Status, died.Error)
	}
	again := h.Until("ghe-node", "planned again", func(r control.Run) bool { return r.ID > died.ID && r.Status == store.Planned })
	if again.Kind != store.KindRecovery || !strings.Contains(strings.Join(again.Warnings, " "), "i-0a1b2c3d4e5f60718") {
		t.Errorf("%s, warnings %q", again.Kind, again.Warnings)
	}
}

// TestScheduledBuild: an image that was built is planned again when its schedule comes up, at the commit that it was built of, and
// asks like any other build.
func TestScheduledBuild(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	built := r.commit("Add", map[string]string{"ghe/main.tf": node, "images/node/node.json": cloudTemplate("ami-1")})
	h := newHouse(t, imageHouse(r, "template = \"node.json\"\n  schedule = \"@every 1s\"", `images = { ami_id = "ghe-node" }`, fmt.Sprintf("packer {\n binary = %q\n}\n", cloudPacker(t)))).start()
	first := h.Reaches("ghe-node", store.Planned)
	if first.Kind != store.KindCommit {
		t.Errorf("what was never built is planned by a %s run", first.Kind)
	}
	h.MustDecide(fmt.Sprint(first.ID), "approve")
	h.Reaches(fmt.Sprint(first.ID), store.Applied)
	again := h.Until("ghe-node", "planned again", func(r control.Run) bool { return r.ID > first.ID && r.Status == store.Planned })
	if again.Kind != store.KindSchedule || again.Commit != built || !strings.Contains(again.Reason, "its schedule @every 1s has come up") {
		t.Errorf("a %s run at %s because %q", again.Kind, again.Commit, again.Reason)
	}
	h.MustDecide(fmt.Sprint(again.ID), "approve")
	h.Reaches(fmt.Sprint(again.ID), store.Applied)
	s := h.Eventually("two builds", func(s control.Status) bool { return len(s.Stacks[1].Builds) == 2 })
	if newest := s.Stacks[1].Builds[0]; newest.Run != again.ID {
		t.Errorf("the newest build is of #%d", newest.Run)
	}
}
