package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/terraform/tftest"
	"sallyport/notify/slack/slacktest"
)

// An office service as teams have them: a node, a volume that came from a snapshot and must not be lost, and what wires the
// two together. The provider is a real one; the objects are files, so that a test can take one away behind its back.
type office struct {
	*house
	infra *infra
	slack *slacktest.Server
	dir   string
}

func (o *office) files(snapshot string) map[string]string {
	return map[string]string{"office/main.tf": fmt.Sprintf(`
terraform {
  required_providers {
    local = { source = "hashicorp/local" }
  }
}
resource "local_file" "volume" {
  filename = "%[1]s/volume"
  content  = "restored from %[2]s"
}
resource "local_file" "node" {
  filename = "%[1]s/node"
  content  = "the node"
}
resource "terraform_data" "attachment" {
  triggers_replace = [local_file.node.id, local_file.volume.id]
  provisioner "local-exec" {
    command = "echo attached >> %[1]s/attached"
  }
}
output "node" { value = local_file.node.id }
`, o.dir, snapshot)}
}

// newOffice has the service running, its first apply approved by a person.
func newOffice(t *testing.T, attributes ...string) *office {
	t.Helper()
	o := &office{infra: newInfra(t), slack: newWorkspace(t), dir: t.TempDir()}
	o.infra.Commit("Restore the office from snap-2", o.files("snap-2"))
	attributes = append(attributes, `drift = "@every 1s"`, `protect = ["local_file.volume"]`, `label = "PROD"`)
	tool := fmt.Sprintf("terraform {\n  cli_config_file = %q\n}\n", tftest.CLIConfig(t, tftest.ProviderMirror(t)))
	o.house = newHouse(t, o.infra.block()+stackBlock("office", attributes...)+tool+asking(o.slack), slackEnv).start()
	o.slack.Reply(jane, ops, card(t, o.slack, 1).TS, "approve")
	o.reaches("1", "applied")
	return o
}

// lose takes an object away as somebody does in a provider's console.
func (o *office) lose(name string) {
	o.t.Helper()
	if err := os.Remove(filepath.Join(o.dir, name)); err != nil {
		o.t.Fatal(err)
	}
}

// actions counts what people have said in the channel and in its threads.
func (o *office) actions() int {
	n := 0
	human := func(m slacktest.Message) {
		if m.BotID == "" && !m.Broadcast {
			n++
		}
	}
	for _, m := range o.slack.Messages(ops) {
		human(m)
		for _, reply := range o.slack.Thread(ops, m.TS) {
			if reply.TS != m.TS {
				human(reply)
			}
		}
	}
	return n
}

// healed waits until a run was applied, and checks that everything is there, the volume untouched but where it had to be.
func (o *office) healed(ref, snapshot string, attached int) run {
	o.t.Helper()
	r := o.reaches(ref, "applied")
	for file, want := range map[string]string{"node": "the node", "volume": "restored from " + snapshot} {
		if got := read(o.t, filepath.Join(o.dir, file)); got != want {
			o.t.Errorf("the %s is %q, want %q", file, got, want)
		}
	}
	if n := times(o.t, filepath.Join(o.dir, "attached")); n != attached {
		o.t.Errorf("attached %d times, want %d", n, attached)
	}
	m := card(o.t, o.slack, r.ID)
	replied(o.t, o.slack, m.TS, "is applied", "Approved by")
	return r
}

// Three failures, each from the fault to healed through Slack. What is counted is what people had to do: once at most.
func TestOfficeService(t *testing.T) {
	need.Long(t, "three whole failures with a real provider")
	t.Run("the node was terminated", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, `auto_apply = "recreate"`, `recreate_also = ["terraform_data"]`)
		before := o.actions()
		o.lose("node")
		r := o.healed("2", "snap-2", 2)
		if n := o.actions() - before; n != 0 {
			t.Errorf("people had to act %d times", n)
		}
		if len(r.Decisions) != 1 || r.Decisions[0].By != "policy:recreate" || r.Kind != "drift" {
			t.Errorf("decided by %+v in a run of kind %s", r.Decisions, r.Kind)
		}
		// The volume is another matter: an empty one would look healthy, so somebody is asked, by name.
		o.lose("node")
		o.lose("volume")
		m := o.waits("3", "auto_apply is recreate, but local_file.volume is protected", "PROTECTED")
		before = o.actions()
		o.slack.Reply(joe, ops, m.TS, "approve destroy "+number(t, m, "local_file.volume"))
		o.healed("3", "snap-2", 3)
		if n := o.actions() - before; n != 1 {
			t.Errorf("people had to act %d times", n)
		}
	})
	t.Run("an older snapshot is restored by a commit", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, `auto_apply = "recreate"`, `recreate_also = ["terraform_data"]`)
		o.infra.Commit("Back to snap-1", o.files("snap-1"))
		m := o.waits("2", "PROTECTED", "auto_apply is recreate, but local_file.volume is protected")
		if text := all(m); !has(text, "local_file.volume", "replace", "approve destroy") {
			t.Errorf("the prompt says\n%s", text)
		}
		before := o.actions()
		o.slack.Reply(jane, ops, m.TS, "approve destroy "+number(t, m, "local_file.volume"))
		o.healed("2", "snap-1", 2)
		if n := o.actions() - before; n != 1 {
			t.Errorf("people had to act %d times", n)
		}
	})
	t.Run("the node is recycled by hand", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, `replaceable = ["local_file.node", "terraform_data.attachment"]`)
		o.slack.Say(jane, ops, "<@"+o.slack.BotUserID()+"> plan office --replace local_file.node it hangs")
		m := o.waits("2", "REPLACE local_file.node", "it hangs")
		before := o.actions()
		o.slack.Reply(joe, ops, m.TS, "approve")
		r := o.healed("2", "snap-2", 2)
		if n := o.actions() - before; n != 1 {
			t.Errorf("people had to act %d times", n)
		}
		if r.Plan.Destroy != 2 || r.Plan.Add != 2 {
			t.Errorf("the plan: %+v", r.Plan)
		}
		// And as the console does it, with nobody who says so.
		o.lose("node")
		m = o.waits("3", "gone and to be created again: 1", "drift")
		before = o.actions()
		o.slack.Reply(jane, ops, m.TS, "approve")
		o.healed("3", "snap-2", 3)
		if n := o.actions() - before; n != 1 {
			t.Errorf("people had to act %d times", n)
		}
	})
}

// waits waits until a run asks people, with all parts on its card.
func (o *office) waits(ref string, parts ...string) slacktest.Message {
	o.t.Helper()
	r := o.reaches(ref, "planned")
	card(o.t, o.slack, r.ID)
	var m slacktest.Message
	eventually(o.t, fmt.Sprintf("the card of #%d says %q", r.ID, parts), func() (bool, any) {
		m = card(o.t, o.slack, r.ID)
		return has(all(m), parts...), all(m)
	})
	return m
}

// number is an address's number on a card.
func number(t *testing.T, m slacktest.Message, address string) string {
	t.Helper()
	for line := range strings.Lines(all(m)) {
		n, rest, ok := strings.Cut(strings.TrimSpace(line), ". ")
		if ok && strings.Contains(rest, " "+address+" ") && !strings.Contains(n, " ") {
			return n
		}
	}
	t.Fatalf("%s has no number in\n%s", address, all(m))
	return ""
}
