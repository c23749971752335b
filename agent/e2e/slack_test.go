package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"sallyport/agent/patience"
	"sallyport/notify/slack/slacktest"
)

// The people and the channel of the workspace.
const (
	ops   = "C0000OPS"
	jane  = "U01JANE0"
	joe   = "U01JOE00" // an approver by his user group
	eve   = "U01EVE00" // no approver
	guest = "U01GUEST" // in the group, but not a full member
)

func newWorkspace(t *testing.T) *slacktest.Server {
	t.Helper()
	return newWorkspaceWith(t, slacktest.Options{})
}

func newWorkspaceWith(t *testing.T, o slacktest.Options) *slacktest.Server {
	t.Helper()
	o.Token = slackToken
	o.Users = []slacktest.User{
		{ID: jane, Name: "jane", Email: "jane@example.com"}, {ID: joe, Name: "joe"}, {ID: eve, Name: "eve"},
		{ID: guest, Name: "guest", Restricted: true},
	}
	o.Groups = []slacktest.Group{{ID: "S01OPS00", Users: []string{joe, guest}}}
	if o.Channels == nil {
		o.Channels = []slacktest.Channel{{ID: ops, Name: "ops", Member: true}}
	}
	s, err := slacktest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Transcript())
		}
		s.Close()
	})
	return s
}

// slackToken is the bot's token; it must never be seen anywhere.
const slackToken = "xoxb-canary-slack-token-93ab07"

// asking is the slack block. The token comes from the environment: see slackEnv.
func asking(s *slacktest.Server) string { return askingIn(s, "#ops") }

func askingIn(s *slacktest.Server, channel string) string {
	return fmt.Sprintf(`
slack {
  token     = env("SLACK_TOKEN")
  api_url   = %q
  channel   = %q
  approvers = ["jane@example.com", "S01OPS00"]
  poll      = "100ms"
}
`, s.URL(), channel)
}

const slackEnv = "SLACK_TOKEN=" + slackToken

// all is everything in a message that anybody could read.
func all(m slacktest.Message) string {
	text := m.Text + "\n" + m.Visible()
	for _, f := range m.Files {
		text += "\n" + f.Name + "\n" + f.Content
	}
	return text
}

// posted waits for a message in the channel that has all parts.
func posted(t *testing.T, s *slacktest.Server, parts ...string) slacktest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	m, err := s.WaitMessage(ctx, ops, func(m slacktest.Message) bool { return has(all(m), parts...) })
	if err != nil {
		t.Fatalf("nobody posted %q: %v", parts, err)
	}
	return m
}

// replied waits for a reply in a thread that has all parts.
func replied(t *testing.T, s *slacktest.Server, thread string, parts ...string) slacktest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	m, err := s.WaitReply(ctx, ops, thread, func(m slacktest.Message) bool { return has(all(m), parts...) })
	if err != nil {
		t.Fatalf("nobody replied %q: %v", parts, err)
	}
	return m
}

func has(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// card waits for the message of a run.
func card(t *testing.T, s *slacktest.Server, id int) slacktest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	m, err := s.WaitMessage(ctx, ops, func(m slacktest.Message) bool {
		run, _, _, _, ok := m.Run()
		return ok && run == id
	})
	if err != nil {
		t.Fatalf("run #%d has no message: %v", id, err)
	}
	return m
}

// cards counts the messages of runs in the channel.
func cards(s *slacktest.Server) int {
	n := 0
	for _, m := range s.Messages(ops) {
		if _, _, _, _, ok := m.Run(); ok {
			n++
		}
	}
	return n
}

func terraformPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
