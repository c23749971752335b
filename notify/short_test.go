package notify_test

import (
	"strings"
	"testing"

	"sallyport/notify"
	"sallyport/store"
)

// What a run is in short says nothing of a reply: it is read elsewhere than where one counts.
func TestShort(t *testing.T) {
	p := plan(protected(change("aws_ebs_volume.v", "delete")), change("aws_x.a", "create"), change("aws_x.b", "create"))
	card := notify.Card{
		Run: 7, Label: "PROD", Stack: "wiki", Kind: store.KindCommit, Status: store.Planned, Plan: p, Approvals: 2, Got: 1, ShowAddresses: true,
		Commit: "1a2b3c4d5e6f", Author: "Jane", Subject: "Grow", Decisions: []store.Decision{{Verdict: store.Approve, By: "cli:joe"}},
	}
	got := card.Short(2)
	for _, part := range []string{"PROD wiki #7: planned\n2 to create, 1 to destroy\n", "aws_ebs_volume.v", "\n  and 1 more\n", "commit 1a2b3c4d5e by Jane: Grow", "cli:joe approved", "1 of 2 approvals"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in\n%s", part, got)
		}
	}
	if strings.Contains(got, "eply") || strings.Contains(got, "this thread") {
		t.Errorf("it asks for a reply:\n%s", got)
	}
	card.ShowAddresses, card.Error = false, "aws_ebs_volume.v is busy"
	if got := card.Short(2); strings.Contains(got, "aws_") {
		t.Errorf("it shows addresses:\n%s", got)
	}
}
