package agent_test

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// A pull request that changes an image is validated by the real packer before the merge, without the image's secrets, and builds
// nothing. What decides which programs that runs waits for an approver's word, as with stacks.
func TestImageInPullRequests(t *testing.T) {
	t.Parallel()
	needPacker(t)
	out := filepath.Join(t.TempDir(), "image")
	r, gh := newRepository(t), atGitHub(t)
	base := gh.pushes(r, "an image", map[string]string{"images/node/node.json": template(out, "one"), "images/node/setup.sh": "true\n", "box/main.tf": data("one", "1")})
	h := newHouse(t, "")
	secret := filepath.Join(h.Dir, "secret")
	if err := os.WriteFile(secret, []byte("a-long-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Body = gh.hosted(r, "trusted") + fmt.Sprintf(`
stack "box" {
  dir = "box"
}
image "node" {
  dir      = "images/node"
  template = "node.json"
  vars     = { who = file(%q) }
}
person "jane" {
  github = "jane"
  os     = "jane"
}
`, secret)
	h.start()
	build := h.Reaches("node", store.Planned)

	propose := func(number int, files map[string]string) (head string, n int) {
		head = r.propose(number, base, "another image", files)
		return head, gh.open(proposal{author: "jane", title: "another image", head: head})
	}
	head, n := propose(1, map[string]string{"images/node/node.json": template(out, "two"), "images/node/setup.sh": "false\n"})
	gh.stands(t, head, "node", "success", "packer validate: valid, 2 images to build; 2 files differ: images/node/node.json, images/node/setup.sh")
	gh.stands(t, head, "box", "success", "not touched by this pull request")
	says := html.UnescapeString(gh.says(t, n, "packer validate: valid, 2 images to build").body)
	if !strings.Contains(says, "2 files differ: images/node/node.json, images/node/setup.sh") || !strings.Contains(says, "planned without the stack's secrets (vars who)") {
		t.Errorf("the comment says:\n%s", says)
	}
	previews := h.previews()
	if len(previews) != 1 || previews[0].Status != store.Previewed || previews[0].Engine != "packer" {
		t.Errorf("the previews: %+v", previews)
	}
	if err := h.Decide(num(previews[0].ID), "approve"); err == nil || !strings.Contains(err.Error(), "previewed") {
		t.Errorf("a preview was approved: %v", err)
	}

	head, _ = propose(2, map[string]string{"images/node/node.json": strings.Replace(template(out, "two"), `"target"`, `"targte"`, 1)})
	gh.stands(t, head, "node", "failure", "packer validate failed, nothing is built")

	head, n = propose(3, map[string]string{"images/node/node.json": strings.Replace(template(out, "two"), `"post-processors"`,
		`"provisioners": [{"type": "ansible", "playbook_file": "x", "command": "./evil"}], "post-processors"`, 1), "images/node/evil": "#!/bin/sh\ntouch " + out + "\n"})
	gh.stands(t, head, "node", "pending", "not planned: Packer runs programs while it validates it")
	if says := html.UnescapeString(gh.says(t, n, "its provisioner ansible").body); !strings.Contains(says, "node is not planned, because Packer runs programs") {
		t.Errorf("the comment says:\n%s", says)
	}
	head, n = propose(4, map[string]string{"images/node/node.json": strings.Replace(template(out, "two"), `"manifest"`, `"compress"`, 1)})
	gh.stands(t, head, "node", "pending", "not planned: it brings in the post-processor compress")
	if _, err := h.Client.Start(t.Context(), control.StartRequest{Stack: "node", PullRequest: n}); err != nil {
		t.Fatal(err)
	}
	gh.stands(t, head, "node", "success", "2 images to build")

	if _, err := os.Stat(out); err == nil {
		t.Error("something of a pull request was built, or run")
	}
	if all := h.previews(); slices.ContainsFunc(all, func(p control.Run) bool { return strings.Contains(fmt.Sprintf("%+v", p), "a-long-secret") }) {
		t.Errorf("a preview has the secret: %+v", all)
	}
	if now := h.Reaches("node", store.Planned); now.ID != build.ID {
		t.Errorf("the image's own run is #%d now, not #%d", now.ID, build.ID)
	}
}
