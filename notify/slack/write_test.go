package slack_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sallyport/notify/slack"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

func TestPostAndUpdateCard(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	card := testCard()
	ts := must[string](t)(c.PostCard(deadline(t), ops, card))
	m, ok := s.Message(ops, ts)
	if !ok {
		t.Fatal("not there")
	}
	if want := "PROD ghe #12: 1 to create, 1 to destroy. Reply approve destroy or deny"; m.Text != want {
		t.Errorf("text %q, want %q", m.Text, want)
	}
	for _, want := range []string{
		"✋ PROD ghe #12: planned", "<@U01JANE> <!subteam^S01OPS>", "1. -   destroy aws_instance.old",
		"commit 1a2b3c4d5e by Jane Doe: Move the code host", "Reply approve destroy in this thread",
		"sallyport #12 · digest 3f2a9c013f · agent 5d41402abc",
	} {
		if !strings.Contains(m.Visible(), want) {
			t.Errorf("%q is not in\n%s", want, m.Visible())
		}
	}
	wantRun(t, m, card.Plan.Digest)
	if got := m.Active(); !slices.Equal(got, []string{"<@U01JANE>", "<!subteam^S01OPS>"}) {
		t.Errorf("active: %q", got)
	}

	card.Status, card.Apply = store.Applying, &store.Apply{Done: 1, Total: 2, Current: "aws_instance.ghe"}
	card.Decisions = []store.Decision{{Verdict: store.Approve, By: "slack:U01JANE"}, {Verdict: store.Approve, By: "cli:*bob*"}}
	if err := c.UpdateCard(deadline(t), ops, ts, card); err != nil {
		t.Fatal(err)
	}
	m, _ = s.Message(ops, ts)
	if m.Text != "PROD ghe #12: applying 1 of 2" || !strings.Contains(m.Visible(), "<@U01JANE> approved · `cli:*bob*` approved") {
		t.Errorf("got %q\n%s", m.Text, m.Visible())
	}
	if got := m.Active(); !slices.Equal(got, []string{"<@U01JANE>"}) { // nobody is needed now: the voter only
		t.Errorf("active: %q", got)
	}
	wantRun(t, m, card.Plan.Digest)
	if len(s.Messages(ops)) != 1 {
		t.Error("an edit posted something")
	}
}

func wantRun(t *testing.T, m slacktest.Message, wantDigest string) {
	t.Helper()
	run, stack, digest, agent, ok := m.Run()
	if !ok || run != 12 || stack != "ghe" || digest != wantDigest || agent != "5d41402abc4b2a76" {
		t.Errorf("metadata: %s", m.Metadata)
	}
}

func TestHugeCards(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	card := testCard()
	card.Plan = manyChanges(10000, numbered)
	ts := must[string](t)(c.PostCard(deadline(t), ops, card))
	m, _ := s.Message(ops, ts)
	visible := m.Visible()
	if !strings.Contains(visible, "\n    1. -   destroy module.services[0]") || !strings.Contains(visible, " more: sallyport show 12 lists them all") {
		t.Errorf("got %s", visible)
	}
	if s.Calls("chat.postMessage") != 1 {
		t.Error("the first try did not fit")
	}
	card.Plan = manyChanges(100, func(int) string { return strings.Repeat("<&>\"\\ü", 2000) })
	card.Status, card.Error = store.Errored, strings.Repeat("\"<&>\n", 5000)
	card.Subject, card.Reason, card.Hint = strings.Repeat("&", 9000), strings.Repeat("<", 9000), strings.Repeat(">", 9000)
	card.Stack, card.Label = strings.Repeat("<s>", 300), strings.Repeat("L", 300)
	for range 8 {
		text := strings.Repeat(strings.Repeat("<h>", 80)+"\n", 8)
		card.Hooks = append(card.Hooks, store.HookNote{Hook: "after_plan", Command: "sh", Warns: true, Text: text}, store.HookNote{Hook: "after_plan", Text: text})
	}
	for range 60 {
		card.Decisions = append(card.Decisions, store.Decision{Verdict: store.Deny, By: "slack:U01JANE", Text: "deny " + strings.Repeat("<", 500)})
		card.Warnings = append(card.Warnings, strings.Repeat("<w>", 100))
	}
	if err := c.UpdateCard(deadline(t), ops, ts, card); err != nil {
		t.Fatal(err)
	}
	if s.Calls("chat.update") != 1 {
		t.Errorf("the first try did not fit: %v", s.Requests("chat.update")[0].Answer)
	}
}

func TestSmallerCardWhenRefused(t *testing.T) {
	s := workspace(t, func(o *slacktest.Options) { o.MaxBlocks = 2500 })
	c := client(t, s, nil)
	card := testCard()
	card.Plan = manyChanges(500, numbered)
	ts := must[string](t)(c.PostCard(deadline(t), ops, card))
	if n := s.Calls("chat.postMessage"); n != 2 || len(s.Messages(ops)) != 1 {
		t.Errorf("%d calls, %d messages", n, len(s.Messages(ops)))
	}
	m, _ := s.Message(ops, ts)
	if !strings.Contains(m.Visible(), "Reply approve destroy") || !strings.Contains(m.Visible(), "and 490 more") {
		t.Errorf("got %s", m.Visible())
	}
	s.Fail("chat.update", 2, slacktest.Fault{Kind: slacktest.Refuse, Code: "invalid_blocks"})
	if err := c.UpdateCard(deadline(t), ops, ts, card); err != nil {
		t.Fatal(err)
	}
	m, _ = s.Message(ops, ts)
	if v := m.Visible(); !strings.Contains(v, "Reply approve destroy") || strings.Contains(v, "module.services") {
		t.Errorf("the least card: %s", v)
	}
	s.Fail("chat.update", 9, slacktest.Fault{Kind: slacktest.Refuse, Code: "msg_blocks_too_long"})
	if err := c.UpdateCard(deadline(t), ops, ts, card); err == nil || s.Calls("chat.update") != 6 {
		t.Errorf("got %v after %d calls", err, s.Calls("chat.update"))
	}
}

// However little room there is, an error's first line is on the card: it is why the run failed.
func TestErrorOnSmallerCards(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	card := testCard()
	ts := must[string](t)(c.PostCard(deadline(t), ops, card))
	card.Status, card.Error = store.Errored, "no such key\n  on main.tf line 1"
	for refused := range 3 {
		if refused > 0 {
			s.Fail("chat.update", refused, slacktest.Fault{Kind: slacktest.Refuse, Code: "invalid_blocks"})
		}
		if err := c.UpdateCard(deadline(t), ops, ts, card); err != nil {
			t.Fatal(err)
		}
		m, _ := s.Message(ops, ts)
		if v := m.Visible(); !strings.Contains(v, "no such key") || refused == 0 != strings.Contains(v, "line 1") {
			t.Errorf("after %d refusals the card says %s", refused, v)
		}
	}
}

func TestPostText(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	parent := s.Say(jane, ops, "parent")
	text := "line one\nline <two> & `code` *bold* https://evil.example <!channel>"
	ts := must[string](t)(c.PostText(deadline(t), slack.Post{
		Channel: ops, Thread: parent, Text: text, Broadcast: true, Key: "run/12/end", Agent: "a1", Run: 12,
		Mention: []string{"S01OPS", "not an id", "<!here>", jane},
	}))
	m, _ := s.Message(ops, ts)
	if !strings.Contains(m.Visible(), strings.Replace(text, "<!channel>", "channel", 1)) || m.Subtype != "thread_broadcast" || m.ThreadTS != parent {
		t.Errorf("got %+v", m)
	}
	if got := m.Active(); !slices.Equal(got, []string{"<!subteam^S01OPS>", "<@U01JANE>"}) {
		t.Errorf("active: %q", got)
	}
	ts = must[string](t)(c.PostText(deadline(t), slack.Post{Channel: ops, Text: strings.Repeat("long line\n", 9000), Key: "k"}))
	if m, _ := s.Message(ops, ts); len([]rune(m.Visible())) > 6500 || !strings.Contains(m.Visible(), "…") {
		t.Errorf("%d characters", len([]rune(m.Visible())))
	}
	if _, err := c.PostText(deadline(t), slack.Post{Channel: ops, Key: "empty"}); err != nil {
		t.Error(err)
	}
	_, err := c.PostText(deadline(t), slack.Post{Channel: "C000OLD01", Text: "x"})
	wantError(t, err, "is_archived", "unarchive")
	_, err = c.PostText(deadline(t), slack.Post{Channel: ops, Thread: "1.000001", Text: "x"})
	wantError(t, err, "thread_not_found", "")
	s.DropScopes("chat:write")
	_, err = c.PostText(deadline(t), slack.Post{Channel: ops, Text: "x"})
	wantError(t, err, "missing_scope", "chat:write")
}

func TestUploadFile(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	parent := must[string](t)(c.PostCard(deadline(t), ops, testCard()))
	for _, f := range []slack.File{
		{Name: "plan-12-3f2a9c01.txt", Title: "plan of ghe #12", Content: strings.Repeat("  + aws_instance.ghe <!channel> ü\n", 200000)},
		{Name: "../../etc/empty\x1b[31m.txt", Content: ""},
		{Name: "bad.txt", Content: "a\xffb", Comment: "<!here>"},
	} {
		f.Channel, f.Thread = ops, parent
		link := must[string](t)(c.UploadFile(deadline(t), f))
		if again, found, err := c.FindFile(deadline(t), ops, parent, f.Name); err != nil || !found || again != link {
			t.Errorf("%s: found %v, at %q instead of %q, %v", f.Name, found, again, link, err)
		}
		if files := s.Files(); link != s.Permalink(files[len(files)-1]) || !strings.HasPrefix(link, "https://home.slack.com/files/U0SALLY/F") {
			t.Errorf("%s: its address is %q", f.Name, link)
		}
	}
	files := s.Files()
	if len(files) != 3 || files[0].Thread != parent || files[1].Name != "empty.txt" || files[2].Content != "a\uFFFDb" {
		t.Errorf("got %d files: %.200v", len(files), files[1:])
	}
	for _, m := range s.Thread(ops, parent) {
		m.Sent = map[string]string{"parse": "none"} // a file's comment has no such parameter
		if got := m.Active(); len(got) != 0 {
			t.Errorf("active: %q", got)
		}
	}
	if _, found, err := c.FindFile(deadline(t), ops, parent, "other.txt"); err != nil || found {
		t.Errorf("got %v, %v", found, err)
	}
	s.Post(slacktest.Message{Channel: ops, User: jane, ThreadTS: parent, Files: []slacktest.File{{Name: "other.txt"}}})
	if _, found, _ := c.FindFile(deadline(t), ops, parent, "other.txt"); found {
		t.Error("somebody else's file was taken for ours")
	}
	s.DropScopes("files:write")
	_, err := c.UploadFile(deadline(t), slack.File{Channel: ops, Name: "x", Content: "x"})
	wantError(t, err, "missing_scope", "files:write")
}

// Where an upload is answered with no address of the file there is none, and nothing fails.
func TestUploadFileWithoutAnAddress(t *testing.T) {
	t.Parallel()
	s := workspace(t, func(o *slacktest.Options) { o.BareFiles = true })
	c := client(t, s, nil)
	parent := must[string](t)(c.PostCard(deadline(t), ops, testCard()))
	link := must[string](t)(c.UploadFile(deadline(t), slack.File{Channel: ops, Thread: parent, Name: "plan.txt", Content: "plan"}))
	again, found, err := c.FindFile(deadline(t), ops, parent, "plan.txt")
	if link != "" || again != "" || !found || err != nil {
		t.Errorf("addresses %q and %q, found %v, %v", link, again, found, err)
	}
}

// A card leads to the whole plan where its address is known, names the place where it is not, and is led nowhere else.
func TestCardLeadsToTheWholePlan(t *testing.T) {
	t.Parallel()
	const link = "https://home.slack.com/files/U0SALLY/F1/plan-12-3f2a9c013f.txt"
	for _, c := range []struct {
		name, url string
		thread    bool
		says      string // empty: nothing of it
		active    []string
	}{
		{name: "not there yet"},
		{name: "with an address", url: link, thread: true, says: "<" + link + "|The whole plan>, a file in this thread", active: []string{"<" + link + "|The whole plan>"}},
		{name: "without one", thread: true, says: "The whole plan is a file in this thread"},
		{name: "in the thread of an earlier message", url: link, says: "<" + link + "|The whole plan>", active: []string{"<" + link + "|The whole plan>"}},
		{name: "markup for an address", url: "https://home.slack.com/|x> <!here", thread: true, says: "The whole plan is a file in this thread"},
		{name: "a program for an address", url: "javascript:alert(1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := workspace(t, nil)
			card := testCard()
			card.Mention, card.PlanURL, card.PlanThread = nil, c.url, c.thread
			ts := must[string](t)(client(t, s, nil).PostCard(deadline(t), ops, card))
			m, _ := s.Message(ops, ts)
			if lines := strings.Split(m.Visible(), "\n"); c.says != "" && !slices.Contains(lines, c.says) {
				t.Errorf("no line %q in\n%s", c.says, m.Visible())
			}
			if c.says == "" && strings.Contains(m.Visible(), "whole plan") {
				t.Errorf("it names a plan that is nowhere:\n%s", m.Visible())
			}
			if got := m.Active(); !slices.Equal(got, c.active) {
				t.Errorf("it leads to %q, want %q", got, c.active)
			}
		})
	}
}

func TestFindCardAndText(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	ctx := deadline(t)
	meta := `{"event_type":"sallyport_run","event_payload":{"run":12,"agent":"5d41402abc4b2a76"}}`
	s.Post(slacktest.Message{Channel: ops, User: "U06BOT", BotID: "B06", Metadata: []byte(meta), Text: "forged"})
	s.Post(slacktest.Message{Channel: ops, User: jane, Metadata: []byte(meta), Text: "forged"})
	find := func(run int, agent string) string {
		ts, ok, err := c.FindCard(ctx, ops, run, agent, "")
		if err != nil || ok != (ts != "") {
			t.Fatal(ts, ok, err)
		}
		return ts
	}
	card := testCard()
	if ts := find(12, card.Agent); ts != "" {
		t.Errorf("found a forged one: %s", ts)
	}
	first := must[string](t)(c.PostCard(ctx, ops, card))
	second := must[string](t)(c.PostCard(ctx, ops, card))
	if got := find(12, card.Agent); got != first {
		t.Errorf("got %s, want %s before %s", got, first, second)
	}
	if find(13, card.Agent) != "" || find(12, "other") != "" {
		t.Error("found another run's or agent's card")
	}
	if ts, ok, err := c.FindCard(ctx, ops, 12, card.Agent, second); err != nil || !ok || ts != second {
		t.Errorf("from the second on: %v, %v, %v", ts, ok, err)
	}

	post := slack.Post{Channel: ops, Thread: first, Text: "done", Key: "run/12/end", Agent: "a1", Run: 12}
	if _, ok, err := c.FindText(ctx, ops, first, post.Key, "a1", ""); ok || err != nil {
		t.Error(ok, err)
	}
	ts := must[string](t)(c.PostText(ctx, post))
	if got, ok, err := c.FindText(ctx, ops, first, post.Key, "a1", ""); err != nil || !ok || got != ts {
		t.Error(got, ok, err)
	}
	post.Thread = ""
	note := must[string](t)(c.PostText(ctx, post))
	if got, ok, err := c.FindText(ctx, ops, "", post.Key, "a1", ""); err != nil || !ok || got != note {
		t.Error(got, ok, err)
	}
	if _, ok, _ := c.FindText(ctx, ops, "", "run/12/other", "a1", ""); ok {
		t.Error("found another key")
	}
	if link := must[string](t)(c.Permalink(ctx, ops, first)); !strings.HasPrefix(link, "https://home.slack.com/archives/"+ops) {
		t.Error(link)
	}
	if _, err := c.Permalink(ctx, ops, "1.000001"); err == nil {
		t.Error("a link to nothing")
	}
}

// A message leads to others, and nothing in a label or an address can make more of it.
func TestLinks(t *testing.T) {
	t.Parallel()
	s := workspace(t, nil)
	c := client(t, s, nil)
	ts := must[string](t)(c.PostText(deadline(t), slack.Post{Channel: ops, Text: "look there", Links: []store.Link{
		{Text: "#2 box", URL: "https://home.slack.com/archives/C1/p2"}, {Text: "<!channel> & |", URL: "https://home.slack.com/p3"},
		{Text: "worse", URL: "https://home.slack.com/p4|<!here>"}, {Text: "script", URL: "javascript:alert(1)"}, {Text: "nowhere"},
	}}))
	m, _ := s.Message(ops, ts)
	want := []string{"<https://home.slack.com/archives/C1/p2|#2 box>", "<https://home.slack.com/p3|&lt;!channel&gt; &amp; |>"}
	if got := m.Active(); !slices.Equal(got, want) {
		t.Errorf("it leads to %q, want %q", got, want)
	}
}

// Where no answer comes at all it is told what to look at.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	s := workspace(t, nil)
	c := client(t, s, nil)
	s.Close()
	_, err := c.PostText(deadline(t), slack.Post{Channel: ops, Text: "x"})
	var told *slack.Error
	if !errors.As(err, &told) || !strings.Contains(told.Hint, "can this machine reach 127.0.0.1:") || !strings.Contains(told.Hint, "HTTPS_PROXY") {
		t.Errorf("got %v, and the hint %+v", err, told)
	}
}
