package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/notify/redact"
	"sallyport/notify/webhook"
	"sallyport/store"
)

// message is what lies in the outbox of a plan that waits.
func message() *store.Message {
	return &store.Message{
		Kind: store.MessageWord, Run: 12, Stack: "ghe", Repository: "infra", Commit: "1a2b3c4d5e6f70819203a4b5c6d7e8f901234567",
		Text: "PROD ghe #12 waits for approval: 1 to create", CreatedAt: time.Date(2026, 3, 1, 4, 10, 0, 0, time.FixedZone("CET", 3600)),
		Word: &store.Word{
			Receiver: "pager", Event: "waiting", Label: "PROD", Kind: store.KindCommit, Status: store.Planned, Planned: true, Add: 1,
			Commands: []string{"sallyport show 12", "sallyport approve 12"},
		},
	}
}

// What others read keeps its names. A change of this text is a change of what they build on.
func TestJSON(t *testing.T) {
	got := string(webhook.Of("3f2a9c013f", "https://example.slack.com/p1", message()).JSON())
	want := `{"version":1,"id":"3f2a9c013f/12/waiting","event":"waiting","at":"2026-03-01T03:10:00Z","agent":"3f2a9c013f","stack":"ghe","label":"PROD",` +
		`"repository":"infra","run":12,"kind":"commit","status":"planned","commit":"1a2b3c4d5e6f70819203a4b5c6d7e8f901234567",` +
		`"plan":{"add":1,"change":0,"destroy":0},"text":"PROD ghe #12 waits for approval: 1 to create","link":"https://example.slack.com/p1",` +
		`"commands":["sallyport show 12","sallyport approve 12"]}` + "\n"
	if got != want {
		t.Error(cmp.Diff(want, got))
	}
	bare := message()
	bare.Word = &store.Word{Event: "errored"}
	if got := string(webhook.Of("a", "", bare).JSON()); !strings.Contains(got, `"plan":null,`) || !strings.Contains(got, `"commands":[]`) || !strings.Contains(got, `"link":""`) {
		t.Errorf("what is not there: %s", got)
	}
	var trial map[string]any
	if err := json.Unmarshal(webhook.Trial(time.Unix(9, 0)).JSON(), &trial); err != nil || trial["event"] != "test" || trial["at"] != "1970-01-01T00:00:09Z" {
		t.Errorf("a test is %v, %v", trial, err)
	}
}

// Whatever a receiver answers, it was told or it was not, and nothing of its address or of what it says shows.
func TestPost(t *testing.T) {
	const hidden = "canary-secret"
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		status int // of the error; 0: no answer
		after  time.Duration
		final  bool
		told   bool
	}{
		"taken": {answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }, told: true},
		"taken, and cut": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			w.WriteHeader(http.StatusOK)
		}, told: true},
		"redirected": {answer: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, status: 302, final: true},
		"refused":    {answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, hidden, http.StatusForbidden) }, status: 403, final: true},
		"too slow":   {answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestTimeout) }, status: 408},
		"too many": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		}, status: 429, after: 7 * time.Second},
		"far too many": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "99999999999")
			w.WriteHeader(http.StatusTooManyRequests)
		}, status: 429, after: time.Hour},
		"asks for the past": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, status: 503},
		"cut off": {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32 // nothing else orders a handler that is cut off before its caller
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				body, err := io.ReadAll(r.Body)
				if err != nil || !json.Valid(body) || r.Method != http.MethodPost || r.URL.Path != "/"+hidden || r.Header.Get("Content-Type") != "application/json" ||
					r.Header.Get("Authorization") != "Bearer "+hidden || r.Header.Get("User-Agent") != "sallyport/1" || r.Header.Get("Idempotency-Key") != `"a/12/waiting"` {
					t.Errorf("%s %s %v: %s, %v", r.Method, r.URL, r.Header, body, err)
				}
				tc.answer(w, r)
			}))
			defer s.Close()
			target := webhook.Target{
				URL: redact.NewSecret(s.URL + "/" + hidden), Agent: "sallyport/1",
				Headers: map[string]redact.Secret{"Authorization": redact.NewSecret("Bearer " + hidden)},
			}
			err := webhook.Post(t.Context(), webhook.NewClient(), target, webhook.Of("a", "", message()))
			if n := asked.Load(); n != 1 {
				t.Errorf("it was asked %d times", n)
			}
			if tc.told {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var refused *webhook.Error
			if !errors.As(err, &refused) || refused.Status != tc.status || refused.After != tc.after || refused.Final() != tc.final {
				t.Fatalf("%v: %+v", err, refused)
			}
			if strings.Contains(err.Error(), hidden) || !strings.Contains(err.Error(), target.Site()) {
				t.Errorf("it says %q", err)
			}
		})
	}
}

// A receiver that hangs is one that gave no answer.
func TestHangs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that the client goes away
		cancel()
		<-r.Context().Done()
	}))
	defer s.Close()
	err := webhook.Post(ctx, webhook.NewClient(), webhook.Target{URL: redact.NewSecret(s.URL)}, webhook.Of("a", "", message()))
	var refused *webhook.Error
	if !errors.As(err, &refused) || refused.Status != 0 || refused.Final() {
		t.Errorf("%v", err)
	}
}
