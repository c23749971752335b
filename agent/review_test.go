package agent_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// nothingIn reports whether a directory below the agent's data directory is empty, but for what terraform is asked for its
// version in: that is done aside, and nobody waits for it.
func (h *house) nothingIn(dir string) bool {
	left, err := os.ReadDir(h.Data(dir))
	return err == nil && !slices.ContainsFunc(left, func(e os.DirEntry) bool { return !strings.HasPrefix(e.Name(), "sallyport-version-") })
}

// gone waits until a file is not there any more.
func (h *house) gone(file string) {
	h.t.Helper()
	if _, err := os.Stat(filepath.Dir(file)); err != nil {
		h.t.Fatal("what never was cannot go away: ", err) // a wrong path would pass at once
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	for {
		if _, err := os.Lstat(file); os.IsNotExist(err) {
			return
		}
		if ctx.Err() != nil {
			h.t.Fatal("never removed: ", file)
		}
		h.Tick(ctx)
	}
}

func TestPlanFilesGoAwayWithADeniedRun(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "deny")
	h.Reaches("1", store.Discarded)
	for _, d := range []string{"plan", "src", "data"} {
		h.gone(filepath.Join(h.Dir, "data", "runs", "1", d))
	}
	if text, err := h.Client.PlanText(context.Background(), "1"); err != nil || !strings.Contains(text, "terraform_data.a") {
		t.Errorf("the plan's text is gone with it: %q, %v", text, err)
	}
}

func TestARenamedRepositoryEndsWhatWaits(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.Body = strings.Replace(h.Body, `repository "infra"`, `repository "other"`, 1)
	if err := h.agent.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.Reaches("1", store.Canceled)
	run := h.Reaches("box", store.Planned)
	if run.Repository != "other" {
		t.Errorf("the next run is of %s", run.Repository)
	}
}

func TestObservingStopsAnApprovedRun(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	ctx := context.Background()
	if err := h.Client.Pause(ctx, control.PauseRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Approved)
	h.Body = strings.Replace(h.Body, `dir = "box"`, "dir = \"box\"\n  mode = \"observe\"", 1)
	if err := h.agent.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	h.Reaches("1", store.Canceled)
}

// One approver that cannot be resolved must not keep the others from being heard.
func TestAnUnknownApproverDeafensNobody(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+strings.Replace(asking(s), `"S01OPS00"`, `"S01OPS00", "nobody@example.com"`, 1)).start()
	card := said(t, s, "", "1 to create")
	s.Reply(eve, ops, card.TS, "approve")
	said(t, s, card.TS, "nobody@example.com cannot be resolved")
	s.Reply(joe, ops, card.TS, "approve")
	h.Reaches("1", store.Applied)
}

// The search for a message whose answer was lost fails: the message must not be posted a second time.
func TestAFailedSearchPostsNothingTwice(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	s.Fail("chat.postMessage", 1, slacktest.Fault{Kind: slacktest.LoseAnswer})
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s))
	s.Fail("conversations.history", 3, slacktest.Fault{Kind: slacktest.ServerError})
	h.start()
	card := said(t, s, "", "1 to create")
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	s.Reply(jane, ops, card.TS, "approve")
	h.Reaches("1", store.Applied)
	if n := len(s.Messages(ops)); n != 1 {
		t.Errorf("%d messages in the channel", n)
	}
}

func TestADeletedCardIsPostedAnew(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	s.Delete(ops, card.TS)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	said(t, s, "", "applied: 1")
}

// Applies count for terraform.parallel, too.
func TestParallelBoundsApplies(t *testing.T) {
	t.Parallel()
	gate := t.TempDir()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": slow(gate), "net/main.tf": data("n", "one")})
	h := newHouse(t, box(r, "")+"stack \"net\" { dir = \"net\" }\nterraform {\n  parallel = 1\n}\n").start()
	h.Reaches("box", store.Planned)
	h.Reaches("net", store.Planned)
	h.MustDecide("box", "approve")
	h.waitFor(filepath.Join(gate, "started"))
	h.MustDecide("net", "approve")
	run := h.Until("net", "waiting", func(r control.Run) bool { return strings.Contains(r.Held, "terraform.parallel") })
	if run.Status != store.Approved {
		t.Errorf("net is %s", run.Status)
	}
	if err := os.WriteFile(filepath.Join(gate, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.Reaches("box", store.Applied)
	h.Reaches("net", store.Applied)
}

// stateServer is terraform's http backend, which can go away.
func stateServer(t *testing.T) (url string, down *atomic.Bool) {
	t.Helper()
	var mu sync.Mutex
	var state []byte
	down = &atomic.Bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		switch {
		case down.Load():
			w.WriteHeader(http.StatusForbidden)
		case r.Method == http.MethodPost:
			state = body
		case state == nil:
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = w.Write(state)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, down
}

// The backend goes away during an apply: the state that terraform leaves is kept, and holds the stack until it was pushed.
func TestAStateThatCouldNotBeSavedHoldsTheStack(t *testing.T) {
	t.Parallel()
	gate := t.TempDir()
	url, down := stateServer(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": "terraform {\n  backend \"http\" {\n    address = \"" + url + "\"\n  }\n}\n" + slow(gate)})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.waitFor(filepath.Join(gate, "started"))
	down.Store(true)
	if err := os.WriteFile(filepath.Join(gate, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run := h.Reaches("1", store.Errored)
	kept := filepath.Join(h.Dir, "data", "runs", "1", "errored.tfstate")
	if !strings.Contains(run.Error, kept) {
		t.Errorf("where the state is is not told: %q", run.Error)
	}
	h.gone(filepath.Join(h.Dir, "data", "runs", "1", "plan"))
	down.Store(false)
	id := fmt.Sprint(h.plan("box", false))
	h.Until(id, "held", func(r control.Run) bool { return strings.Contains(r.Held, kept) })
	if err := os.Rename(kept, kept+".pushed"); err != nil { // the person's part, after the push
		t.Fatal(err)
	}
	h.Reaches(id, store.Planned)
}
