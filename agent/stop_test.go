package agent_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/patience"
	"sallyport/store"
)

// A running apply is stopped from its own thread by who may, and whoever tries is answered each time.
func TestSlackStopsAnApplyInItsThread(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	gate := t.TempDir()
	r.commit("Add", map[string]string{"box/main.tf": slow(gate)})
	h := newHouse(t, box(r, "")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	s.Reply(jane, ops, card.TS, "approve")
	h.Reaches("1", store.Applying)
	h.waitFor(filepath.Join(gate, "started"))

	told := func(n int, part string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
		defer cancel()
		if err := s.WaitFor(ctx, func() bool { return len(s.Ephemerals(ops)) >= n }); err != nil {
			t.Fatalf("nobody was told: %v", err)
		}
		if last := s.Ephemerals(ops)[n-1]; last.User != joe || !strings.Contains(last.Visible(), part) {
			t.Errorf("told: %+v", last)
		}
	}
	s.Reply(joe, ops, card.TS, "stop")
	told(1, "This did not count; to stop it, reply cancel (or tell me in the channel: @sallyport cancel 1)")
	s.Reply(joe, ops, card.TS, "abort!")
	told(2, "to stop it, reply cancel")
	s.Reply(joe, ops, card.TS, "Stop the apply!")
	told(3, "to stop it, reply cancel")
	s.Reply(joe, ops, card.TS, "<@"+s.BotUserID()+"> cancel 99")
	told(4, "that is told me in the channel: @sallyport cancel 99")
	s.Reply(eve, ops, card.TS, "cancel")
	said(t, s, card.TS, "@eve, your cancel did not count: you may not cancel box, since you are not one of the approvers.")
	for _, m := range s.Thread(ops, card.TS) {
		if strings.Contains(m.Text, "asked once to stop") {
			t.Fatalf("it was stopped by who may not, or by a word that is none: %s", s.Transcript())
		}
	}
	s.Reply(joe, ops, card.TS, "Cancel #1.")
	said(t, s, card.TS, "#1 is applying: terraform is asked once to stop and gets all the time it needs.")
	if run := h.Reaches("1", store.Canceled); !strings.HasPrefix(run.Error, "canceled by slack:"+joe) {
		t.Errorf("it ended so: %s", run.Error)
	}
	said(t, s, card.TS, "was canceled")
	s.Reply(joe, ops, card.TS, "cancel")
	told(5, "#1 has ended (canceled), so there is nothing to cancel")
}
