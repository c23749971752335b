package agent_test

import (
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// The human who approved in Slack approves again in a shell, as root: nothing tells that it is somebody else, so it is not.
func TestSlackAndShellAreTwoPeopleOnlyIfABlockSaysSo(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "approvals = 2")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	s.Reply(jane, ops, card.TS, "approve")
	h.until("1", "approved once", func(r control.Run) bool { return len(r.Decisions) == 1 })
	done, err := h.client.Decide(t.Context(), control.DecideRequest{Ref: "1", Words: "approve"})
	if err != nil || !strings.Contains(done.Message, "1 of 2 approvals") || !strings.Contains(done.Message, "No person block says who cli:") {
		t.Errorf("%q, %v", done.Message, err)
	}
	if run := h.status("1", store.Planned); len(run.Decisions) != 2 {
		t.Errorf("decisions: %+v", run.Decisions)
	}
	s.Reply(joe, ops, card.TS, "approve")
	h.status("1", store.Applied)
}
