package configs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/notify/webhook"
	"sallyport/store"
)

// The notify commands among the examples read what the agent writes, and hand on its text, its id and its link. What they call is played:
// curl and sendmail keep what they got.
func TestExampleReceivers(t *testing.T) {
	jq := need.Program(t, "jq")
	event := webhook.Of("3f2a9c013f", "https://example.slack.com/p1", &store.Message{
		Run: 12, Stack: "ghe", Text: `PROD "größe" #12 waits for approval: 1 to create`, CreatedAt: time.Date(2026, 3, 1, 3, 10, 0, 0, time.UTC),
		Word: &store.Word{Event: "waiting", Commands: []string{"sallyport show 12", "sallyport approve 12"}},
	})
	bare := event
	bare.Link = ""
	run := func(t *testing.T, script string, e webhook.Event) string {
		t.Helper()
		dir := t.TempDir()
		for _, name := range []string{"curl", "sendmail"} {
			played := "#!/bin/sh\nfor word; do case $word in /dev/fd/*) cat $word >> $OUT.config;; esac; done\necho $* > $OUT.words\ncat > $OUT\n"
			if err := os.WriteFile(filepath.Join(dir, name), []byte(played), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		out := filepath.Join(dir, "out")
		cmd := exec.Command(filepath.Join(examples, "notify", script))
		cmd.Stdin = strings.NewReader(string(e.JSON()))
		cmd.Env = []string{
			"PATH=" + dir + ":" + filepath.Dir(jq) + ":/usr/bin:/bin", "OUT=" + out,
			"ROUTING_KEY=secret-key", "TEAMS_URL=https://teams.example.com/secret-key", "MAILTO=ops@example.com",
		}
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", script, err, said)
		}
		words, err := os.ReadFile(out + ".words")
		if err != nil || strings.Contains(string(words), "secret-key") {
			t.Errorf("everybody can read the words of %s, %v", words, err)
		}
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		config, err := os.ReadFile(out + ".config")
		if script == "teams.sh" && (err != nil || string(config) != "url = \"https://teams.example.com/secret-key\"\n") {
			t.Errorf("curl reads %q, %v", config, err)
		}
		return string(got)
	}
	t.Run("pager", func(t *testing.T) {
		var got struct {
			RoutingKey string `json:"routing_key"`
			Dedup      string `json:"dedup_key"`
			Payload    struct{ Summary, Severity, Timestamp string }
			Links      []struct{ Href string }
		}
		if err := json.Unmarshal([]byte(run(t, "pagerduty.sh", event)), &got); err != nil {
			t.Fatal(err)
		}
		if got.RoutingKey != "secret-key" || got.Dedup != event.ID || got.Payload.Summary != event.Text || got.Payload.Severity != "warning" ||
			got.Payload.Timestamp != "2026-03-01T03:10:00Z" || len(got.Links) != 1 || got.Links[0].Href != event.Link {
			t.Errorf("%+v", got)
		}
	})
	t.Run("teams", func(t *testing.T) {
		got := run(t, "teams.sh", event)
		text, err := json.Marshal(event.Text)
		if err != nil || !json.Valid([]byte(got)) || !strings.Contains(got, string(text)) || !strings.Contains(got, `"url":"`+event.Link+`"`) {
			t.Errorf("%s, %v", got, err)
		}
		if got := run(t, "teams.sh", bare); !strings.Contains(got, `"actions":[]`) {
			t.Errorf("without a link: %s", got)
		}
	})
	t.Run("mail", func(t *testing.T) {
		got := run(t, "mail.sh", event)
		head, body, _ := strings.Cut(got, "\n\n")
		if !strings.HasPrefix(head, "To: ops@example.com\nSubject: =?UTF-8?B?") || !strings.Contains(head, "\nMessage-ID: <3f2a9c013f.12.waiting@sallyport.invalid>\n") ||
			body != event.Text+"\n\n"+event.Link+"\n\nsallyport show 12\nsallyport approve 12\n\nwaiting at 2026-03-01T03:10:00Z\n" {
			t.Errorf("%s", got)
		}
	})
}
