package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/repo/gittest"
	"sallyport/notify/slack/slacktest"
)

// The whole story, once for each way to read a repository: a first commit is planned and asked for in Slack, somebody
// approves, it is applied and told; a second commit changes something, is approved with the word that destroying needs.

func TestStoryOverHTTPS(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	tellStory(t, i.Repo, i.block())
}

func TestStoryOverSSH(t *testing.T) {
	t.Parallel()
	r := gittest.NewRepo(t, "", "infra")
	d := gittest.NewSSHD(t, gittest.SSHDOptions{})
	tellStory(t, r, fmt.Sprintf(`
repository "infra" {
  url      = %q
  branch   = "main"
  schedule = "@every 1s"
  ssh {
    key_file         = %q
    known_hosts_file = %q
  }
}
`, d.URL(r.Bare), d.KeyFile, d.KnownHostsFile))
}

func tellStory(t *testing.T, r *gittest.Repo, repository string) {
	s := newWorkspace(t)
	first := r.Commit("Add the box & <!channel>", map[string]string{
		"box/main.tf": thing("node", "one") + thing("volume", "one") + "output \"address\" { value = \"10.0.0.1\" }\n",
	})
	h := newHouse(t, repository+stackBlock("box", `label = "PROD"`)+asking(s), slackEnv).start()

	m := card(t, s, 1)
	planned := h.reaches("1", "planned")
	if planned.Commit != first || planned.Kind != "commit" || planned.Author != "Jane Doe" || planned.Plan.Add != 2 {
		t.Errorf("the first run: %+v", planned)
	}
	checkCard(t, h, m, planned)
	replied(t, s, m.TS, "plan-1-", "terraform_data.volume")
	s.Reply(jane, ops, m.TS, "approve")
	applied := h.reaches("1", "applied")
	if len(applied.Decisions) != 1 || applied.Decisions[0].By != "slack:"+jane || applied.Decisions[0].Verdict != "approve" {
		t.Errorf("decisions: %+v", applied.Decisions)
	}
	replied(t, s, m.TS, "is applied", "Outputs: address")
	h.sees("the applied commit", func(s status) bool { return s.Stacks[0].AppliedCommit == first && s.Stacks[0].Behind == 0 })
	eventually(t, "the plan, which holds secrets, goes after the end of its run", func() (bool, any) {
		return !exists(h.Data("runs", "1", "plan", "plan.tfplan")), nil
	})
	if text := h.must("show", "1", "--plan"); !strings.Contains(text, "# terraform_data.node will be created") {
		t.Errorf("show --plan says\n%s", text)
	}
	if text := h.must("show", "1", "--log"); !strings.Contains(text, "terraform_data.node") {
		t.Errorf("show --log says\n%s", text)
	}

	second := r.Commit("Drop the volume", map[string]string{"box/main.tf": thing("node", "two")})
	m = card(t, s, 2)
	if !strings.Contains(m.Text, "approve destroy") {
		t.Errorf("the lock screen does not say what to reply: %q", m.Text)
	}
	s.Reply(jane, ops, m.TS, "approve")
	replied(t, s, m.TS, "did not count", "destroy")
	s.Reply(joe, ops, m.TS, "Approve  destroy.")
	h.reaches("2", "applied")
	h.sees("the second commit is applied", func(s status) bool { return s.Stacks[0].AppliedCommit == second })
	if n := len(s.Messages(ops)); n != 2 {
		t.Errorf("%d messages in the channel for two runs", n)
	}
}

// checkCard compares a run's message with the run, and the run with the plan file on disk.
func checkCard(t *testing.T, h *house, m slacktest.Message, r run) {
	t.Helper()
	id, stack, digest, agent, ok := m.Run()
	if !ok || id != r.ID || stack != r.Stack || digest != r.Plan.Digest || agent == "" {
		t.Errorf("metadata %s", m.Metadata)
	}
	if !strings.HasPrefix(m.Text, fmt.Sprintf("PROD box #%d: 2 to create, nothing destroyed", r.ID)) {
		t.Errorf("the lock screen shows %q", m.Text)
	}
	active := slices.DeleteFunc(m.Active(), func(a string) bool { // ours are the link to the plan, and times
		return strings.HasSuffix(a, "|The whole plan>") || strings.HasPrefix(a, "<!date^")
	})
	if len(active) != 0 {
		t.Errorf("the commit's subject became active: %q", active)
	}
	file := sha256.Sum256([]byte(read(t, h.Data("runs", fmt.Sprint(r.ID), "plan", "plan.tfplan"))))
	if hex.EncodeToString(file[:]) != r.Plan.Digest {
		t.Errorf("the digest %s is not that of the plan file", r.Plan.Digest)
	}
}

// Without Slack the log tells what waits and the command line decides.
func TestStoryWithoutSlack(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, i.box()).start()
	h.reaches("box", "planned")
	eventually(t, "the log asks", func() (bool, any) {
		return has(h.Logged(), "notice", "1 to create", "sallyport approve 1;"), h.Logged()
	})
	if out := h.must("approve", h.number("box")); !strings.Contains(out, "#1 box is approved") {
		t.Errorf("approve says %q", out)
	}
	r := h.reaches("1", "applied")
	if len(r.Decisions) != 1 || !strings.HasPrefix(r.Decisions[0].By, "cli:") || r.Decisions[0].Text != "approve" {
		t.Errorf("decisions: %+v", r.Decisions)
	}
	eventually(t, "the log tells the end", func() (bool, any) { return has(h.Logged(), "is applied"), h.Logged() })
}
