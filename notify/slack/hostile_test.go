package slack_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"sallyport/agent/need"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// hostile are texts that somebody who can write to a repository would try.
func hostile() []string {
	return []string{
		"<!channel> <!here> <!everyone>", "<@U01JANE> <@U02BOB|bob>", "<!subteam^S01OPS|@ops>", "<#C0000OPS|ops>",
		"<https://evil.example|approve>", "https://evil.example/x?y=1&z=2", "www.evil.example", "mailto:x@evil.example",
		"<!date^1392734382^{date}|x>", "&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;", "@channel @here @jane #ops",
		"```\n<!channel>\n```", "`<!channel>`", "*bold* _it_ ~no~ `code`", ":bomb: :white_check_mark:", "> quote\n>>> more",
		"\x1b[2J\x1b]0;title\a\x1b[31mred", "\u202eevorppa\u202c", "app\u200brove", "a\u2028b\u2029c", "a\x00b\x9bc\xff",
		`"quoted" 'single' \back\slash \u003c!channel\u003e`, `{"type":"user","user_id":"U01JANE"}`, "</blocks>]}",
		strings.Repeat("<", 4000), strings.Repeat("\n", 4000), strings.Repeat("🟥", 4000), "", " ",
		`module.a["<!channel>"].aws_ebs_volume.v["https://evil.example"]`,
	}
}

// TestNothingMentionsOrLinks puts every hostile text everywhere and asks the fake for everything that mentions or
// links: only the ids that we named ourselves may be there.
func TestNothingMentionsOrLinks(t *testing.T) {
	need.OneGoroutine(t)
	s := workspace(t, nil)
	c := client(t, s, nil)
	for i, evil := range append(hostile(), strings.Join(hostile(), " ")) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			card := hostileCard(evil)
			ts := must[string](t)(c.PostCard(deadline(t), ops, card))
			for status := range store.Transitions() {
				for _, show := range []bool{true, false} {
					card.Status, card.ShowAddresses = status, show
					if err := c.UpdateCard(deadline(t), ops, ts, card); err != nil {
						t.Fatal(status, err)
					}
					m, _ := s.Message(ops, ts)
					harmless(t, m)
				}
			}
			note := must[string](t)(c.PostText(deadline(t), slack.Post{
				Channel: ops, Thread: ts, Text: evil, Key: evil, Agent: evil, Run: 12, Mention: []string{evil, jane},
			}))
			m, _ := s.Message(ops, note)
			harmless(t, m)
			if _, ok, err := c.FindText(deadline(t), ops, ts, evil, evil, ""); !ok || err != nil {
				t.Errorf("not found again: %v", err)
			}
			if _, err := c.UploadFile(deadline(t), slack.File{Channel: ops, Thread: ts, Name: "p" + evil, Title: evil, Content: evil, Comment: evil}); err != nil {
				t.Fatal(err)
			}
			thread := s.Thread(ops, ts)
			file := thread[len(thread)-1]
			file.Sent = map[string]string{"parse": "none"}
			harmless(t, file)
		})
	}
}

func hostileCard(evil string) notify.Card {
	card := testCard()
	card.Label, card.Stack, card.Author, card.Subject, card.Reason, card.RequestedBy = evil, evil, evil, evil, evil, "slack:"+evil
	card.Buttons = true
	card.Position, card.GitDown, card.Held, card.Error, card.Hint, card.Headline = evil, evil, evil, evil, evil, evil
	card.Warnings, card.Mention, card.Agent, card.Commit = []string{evil, evil}, []string{evil, jane, "U1>", "@here", "here"}, evil, evil
	card.Hooks = []store.HookNote{
		{Hook: "after_plan", Command: evil, Text: evil, Warns: true, Facts: []store.HookFact{{Name: evil, Value: evil}}},
		{Hook: "after_plan", Command: evil, Text: evil},
	}
	card.Decisions = []store.Decision{
		{Verdict: store.Deny, By: "slack:" + evil, Text: "deny " + evil, Withdrawn: evil},
		{Verdict: store.Approve, By: "cli:" + evil, Text: "approve"},
		{Verdict: store.Approve, By: "slack:" + bob},
	}
	card.Apply = &store.Apply{Done: 1, Total: 2, Current: evil, Open: []string{evil}, Outputs: []string{evil}}
	card.Plan.Changes = append(card.Plan.Changes, store.Change{Address: evil, Actions: []string{evil}, Previous: evil, Protected: true})
	card.Options = store.PlanOptions{Replace: []string{evil, evil}, Vars: []string{evil}, Images: map[string]string{evil: evil}, Back: true}
	card.Plan.Outputs = []store.Output{{Name: evil, Actions: []string{evil}}}
	return card
}

// harmless holds a message as Slack stored it, and as it was sent, against what may be active in it.
func harmless(t *testing.T, m slacktest.Message) {
	t.Helper()
	for _, a := range m.Active() {
		if !slices.Contains([]string{"<@" + jane + ">", "<@" + bob + ">"}, a) {
			t.Errorf("active: %s", a)
		}
	}
	blocks, err := json.Marshal(m.Blocks)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range m.Text + m.Visible() {
		if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) {
			t.Errorf("%U is in the message: %.300s", r, blocks)
			break
		}
	}
	for _, b := range m.Blocks {
		oneFormat(t, b)
	}
}

// oneFormat: text from outside that stands in mrkdwn is inside one pair of backticks, which it cannot leave.
func oneFormat(t *testing.T, b map[string]any) {
	t.Helper()
	elements, _ := b["elements"].([]any)
	for _, e := range append(elements, b["text"]) {
		text, _ := e.(map[string]any)
		if text["type"] != "mrkdwn" {
			continue
		}
		body, _ := text["text"].(string)
		if strings.Count(body, "`")%2 != 0 || strings.Contains(body, "\n") {
			t.Errorf("broken out: %q", body)
		}
	}
}

// TestErrorsCarryNothing: what a server answers cannot forge a line of the log.
func TestErrorsCarryNothing(t *testing.T) {
	s := workspace(t, nil)
	s.Fail("", 1, slacktest.Fault{Kind: slacktest.Refuse, Code: "bad\n\x1b[31mforged"})
	_, err := client(t, s, nil).History(deadline(t), ops, "")
	if err == nil || strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("got %q", err)
	}
}
