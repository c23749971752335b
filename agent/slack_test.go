package agent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

const (
	ops   = "C0000OPS"
	jane  = "U01JANE0"
	joe   = "U01JOE00"
	eve   = "U01EVE00" // no approver
	guest = "U01GUEST"
)

func workspace(t *testing.T) *slacktest.Server {
	t.Helper()
	s, err := slacktest.New(slacktest.Options{
		Users: []slacktest.User{
			{ID: jane, Name: "jane", Email: "jane@example.com"}, {ID: joe, Name: "joe"}, {ID: eve, Name: "eve"},
			{ID: guest, Name: "guest", Restricted: true},
		},
		Groups:   []slacktest.Group{{ID: "S01OPS00", Users: []string{joe, guest}}},
		Channels: []slacktest.Channel{{ID: ops, Name: "ops", Member: true}},
	})
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

func asking(s *slacktest.Server) string {
	return fmt.Sprintf(`
slack {
  token     = %q
  api_url   = %q
  channel   = "#ops"
  approvers = ["jane@example.com", "S01OPS00"]
  poll      = "100ms"
}
`, s.Token(), s.URL())
}

// said waits for a message in a channel or, with a thread, in that thread.
func said(t *testing.T, s *slacktest.Server, thread, part string) slacktest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	var found slacktest.Message
	err := s.WaitFor(ctx, func() bool {
		list := s.Messages(ops)
		if thread != "" {
			list = s.Thread(ops, thread)
		}
		for _, m := range list {
			text := m.Text + m.Visible()
			for _, f := range m.Files {
				text += f.Name + f.Content
			}
			if strings.Contains(text, part) {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatalf("nobody said %q: %v", part, err)
	}
	return found
}

func TestSlackApproveAndReport(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add <!channel> the box", map[string]string{"box/main.tf": data("a", "one") + "output \"o\" { value = 1 }\n"})
	h := newHouse(t, box(r, `label = "PROD"`)+asking(s)).start()
	card := said(t, s, "", "1 to create")
	if run, stack, digest, _, ok := card.Run(); !ok || run != 1 || stack != "box" || digest != h.Reaches("1", store.Planned).Plan.Digest {
		t.Errorf("metadata %s", card.Metadata)
	}
	active := slices.DeleteFunc(card.Active(), func(a string) bool { // ours are the link to the plan, and times
		return strings.HasSuffix(a, "|The whole plan>") || strings.HasPrefix(a, "<!date^")
	})
	if !strings.HasPrefix(card.Text, "PROD box #1: 1 to create") || len(active) != 0 {
		t.Errorf("text %q, active %q", card.Text, active)
	}
	file := said(t, s, card.TS, "plan-1-").Files[0]
	said(t, s, "", "<"+s.Permalink(file)+"|The whole plan>, a file in this thread")
	s.Reply(eve, ops, card.TS, "approve")
	said(t, s, card.TS, "@eve, your approve did not count: you may not approve box, since you are not one of the approvers. @jane or ")
	s.Reply(guest, ops, card.TS, "approve")
	said(t, s, card.TS, "guest")
	s.Reply(joe, ops, card.TS, "looks good to me")
	s.Reply(jane, ops, card.TS, "Approve.")
	run := h.Reaches("1", store.Applied)
	if run.Decisions[0].By != "slack:"+jane {
		t.Errorf("decisions %+v", run.Decisions)
	}
	end := said(t, s, card.TS, "is applied")
	if !strings.Contains(end.Text, "Outputs: o") {
		t.Errorf("outcome %q", end.Text)
	}
	said(t, s, "", "applied: 1")
	s.Reply(joe, ops, card.TS, "deny")
	said(t, s, card.TS, "This did not count: #1 is already applied; nothing to deny (it has ended: applied). Next: @sallyport plan box")
	s.Reply(joe, ops, card.TS, "approve it")
	said(t, s, card.TS, "This did not count: #1 is already applied; nothing to approve.")
	if n := len(s.Messages(ops)); n != 1 {
		t.Errorf("%d messages in the channel", n)
	}
}

func TestSlackRepliesThatNeverCount(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	for name, m := range map[string]slacktest.Message{
		"bot":      {User: jane, BotID: "B0OTHER"},
		"app":      {User: jane, AppID: "A0OTHER"},
		"edited":   {User: jane, Edited: true},
		"workflow": {User: jane, Workflow: true},
		"subtype":  {User: jane, Subtype: "me_message"},
		"foreign":  {User: jane, UserTeam: "T0OTHER"},
	} {
		t.Run(name, func(t *testing.T) {
			m.Channel, m.ThreadTS, m.Text = ops, card.TS, "approve"
			before := len(s.Thread(ops, card.TS))
			s.Post(m)
			ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
			defer cancel()
			if err := s.WaitFor(ctx, func() bool { return len(s.Thread(ops, card.TS)) >= before+2 }); err != nil {
				t.Fatal("it was not answered: ", err)
			}
			if run := h.Reaches("1", store.Planned); len(run.Decisions) != 0 {
				t.Errorf("it counted: %+v", run.Decisions)
			}
		})
	}
}

// What looks like a decision and is none is answered once a person and run, to that person alone; talk is left alone. The bot's mention
// in front changes nothing of a decision. Whatever was read has eyes on it.
func TestSlackWordsThatAreNearlyDecisions(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "approvals = 2")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	told := func(n int, user, part string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
		defer cancel()
		if err := s.WaitFor(ctx, func() bool { return len(s.Ephemerals(ops)) >= n }); err != nil {
			t.Fatalf("%s was not told: %v", user, err)
		}
		last := s.Ephemerals(ops)[n-1]
		if len(s.Ephemerals(ops)) != n || last.User != user || last.ThreadTS != card.TS || last.Visible() != part {
			t.Errorf("told: %+v", last)
		}
	}
	approve := "This did not count; to approve, reply approve; to refuse, reply deny"
	s.Reply(joe, ops, card.TS, "looks good to me, I look at it after lunch")
	s.Reply(joe, ops, card.TS, "ok")
	told(1, joe, approve)
	s.Reply(joe, ops, card.TS, "aprove")
	s.Post(slacktest.Message{Channel: ops, ThreadTS: card.TS, User: jane, BotID: "B0OTHER", Text: "+1"})
	s.Reply(jane, ops, card.TS, ":thumbsup:")
	told(2, jane, approve)
	s.ChangeUser(eve, func(u *slacktest.User) { u.Left = []string{ops} })
	s.Reply(eve, ops, card.TS, "retry")
	alone := said(t, s, card.TS, "This did not count; to plan it again, tell me in the channel: @sallyport plan box")

	s.Reply(jane, ops, card.TS, "<@U0OTHER> approve")
	s.Reply(jane, ops, card.TS, "please <@"+s.BotUserID()+"> approve")
	first := s.Reply(jane, ops, card.TS, "<@"+s.BotUserID()+"> approve")
	run := h.Until("1", "counted", func(r control.Run) bool { return len(r.Decisions) == 1 })
	if run.Decisions[0].By != "slack:"+jane || run.Status != store.Planned {
		t.Errorf("%+v", run)
	}
	second := s.Reply(joe, ops, card.TS, "<@"+s.BotUserID()+">, *Approve.*")
	h.Reaches("1", store.Applied)
	said(t, s, card.TS, "is applied")
	for _, ts := range []string{first, second} {
		ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
		defer cancel()
		if err := s.WaitFor(ctx, func() bool { m, _ := s.Message(ops, ts); return len(m.Reactions) == 1 && m.Reactions[0].Name == "eyes" }); err != nil {
			t.Errorf("nothing shows that the vote was read: %v", err)
		}
	}
	for _, m := range s.Thread(ops, card.TS) {
		if m.TS != alone.TS && strings.Contains(m.Text, "did not count") {
			t.Errorf("everybody was told: %s", m.Text)
		}
	}
	if n := len(s.Ephemerals(ops)); n != 2 {
		t.Errorf("%d were told", n)
	}
}

func TestSlackReplyWhileTheAgentIsDown(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	h.stop()
	s.Reply(joe, ops, card.TS, "approve")
	h.start()
	h.Reaches("1", store.Applied)
	if n := len(s.Messages(ops)); n != 1 {
		t.Errorf("%d messages in the channel after a restart", n)
	}
}

func TestSlackDeletedVoteDoesNotCount(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "approvals = 2")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	vote := s.Reply(jane, ops, card.TS, "approve")
	h.Until("1", "voted", func(r control.Run) bool { return len(r.Decisions) == 1 })
	s.Delete(ops, vote)
	h.Until("1", "withdrawn", func(r control.Run) bool { return len(r.Decisions) == 0 })
	s.Reply(joe, ops, card.TS, "approve")
	run := h.Until("1", "voted again", func(r control.Run) bool { return len(r.Decisions) == 1 })
	if run.Status != store.Planned {
		t.Errorf("status %s", run.Status)
	}
	s.Reply(jane, ops, card.TS, "approve")
	h.Reaches("1", store.Applied)
}

// Whoever looked at an approved run has put the telephone away: that it waits again is told like a new question.
func TestSlackTellsARunThatWaitsAgainLoudly(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, `mention = ["`+jane+`"]`)+asking(s)).start()
	card := said(t, s, "", "1 to create")
	if err := h.Client.Pause(context.Background(), control.PauseRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	vote := s.Reply(joe, ops, card.TS, "approve")
	h.Reaches("1", store.Approved)
	s.Delete(ops, vote)
	h.Reaches("1", store.Planned)
	loud := said(t, s, card.TS, "Back to waiting")
	if !loud.Broadcast || !strings.Contains(fmt.Sprint(loud.Active()), jane) {
		t.Errorf("it rings no phone: broadcast %v, mentions %q", loud.Broadcast, loud.Active())
	}
}

// An approval that cannot be read again does not apply anything; a vote from a shell takes its place.
func TestSlackIsDownAfterTheApproval(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	ctx := context.Background()
	if err := h.Client.Pause(ctx, control.PauseRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	s.Reply(jane, ops, card.TS, "approve")
	h.Reaches("1", store.Approved)
	s.Down()
	if _, err := h.Client.Resume(ctx, control.ResumeRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	h.Until("1", "waiting for Slack", func(r control.Run) bool { return strings.Contains(r.Held, "Slack") })
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	s.Heal()
	said(t, s, card.TS, "is applied")
}

func TestSlackLostAnswersPostNothingTwice(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	s.Fail("chat.postMessage", 2, slacktest.Fault{Kind: slacktest.LoseAnswer})
	s.Fail("chat.update", 1, slacktest.Fault{Kind: slacktest.RateLimited, RetryAfter: 1})
	s.Fail("files.completeUploadExternal", 1, slacktest.Fault{Kind: slacktest.LoseAnswer})
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	s.Reply(jane, ops, card.TS, "approve")
	h.Reaches("1", store.Applied)
	said(t, s, card.TS, "is applied")
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	if n := len(s.Messages(ops)); n != 1 {
		t.Errorf("%d messages in the channel", n)
	}
	ends, files := 0, s.Files()
	for _, m := range s.Thread(ops, card.TS) {
		if strings.Contains(m.Text, "is applied") {
			ends++
		}
	}
	if ends != 1 || len(files) != 1 {
		t.Fatalf("the outcome was told %d times, and the plan is there %d times", ends, len(files))
	}
	if now, _ := s.Message(ops, card.TS); !strings.Contains(now.Visible(), s.Permalink(files[0])) {
		t.Errorf("the file was found again, and its message does not lead to it:\n%s", now.Visible())
	}
}

func TestSlackTellsAnInterruptedApplyLoudly(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	gate := t.TempDir()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": slow(gate)})
	h := newHouse(t, box(r, `mention = ["U01JANE0"]`)+asking(s)).start()
	card := said(t, s, "", "1 to create")
	s.Reply(jane, ops, card.TS, "approve")
	h.waitFor(filepath.Join(gate, "started"))
	h.stop()
	killApply(t, filepath.Join(h.Dir, "data", "runs", "1"))
	if err := os.WriteFile(filepath.Join(gate, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	run := h.Reaches("1", store.Interrupted)
	if !strings.Contains(run.Error, "terraform_data.slow") {
		t.Errorf("what was started is not told: %q", run.Error)
	}
	loud := said(t, s, card.TS, "was interrupted")
	if !loud.Broadcast || !strings.Contains(fmt.Sprint(loud.Active()), jane) {
		t.Errorf("it rings no phone: broadcast %v, mentions %q", loud.Broadcast, loud.Active())
	}
	next := h.Reaches("2", store.Planned)
	if next.Kind != store.KindRecovery || next.After != 1 {
		t.Errorf("the recovery run: %+v", next)
	}
}
