package votes_test

import (
	"testing"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify"
	"sallyport/store"
)

// Whoever approves a second time is told what is still needed, and where nothing is that one approval is enough.
func TestApprovedTwice(t *testing.T) {
	for name, c := range map[string]struct {
		approvals int
		want      string
	}{
		"one is needed":  {1, "your approval of #30 counts already; one is enough"},
		"two are needed": {2, "your approval of #30 counts already; 2 different people are needed"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := &store.Plan{Digest: "d", Add: 1}
			run := &store.Run{ID: 30, Plan: plan, Decisions: []store.Decision{{Verdict: store.Approve, Person: "jane", By: "cli:jane", Digest: "d"}}}
			v := votes.Vote{By: "cli:jane", Words: notify.Words{Verdict: store.Approve}}
			err := votes.MayApprove(nil, run, &config.Stack{Approvals: c.approvals, AllowSelfApproval: true}, v, "jane")
			if err == nil || err.Error() != c.want {
				t.Errorf("%v, not %s", err, c.want)
			}
		})
	}
}
