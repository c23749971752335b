package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/repo/gittest"
	"sallyport/agent/terraform/tftest"
)

// The worst night: the node that died is the one that hosts the repository, the private modules and the mirror of the
// providers. `plan` in a shell and an approval in Slack bring it back, at the newest commit known, and the prompt says
// since when the repository cannot be read. What follows the branch waits.
func TestWorstNight(t *testing.T) {
	t.Parallel()
	mirror := tftest.NewNetworkMirror(t)
	i, s := newInfra(t), newWorkspace(t)
	modules := gittest.NewRepo(t, i.Root(), "modules")
	module := modules.Commit("A node", map[string]string{"node/main.tf": `
variable "file" {}
variable "generation" {}
resource "local_file" "node" {
  filename = var.file
  content  = "the node"
}
resource "terraform_data" "generation" { input = var.generation }
`})
	node := filepath.Join(t.TempDir(), "node")
	use := func(generation string) map[string]string {
		return map[string]string{"box/main.tf": fmt.Sprintf(`
terraform {
  required_providers {
    local = { source = "hashicorp/local" }
  }
}
module "node" {
  source     = "git::%s//node?ref=%s"
  file       = %q
  generation = %q
}
`, i.server.URL(modules.Name), module, node, generation)}
	}
	applied := i.Commit("Add the node", use("one"))
	tool := fmt.Sprintf("terraform {\n  cli_config_file = %q\n}\n", mirror.CLIConfig)
	box := strings.Replace(i.box(), "  token ", "  modules_from = [\"modules\"]\n  token ", 1)
	h := newHouse(t, box+tool+asking(s), slackEnv, "SSL_CERT_FILE="+mirror.CAFile).start()
	s.Reply(jane, ops, card(t, s, 1).TS, "approve")
	h.reaches("1", "applied")
	if !exists(node) {
		t.Fatal("there is no node")
	}
	head := i.Commit("Change the generation", use("two"))
	waiting := card(t, s, 2)
	h.reaches("2", "planned")

	i.server.Stop()
	mirror.Close()
	if err := os.Remove(node); err != nil {
		t.Fatal(err)
	}
	down := h.sees("the repository is down", func(s status) bool { return s.Repositories[0].Error != "" })
	if down.Repositories[0].Head != head {
		t.Errorf("the head is forgotten: %+v", down.Repositories[0])
	}
	s.Reply(jane, ops, waiting.TS, "approve")
	if r := h.until("2", "held", func(r run) bool { return r.Held != "" }); r.Status != "approved" || !strings.Contains(r.Held, "newer commit") {
		t.Errorf("a run that follows the branch: %s, held %q", r.Status, r.Held)
	}

	if out := h.must("recover", "box", "--reason", "the node died"); !strings.HasPrefix(out, "#3\n") {
		t.Errorf("recover says %q", out)
	}
	m := card(t, s, 3)
	r := h.reaches("3", "planned")
	if r.Commit != applied || r.Kind != "manual" || r.GitDown == "" || !strings.Contains(r.Position, "at the applied commit") {
		t.Errorf("the recovering run: %+v", r)
	}
	if c := r.Plan.Changes; len(c) != 1 || c[0].Class != "recreate" || c[0].Address != "module.node.local_file.node" {
		t.Errorf("its changes: %+v", c)
	}
	if text := all(m); !has(text, "cannot be read since", "UTC", "the node died", "at the applied commit", "module.node.local_file.node") {
		t.Errorf("the prompt says\n%s", text)
	}
	s.Reply(joe, ops, m.TS, "approve")
	h.reaches("3", "applied")
	if !exists(node) {
		t.Fatal("the node is not back")
	}

	// The commit that had to wait is asked again; while the server is down a person's plan takes its place.
	h.until("4", "a run of the commit that waited", func(r run) bool { return r.Kind == "commit" && r.Commit == head })
	h.must("plan", "box")
	m = card(t, s, 5)
	r = h.reaches("5", "planned")
	if r.Commit != head || r.Kind != "manual" || !has(all(m), "cannot be read since", "1 commit") {
		t.Errorf("the run at the newest commit known: %+v\n%s", r, all(m))
	}
	s.Reply(jane, ops, m.TS, "approve")
	h.reaches("5", "applied")
	h.sees("it is applied", func(s status) bool { return s.Stacks[0].AppliedCommit == head })
}

// The server is away for a while: what was approved meanwhile is applied as soon as it is known that nothing is newer.
func TestGitIsBack(t *testing.T) {
	t.Parallel()
	i, s, h, m := asked(t)
	i.down.Store(true)
	h.sees("the repository is down", func(s status) bool { return s.Repositories[0].Error != "" })
	s.Reply(jane, ops, m.TS, "approve")
	h.until("1", "held", func(r run) bool { return r.Status == "approved" && r.Held != "" })
	i.down.Store(false)
	h.reaches("1", "applied")
	h.sees("the error is gone", func(s status) bool { return s.Repositories[0].Error == "" })
}
