package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// statusUntil waits for a status.
func (h *house) statusUntil(what string, like func(control.Status) bool) control.Status {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	for {
		st, err := h.Client.Status(ctx)
		if err == nil && like(st) {
			return st
		}
		if h.Tick(ctx); ctx.Err() != nil {
			h.t.Fatalf("the status never was %s: %v; it is %+v, %+v", what, err, st.Agent.Socket, st.Problems)
		}
	}
}

// What is said is read at once through the socket, for Slack would be looked at in an hour. A socket that is lost shows, and one that the
// configuration does not want any more is closed: then Slack is polled as ever.
func TestSlackSocket(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	live := strings.Replace(asking(s), `poll      = "100ms"`, fmt.Sprintf("poll = \"1h\"\napp_token = %q", s.Live.Token()), 1)
	h := newHouse(t, box(r, "")+live).start()
	card := said(t, s, "", "1 to create")
	h.statusUntil("that of an open socket", func(st control.Status) bool { return st.Agent.Socket != nil && st.Agent.Socket.Connected })
	s.Reply(jane, ops, card.TS, "approve")
	h.Reaches("1", store.Applied)
	said(t, s, s.Say(jane, ops, "<@"+s.BotUserID()+"> status"), "Nothing waits")

	lost := func(p control.Problem) bool { return p.Source == "slack: socket" }
	s.Live.Change(func(a *slacktest.App) { a.NoSocketMode = true })
	st := h.statusUntil("that of a lost socket", func(st control.Status) bool { return slices.ContainsFunc(st.Problems, lost) })
	problem := st.Problems[slices.IndexFunc(st.Problems, lost)]
	if st.Agent.Socket.Connected || !strings.Contains(problem.Error, "Socket Mode is turned off") || !strings.Contains(problem.Hint, "turn Socket Mode on") {
		t.Errorf("%+v, %+v", st.Agent.Socket, problem)
	}

	h.Body = box(r, "") + asking(s)
	if err := h.agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.statusUntil("that of no socket", func(st control.Status) bool { return st.Agent.Socket == nil && !slices.ContainsFunc(st.Problems, lost) })
	r.commit("Change", map[string]string{"box/main.tf": data("a", "two")})
	h.Reaches("2", store.Planned)
	s.Reply(jane, ops, said(t, s, "", "box #2").TS, "approve")
	h.Reaches("2", store.Applied)
	if open, ever, _ := s.Live.Socket.Count(); open != 0 || ever == 0 {
		t.Errorf("%d sockets are open, of %d", open, ever)
	}
}
