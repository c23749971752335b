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
	h.Until("1", "approved once", func(r control.Run) bool { return len(r.Decisions) == 1 })
	done, err := h.Client.Decide(t.Context(), control.DecideRequest{Ref: "1", Words: "approve"})
	if err != nil || !strings.Contains(done.Message, "1 of 2 approvals") || !strings.Contains(done.Message, "No person block says who "+me(t)+" ") {
		t.Errorf("%q, %v", done.Message, err)
	}
	if run := h.Reaches("1", store.Planned); len(run.Decisions) != 2 {
		t.Errorf("decisions: %+v", run.Decisions)
	}
	s.Reply(joe, ops, card.TS, "approve")
	h.Reaches("1", store.Applied)
}

// A vote names the plan that was read. What took its place is not approved, nor denied, by it.
func TestAVoteIsAboutThePlanThatWasRead(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	read := h.Reaches("1", store.Planned).Plan.Digest
	r.commit("Change", map[string]string{"box/main.tf": data("a", "two")})
	now := h.Reaches("2", store.Planned)
	decide := func(ref, digest, words string) (control.DecideResponse, error) {
		return h.Client.Decide(t.Context(), control.DecideRequest{Ref: ref, Digest: digest, Words: words})
	}
	for name, tc := range map[string]struct{ ref, digest, words, why string }{
		"a newer run's plan":    {"2", read, "approve", "you decided about another one"},
		"and denied":            {"2", read, "deny", "you decided about another one"},
		"no plan yet":           {"2", control.UnplannedDigest, "approve", "you decided about another one"},
		"too little of it":      {"2", now.Plan.Digest[:control.MinDigest-1], "approve", "you decided about another one"},
		"the run that was read": {"1", read, "approve", "has ended"},
	} {
		if _, err := decide(tc.ref, tc.digest, tc.words); err == nil || !strings.Contains(err.Error(), tc.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
	done, err := decide("2", strings.ToUpper(now.Plan.Digest[:control.MinDigest]), "approve")
	if err != nil || !strings.Contains(done.Message, "#2 box is approved.") || !strings.Contains(done.Message, "\n  commit  "+now.Commit+"\n  plan    "+now.Plan.Digest) {
		t.Errorf("%q, %v", done.Message, err)
	}
	h.Reaches("2", store.Applied)
}
