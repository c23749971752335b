package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/need"
	"sallyport/notify/slack/slacktest"
)

// twoRegions is a packer that builds in two regions of a cloud, as that cloud's builder says it; the template names the version.
func twoRegions(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "packer")
	program(t, file, []byte(`#!/bin/sh
for template in "$@"; do :; done
case $1 in
version) echo 1,,version,1.6.6 ;;
inspect) echo 1,,template-builder,node,amazon-ebs; echo '1,,ui,say,  node (amazon-ebs)' ;;
validate) ;;
build)
  v=$(sed -n 's/.*"version": "\([^"]*\)".*/\1/p' "$template")
  echo "1,,ui,say,Build 'node' finished after 1 minute."
  echo "1,node,artifact,0,id,eu-west-1:ami-e$v%!(PACKER_COMMA)us-east-1:ami-u$v" ;;
esac
`))
	return file
}

func nodeTemplate(version int) string {
	return fmt.Sprintf("{\"builders\": [{\"type\": \"amazon-ebs\", \"version\": \"%d\"}]}\n", version)
}

// saysIn replies in the card of the run that waits of a stack or an image, and gives that run.
func saysIn(t *testing.T, s *slacktest.Server, h *house, name string, after int, words string) (run, slacktest.Message) {
	t.Helper()
	r := h.until(name, "planned after #"+fmt.Sprint(after), func(r run) bool { return r.ID > after && r.Status == "planned" })
	m := card(t, s, r.ID)
	s.Reply(jane, ops, m.TS, words)
	return r, m
}

// An image is built by a reply in Slack; the stack that runs on it gets the ids by region, follows the next build, and goes back
// to the first one by hand.
func TestImagesThroughSlack(t *testing.T) {
	t.Parallel()
	need.Long(t, "it builds three images and applies each")
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add the node", map[string]string{"ghe/main.tf": `
variable "ami_ids" { type = map(string) }
resource "terraform_data" "node" { triggers_replace = [var.ami_ids["us-east-1"]] }
output "elsewhere" { value = var.ami_ids["eu-west-1"] }
`, "images/node/node.json": nodeTemplate(1)})
	h := newHouse(t, i.block()+stackBlock("ghe", `images = { ami_ids = "ghe-node" }`)+
		"image \"ghe-node\" {\n  dir = \"images/node\"\n  template = \"node.json\"\n}\n"+
		fmt.Sprintf("packer {\n  binary = %q\n}\n", twoRegions(t))+asking(s), slackEnv).start()
	if out := h.must("images"); out != "nothing was built yet\n" {
		t.Errorf("before the first build: %q", out)
	}
	built := func(after int) (run, slacktest.Message) {
		t.Helper()
		r, m := saysIn(t, s, h, "ghe-node", after, "approve")
		return h.reaches(fmt.Sprint(r.ID), "applied"), m
	}
	first, m := built(0)
	replied(t, s, m.TS, "ami-u1", "ami-e1")
	on, m := saysIn(t, s, h, "ghe", 0, "approve")
	h.reaches(fmt.Sprint(on.ID), "applied")
	replied(t, s, m.TS, "is applied")

	i.Commit("Not good", map[string]string{"images/node/node.json": nodeTemplate(2)})
	denied, m := saysIn(t, s, h, "ghe-node", first.ID, "deny not today")
	h.reaches(fmt.Sprint(denied.ID), "discarded")
	replied(t, s, m.TS, "not today")

	i.Commit("Better", map[string]string{"images/node/node.json": nodeTemplate(3)})
	second, _ := built(denied.ID)
	next, _ := saysIn(t, s, h, "ghe", second.ID, "approve destroy")
	if next.Kind != "dependency" {
		t.Errorf("#%d is a %s run", next.ID, next.Kind)
	}
	h.reaches(fmt.Sprint(next.ID), "applied")
	builds(t, h, map[int]string{second.ID: "eu-west-1:ami-e3 us-east-1:ami-u3 on [ghe]", first.ID: "eu-west-1:ami-e1 us-east-1:ami-u1 on []"})

	back := strings.TrimSpace(h.must("plan", "ghe", "--image", "ghe-node=us-east-1:ami-u1,eu-west-1:ami-e1"))
	given, m := saysIn(t, s, h, "ghe", next.ID, "approve destroy")
	if !strings.HasPrefix(back, fmt.Sprintf("#%d", given.ID)) || !has(all(m), "NOT IN GIT") {
		t.Errorf("plan --image says %q, the card\n%s", back, all(m))
	}
	h.reaches(fmt.Sprint(given.ID), "applied")
	builds(t, h, map[int]string{second.ID: "eu-west-1:ami-e3 us-east-1:ami-u3 on []", first.ID: "eu-west-1:ami-e1 us-east-1:ami-u1 on [ghe]"})
	if out := h.must("images"); !has(out, "IMAGE", "STACKS ON IT", fmt.Sprintf("#%d", second.ID), "eu-west-1:ami-e3, us-east-1:ami-u3") {
		t.Errorf("images says\n%s", out)
	}
}

// builds compares what `images --json` lists, by the run that built it.
func builds(t *testing.T, h *house, want map[int]string) {
	t.Helper()
	var list []struct {
		Image     string             `json:"image"`
		Run       int                `json:"run"`
		Artifacts []control.Artifact `json:"artifacts"`
		Stacks    []string           `json:"stacks"`
	}
	if err := json.Unmarshal([]byte(h.must("images", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	got := map[int]string{}
	for _, b := range list {
		for _, a := range b.Artifacts {
			got[b.Run] += a.Region + ":" + a.ID + " "
		}
		got[b.Run] += fmt.Sprintf("on %v", b.Stacks)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("builds are %v, want %v", got, want)
	}
}
