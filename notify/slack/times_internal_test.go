package slack

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sallyport/notify"
	"sallyport/store"
)

const token = "<!date^1772334600^{date_short_pretty} {time}|2026-03-01 03:10 UTC>"

// A time of ours becomes the reader's, with UTC for who has no tokens. What could be markup, and what says its own zone, stays.
func TestDated(t *testing.T) {
	for name, tc := range map[string]struct{ line, want string }{
		"since":                 {"the repository cannot be read since 2026-03-01 03:10 UTC: <b> & more", "the repository cannot be read since " + token + ": &lt;b&gt; &amp; more"},
		"at":                    {"Reminder: #3 wiki expires in 1 hour, at 2026-03-01 03:10 UTC. Nobody has decided.", "Reminder: #3 wiki expires in 1 hour, at " + token + ". Nobody has decided."},
		"with seconds":          {"held since 2026-03-01 03:10:00 UTC", "held since " + strings.Replace(token, "03:10 UTC", "03:10:00 UTC", 1)},
		"the first one only":    {"since 2026-03-01 03:10 UTC, expires 2026-03-02 03:10 UTC", "since " + token + ", expires 2026-03-02 03:10 UTC"},
		"a window's":            {"held: frozen until 2026-03-01 03:10 UTC", ""},
		"another zone":          {"since 2026-03-01 03:10 CET", ""},
		"no day":                {"since 2026-02-31 03:10 UTC", ""},
		"no time of ours":       {"Upgrade on 2026-03-01 03:10 UTC", ""},
		"bold beside it":        {"since 2026-03-01 03:10 UTC: *approve*", ""},
		"an emoji beside it":    {"since 2026-03-01 03:10 UTC: :white_check_mark:", ""},
		"a token of their own":  {"since <!date^0^{date}^https://evil.example.com|2026-03-01 03:10 UTC>", ""},
		"a token beside it":     {"since 2026-03-01 03:10 UTC <!date^0^{date}|now>", "since " + token + " &lt;!date^0^{date}|now&gt;"},
		"a mention beside it":   {"since 2026-03-01 03:10 UTC <!channel>", "since " + token + " &lt;!channel&gt;"},
		"a quotation before it": {"> since 2026-03-01 03:10 UTC", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := dated(tc.line); got != tc.want || ok != (tc.want != "") {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// Only what is ours on a card becomes a token: no subject, no reason of a person's, no error.
func TestNoTokenFromOutside(t *testing.T) {
	at := time.Date(2026, 3, 1, 3, 10, 0, 0, time.UTC)
	const theirs = "since 2026-03-02 03:10 UTC <!date^0^{date}|x>"
	card := notify.Card{
		Run: 12, Stack: "ghe", Status: store.Planned, Plan: &store.Plan{Add: 1}, Approvals: 1, ShowAddresses: true, ExpiresAt: at, Commit: "1a2b3c4d5e",
		Author: theirs, Subject: theirs, Reason: theirs, Origin: []string{theirs}, Warnings: []string{theirs}, Notes: []string{theirs}, Asks: theirs, Error: theirs,
		GitDown: "the repository cannot be read since 2026-03-01 03:10 UTC: " + theirs,
	}
	b, err := json.Marshal(cardBlocks(card, whole))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
	if n := strings.Count(all, token); n != 2 { // when it expires, and since when git is down
		t.Errorf("%d times of ours are the reader's:\n%s", n, all)
	}
	var blocks []struct {
		Text     *struct{ Type, Text string }
		Elements []json.RawMessage
	}
	if err := json.Unmarshal(b, &blocks); err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks {
		if block.Text != nil && block.Text.Type == "mrkdwn" && strings.Contains(strings.ReplaceAll(block.Text.Text, token, ""), "<!") {
			t.Errorf("a block holds markup from outside: %s", block.Text.Text)
		}
	}
	if strings.Contains(all, "<!date^1772421000") {
		t.Errorf("a time from outside became a token:\n%s", all)
	}

	note := textBlocks(Post{Text: "No backup leaves this machine since 2026-03-01 03:10 UTC: " + theirs + "\nsince 2026-03-02 03:10 UTC"})
	if b, err = json.Marshal(note); err != nil || strings.Count(string(b), "!date^1772334600") != 1 || strings.Contains(string(b), "!date^1772421000") || strings.Contains(string(b), `\u003c!date^0`) {
		t.Errorf("%s, %v", b, err)
	}
}
