package page

import (
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/notify"
	"sallyport/store"
)

func TestWhy(t *testing.T) {
	for want, run := range map[string]control.Run{
		"a commit changed ghe/main.tf":              {Kind: store.KindCommit, Reason: "changed: ghe/main.tf"},
		"the branch moved":                          {Kind: store.KindCommit, Reason: notify.FirstSeen},
		"cli:jane asked for it: after the outage":   {Kind: store.KindManual, RequestedBy: "cli:jane", Reason: "after the outage"},
		"cli:root (logged in as jane) asked for it": {Kind: store.KindManual, RequestedBy: "cli:root", RequestedLogin: "jane"},
		"an earlier run is planned again, in the place of #7, which cli:jane had asked for": {Kind: store.KindRecovery, RequestedBy: "cli:jane", After: 7},
		"a stack that this one depends on has changed: net was changed by #3":               {Kind: store.KindDependency, Reason: "net was changed by #3"},
		"the schedule looked for drift":                                                     {Kind: store.KindDrift},
		"something new":                                                                     {Kind: "something new"},
	} {
		if got := whyOf(run); got != want {
			t.Errorf("there is a run because %s, want %s", got, want)
		}
	}
}

// What came of a plan of some addresses is never said of its commit.
func TestTargetedEnd(t *testing.T) {
	p := applied(t)
	p.Run.Status = store.Applied
	if lead := viewOf(p).Lead; strings.Contains(lead, "targets") {
		t.Fatalf("of a whole plan it says %q", lead)
	}
	p.Run.Options.Targets = []string{"terraform_data.a"}
	if lead := viewOf(p).Lead; !strings.Contains(lead, "pplied, its targets only") {
		t.Errorf("of a part it says %q", lead)
	}
}
