package slacktest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/notify/slack/slacktest"
)

const (
	ops  = "C0000OPS"
	jane = "U01JANE"
)

func server(t *testing.T, with func(*slacktest.Options)) *slacktest.Server {
	t.Helper()
	o := slacktest.Options{
		Users: []slacktest.User{{ID: jane, Name: "jane"}},
		Channels: []slacktest.Channel{
			{ID: ops, Name: "ops", Member: true}, {ID: "C00QUIET", Name: "quiet"}, {ID: "C00OLD", Name: "old", Member: true, Archived: true},
			{ID: "C00SECRET", Name: "secret", Private: true},
		},
	}
	if with != nil {
		with(&o)
	}
	s, err := slacktest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

type answer map[string]any

func call(t *testing.T, s *slacktest.Server, method string, params ...string) answer {
	t.Helper()
	form := url.Values{"token": {s.Token()}}
	for i := 0; i < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	resp, err := http.PostForm(s.URL()+method, form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRefusals(t *testing.T) {
	s := server(t, nil)
	mine := call(t, s, "chat.postMessage", "channel", ops, "text", "mine")["ts"].(string)
	hers := s.Say(jane, ops, "hers")
	section := func(n int) string {
		return fmt.Sprintf(`[{"type":"section","text":{"type":"plain_text","text":%q}}]`, strings.Repeat("x", n))
	}
	tests := map[string]struct {
		method, code string
		params       []string
	}{
		"no method":             {"chat.nothing", "unknown_method", nil},
		"no channel":            {"chat.postMessage", "invalid_arguments", []string{"text", "x"}},
		"unknown channel":       {"chat.postMessage", "channel_not_found", []string{"channel", "C0NONE", "text", "x"}},
		"private channel":       {"chat.postMessage", "channel_not_found", []string{"channel", "C00SECRET", "text", "x"}},
		"not in it":             {"chat.postMessage", "not_in_channel", []string{"channel", "C00QUIET", "text", "x"}},
		"archived":              {"chat.postMessage", "is_archived", []string{"channel", "C00OLD", "text", "x"}},
		"no text":               {"chat.postMessage", "no_text", []string{"channel", ops}},
		"text too long":         {"chat.postMessage", "msg_too_long", []string{"channel", ops, "text", strings.Repeat("x", 40001)}},
		"no thread":             {"chat.postMessage", "thread_not_found", []string{"channel", ops, "text", "x", "thread_ts", "1.000001"}},
		"bad metadata":          {"chat.postMessage", "invalid_metadata_format", []string{"channel", ops, "text", "x", "metadata", `{"event_type":"x"}`}},
		"huge metadata":         {"chat.postMessage", "metadata_too_large", []string{"channel", ops, "text", "x", "metadata", `{"event_type":"x","event_payload":{"x":"` + strings.Repeat("x", 9000) + `"}}`}},
		"no blocks":             {"chat.postMessage", "invalid_blocks_format", []string{"channel", ops, "blocks", "{"}},
		"section too long":      {"chat.postMessage", "invalid_blocks", []string{"channel", ops, "blocks", section(3001)}},
		"empty section":         {"chat.postMessage", "invalid_blocks", []string{"channel", ops, "blocks", section(0)}},
		"header too long":       {"chat.postMessage", "invalid_blocks", []string{"channel", ops, "blocks", `[{"type":"header","text":{"type":"plain_text","text":"` + strings.Repeat("x", 151) + `"}}]`}},
		"header in mrkdwn":      {"chat.postMessage", "invalid_blocks", []string{"channel", ops, "blocks", `[{"type":"header","text":{"type":"mrkdwn","text":"x"}}]`}},
		"emoji in mrkdwn":       {"chat.postMessage", "invalid_blocks", []string{"channel", ops, "blocks", `[{"type":"section","text":{"type":"mrkdwn","text":"x","emoji":true}}]`}},
		"unknown block":         {"chat.postMessage", "invalid_blocks", []string{"channel", ops, "blocks", `[{"type":"nothing"}]`}},
		"same block id":         {"chat.postMessage", "invalid_blocks", []string{"channel", ops, "blocks", `[{"type":"divider","block_id":"x"},{"type":"divider","block_id":"x"}]`}},
		"51 blocks":             {"chat.postMessage", "invalid_blocks", []string{"channel", ops, "blocks", "[" + strings.Repeat(`{"type":"divider"},`, 50) + `{"type":"divider"}]`}},
		"blocks too long":       {"chat.postMessage", "msg_blocks_too_long", []string{"channel", ops, "blocks", "[" + strings.Repeat(section(2900)[1:len(section(2900))-1]+",", 4) + `{"type":"divider"}]`}},
		"update too long":       {"chat.update", "msg_too_long", []string{"channel", ops, "ts", mine, "text", strings.Repeat("x", 4001)}},
		"update of another's":   {"chat.update", "cant_update_message", []string{"channel", ops, "ts", hers, "text", "x"}},
		"update of nothing":     {"chat.update", "message_not_found", []string{"channel", ops, "ts", "1.000001", "text", "x"}},
		"delete of another's":   {"chat.delete", "cant_delete_message", []string{"channel", ops, "ts", hers}},
		"history, not in it":    {"conversations.history", "not_in_channel", []string{"channel", "C00QUIET"}},
		"replies without ts":    {"conversations.replies", "invalid_arguments", []string{"channel", ops}},
		"bad cursor":            {"conversations.history", "invalid_cursor", []string{"channel", ops, "cursor", "x"}},
		"user":                  {"users.info", "user_not_found", []string{"user", "U0NONE"}},
		"user not named":        {"users.info", "invalid_arguments", nil},
		"file without length":   {"files.getUploadURLExternal", "invalid_arguments", []string{"filename", "x", "length", "0"}},
		"file that is not here": {"files.completeUploadExternal", "file_not_found", []string{"channel_id", ops, "files", `[{"id":"F0"}]`}},
		"wrong token":           {"auth.test", "invalid_auth", []string{"token", "xoxb-no"}},
		"no token":              {"auth.test", "not_authed", []string{"token", ""}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if a := call(t, s, tt.method, tt.params...); a["ok"] != false || a["error"] != tt.code {
				t.Errorf("got %v, want %s", a, tt.code)
			}
		})
	}
}

func TestScopes(t *testing.T) {
	s := server(t, nil)
	s.SetScopes("chat:write")
	for method, scope := range map[string]string{
		"conversations.history": "channels:history", "conversations.info": "channels:read", "users.info": "users:read",
		"users.lookupByEmail": "users:read.email", "usergroups.users.list": "usergroups:read", "files.getUploadURLExternal": "files:write",
		"conversations.list": "channels:read",
	} {
		a := call(t, s, method, "channel", ops, "user", jane, "email", "x", "usergroup", "S", "filename", "x", "length", "1")
		if a["error"] != "missing_scope" || a["needed"] != scope || a["provided"] != "chat:write" {
			t.Errorf("%s: %v", method, a)
		}
	}
}

func TestTimestampsGrow(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := server(t, func(o *slacktest.Options) { o.Now = func() time.Time { return now } })
	a, b := s.Say(jane, ops, "a"), s.Say(jane, ops, "b")
	if a != "1800000000.000000" || b != "1800000000.000001" {
		t.Errorf("got %s, %s", a, b)
	}
	now = now.Add(-time.Hour) // a clock that goes back
	if c := s.Say(jane, ops, "c"); c <= b {
		t.Errorf("got %s after %s", c, b)
	}
}

func TestThreadsAndTombstones(t *testing.T) {
	s := server(t, nil)
	parent := s.Say(jane, ops, "parent")
	reply := s.Reply(jane, ops, parent, "reply")
	read := func() map[string]any {
		a := call(t, s, "conversations.history", "channel", ops)
		return a["messages"].([]any)[0].(map[string]any)
	}
	if m := read(); m["reply_count"] != 1.0 || m["latest_reply"] != reply || m["thread_ts"] != parent {
		t.Errorf("got %v", m)
	}
	s.Delete(ops, parent)
	if m := read(); m["subtype"] != "tombstone" {
		t.Errorf("got %v", m)
	}
	s.Delete(ops, reply)
	if got := s.Thread(ops, parent); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestMetadataOnlyWhenAsked(t *testing.T) {
	s := server(t, nil)
	call(t, s, "chat.postMessage", "channel", ops, "text", "x", "metadata", `{"event_type":"e","event_payload":{"a":1}}`)
	for flag, want := range map[string]bool{"1": true, "0": false} {
		a := call(t, s, "conversations.history", "channel", ops, "include_all_metadata", flag)
		if _, got := a["messages"].([]any)[0].(map[string]any)["metadata"]; got != want {
			t.Errorf("include_all_metadata=%s: %v", flag, got)
		}
	}
}

func TestWaitFor(t *testing.T) {
	s := server(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	go func() {
		for range 3 {
			s.Say(jane, ops, "tick")
		}
		s.Say(jane, ops, "tock")
	}()
	m, err := s.WaitMessage(ctx, ops, func(m slacktest.Message) bool { return m.Text == "tock" })
	if err != nil || m.User != jane || len(s.Messages(ops)) != 4 {
		t.Errorf("got %+v, %v", m, err)
	}
	go s.Reply(jane, ops, m.TS, "answer")
	if r, err := s.WaitReply(ctx, ops, m.TS, func(r slacktest.Message) bool { return r.Text == "answer" }); err != nil || r.ThreadTS != m.TS {
		t.Errorf("got %+v, %v", r, err)
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	err = s.WaitFor(over, func() bool { return false })
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "jane: tock") || !strings.Contains(err.Error(), "jane: answer") {
		t.Errorf("got %v", err)
	}
}

func TestHeldFiles(t *testing.T) {
	s := server(t, func(o *slacktest.Options) { o.HoldFiles = true })
	parent := s.Say(jane, ops, "parent")
	up := call(t, s, "files.getUploadURLExternal", "filename", "a.txt", "length", "3")
	post := func(body string) int {
		resp, err := http.Post(up["upload_url"].(string), "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if post("four") != http.StatusBadRequest || post("abc") != http.StatusOK {
		t.Error("the length is not checked")
	}
	a := call(t, s, "files.completeUploadExternal", "channel_id", ops, "thread_ts", parent,
		"files", fmt.Sprintf(`[{"id":%q,"title":"A"}]`, up["file_id"]))
	if a["ok"] != true || len(s.Thread(ops, parent)) != 0 {
		t.Errorf("got %v, %v", a, s.Thread(ops, parent))
	}
	s.ReleaseFiles()
	thread := s.Thread(ops, parent)
	if len(thread) != 1 || thread[0].Subtype != "file_share" || thread[0].Files[0].Content != "abc" {
		t.Errorf("got %+v", thread)
	}
}

func TestOutage(t *testing.T) {
	s := server(t, nil)
	s.Down()
	if resp, err := http.PostForm(s.URL()+"auth.test", url.Values{"token": {s.Token()}}); err == nil {
		_ = resp.Body.Close()
		t.Error("an answer during an outage")
	}
	s.Heal()
	if a := call(t, s, "auth.test"); a["ok"] != true || s.Calls("auth.test") != 2 {
		t.Errorf("got %v after %d calls", a, s.Calls("auth.test"))
	}
}

func TestActive(t *testing.T) {
	m := slacktest.Message{
		BotID: "B1", Text: "hi <@U1> &lt;!channel&gt;", Sent: map[string]string{"parse": "client", "link_names": "true"},
		Blocks: []map[string]any{
			{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": "<!here> https://a.example"}},
			{"type": "section", "text": map[string]any{"type": "mrkdwn", "verbatim": true, "text": "https://b.example"}},
			{"type": "section", "text": map[string]any{"type": "plain_text", "text": "<!channel> https://c.example"}},
			{"type": "rich_text", "elements": []any{map[string]any{"type": "rich_text_section", "elements": []any{
				map[string]any{"type": "user", "user_id": "U2"}, map[string]any{"type": "text", "text": "<!channel>"},
			}}}},
		},
	}
	want := `<@U1> parse=client link_names <!here> https://a.example {"type":"user","user_id":"U2"}`
	if got := strings.Join(m.Active(), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := m.Visible(); !strings.Contains(got, "<!channel> https://c.example") {
		t.Errorf("got %s", got)
	}
}
