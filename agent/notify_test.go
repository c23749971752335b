package agent_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/notify/webhook"
	"sallyport/store"
)

// pager is where events are posted to: one receiver cuts its first answer off, one hangs, one refuses.
type pager struct {
	t    *testing.T
	url  string
	told chan webhook.Event // of the first one, each try
}

func newPager(t *testing.T) *pager {
	t.Helper()
	p := &pager{t: t, told: make(chan webhook.Event, 100)}
	over, first := make(chan struct{}), true
	mux := http.NewServeMux()
	mux.HandleFunc("/cuts", func(_ http.ResponseWriter, r *http.Request) { // one request at a time: there is one loop
		var e webhook.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || r.Header.Get("Authorization") != "Bearer canary-secret" {
			t.Errorf("%v: %v", r.Header, err)
		}
		p.told <- e
		if first {
			first = false
			panic(http.ErrAbortHandler)
		}
	})
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-over:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/refuses", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "canary-secret", http.StatusForbidden) })
	s := httptest.NewServer(mux)
	t.Cleanup(func() { close(over); s.Close() })
	p.url = s.URL
	return p
}

// next is the next try to tell it something.
func (p *pager) next() webhook.Event {
	p.t.Helper()
	select {
	case e := <-p.told:
		return e
	case <-time.After(patience.Limit()):
		p.t.Fatal("the receiver was told nothing")
		return webhook.Event{}
	}
}

// Receivers are told once of each event of a run, again and under the same id after an answer that was lost. One that hangs or
// refuses holds up nobody else; that shows in status, until a reload takes it away with what it was not told.
func TestReceivers(t *testing.T) {
	t.Parallel()
	p, r := newPager(t), newRepository(t)
	commit := r.commit("Add canary-secret", map[string]string{"box/main.tf": data("a", "canary-secret")})
	mail := filepath.Join(t.TempDir(), "mail")
	const events = `events = ["waiting", "errored", "interrupted", "drift", "blocked"]`
	good := fmt.Sprintf(`
notify "pager" {
  %[1]s
  stacks  = ["b*"]
  url     = "%[2]s/cuts"
  headers = { Authorization = "Bearer canary-secret" }
}
notify "mail" {
  %[1]s
  command = ["/bin/sh", "-c", "cat >> $OUT"]
  env     = { OUT = %[3]q }
}
notify "others" {
  %[1]s
  stacks  = ["net", "bo"]
  command = ["/bin/sh", "-c", "cat >> $OUT"]
  env     = { OUT = %[3]q }
}
`, events, p.url, mail)
	bad := fmt.Sprintf("notify \"hangs\" {\n  %[1]s\n  url = \"%[2]s/hangs?canary-secret\"\n  timeout = \"1s\"\n}\nnotify \"refuses\" {\n  %[1]s\n  url = \"%[2]s/refuses\"\n}\n", events, p.url)
	h := newHouse(t, box(r, "label = \"PROD\"")+good+bad).start()

	want := webhook.Event{
		Version: 1, Event: "waiting", Stack: "box", Label: "PROD", Repository: "infra", Run: 1, Kind: "commit", Status: "planned", Commit: commit,
		Plan: &webhook.Plan{Add: 1}, Text: "PROD box #1 waits for approval: 1 to create, nothing destroyed",
		Commands: []string{"sallyport show 1", "sallyport approve 1", "sallyport deny 1"},
	}
	cut, again := p.next(), p.next()
	if cut.ID == "" || cut.ID != again.ID || !cut.At.Equal(again.At) || cut.At.Location() != time.UTC {
		t.Errorf("after the lost answer %+v\ncame %+v", cut, again)
	}
	want.ID, want.At, want.Agent = cut.ID, cut.At, cut.Agent
	if got, wanted := string(again.JSON()), string(want.JSON()); got != wanted {
		t.Errorf("it was told\n%s, want\n%s", got, wanted)
	}
	s := h.Eventually("two receivers are stuck", func(s control.Status) bool {
		return problem(s, "notify hangs") != nil && problem(s, "notify refuses") != nil && s.Outbox == 2
	})
	for _, name := range []string{"hangs", "refuses"} {
		if e := problem(s, "notify "+name); !strings.Contains(e.Error, name+" was not told that PROD box #1 waits for approval") || strings.Contains(e.Error, "canary") || e.Hint == "" {
			t.Errorf("status says %+v", e)
		}
	}

	h.Configure(box(r, "label = \"PROD\"") + good)
	if err := h.agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Eventually("they are forgotten", func(s control.Status) bool {
		return problem(s, "notify") == nil && s.Outbox == 0
	})
	h.MustDecide("1", "deny")
	r.commit("Break it", map[string]string{"box/main.tf": "resource {"})
	h.Reaches("2", store.Errored)
	if e := p.next(); e.Event != "errored" || e.Run != 2 || e.Plan != nil || e.Text != "PROD box #2: errored, nothing was changed" || !slices.Equal(e.Commands, []string{"sallyport show 2"}) {
		t.Errorf("it was told %+v", e)
	}
	h.Eventually("all is told", func(s control.Status) bool { return s.Outbox == 0 })
	lines := strings.Split(strings.TrimSpace(readAll(t, filepath.Dir(mail), "mail")), "\n")
	if len(lines) != 2 || lines[0] != strings.TrimSpace(string(again.JSON())) || !strings.Contains(lines[1], `"event":"errored"`) || strings.Contains(strings.Join(lines, ""), "canary") {
		t.Errorf("the command was told %q", lines)
	}
	if len(p.told) != 0 {
		t.Errorf("the receiver was told more: %+v", <-p.told)
	}
}
