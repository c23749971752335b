package slack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/notify"
	"sallyport/notify/redact"
	"sallyport/notify/slack"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

const (
	ops  = "C0000OPS"
	jane = "U01JANE"
	bob  = "U02BOB"
)

// clock is a time that moves only when told.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func workspace(t *testing.T, with func(*slacktest.Options)) *slacktest.Server {
	t.Helper()
	o := slacktest.Options{
		Users: []slacktest.User{
			{ID: jane, Name: "jane", DisplayName: "Jane", Email: "jane@example.com"}, {ID: bob, Name: "bob"},
			{ID: "U03GONE", Deleted: true}, {ID: "U04GUEST", Restricted: true}, {ID: "U05GUEST", UltraRestricted: true},
			{ID: "U06BOT", Bot: true}, {ID: "U07ELSE", TeamID: "T02ELSE", Stranger: true}, {ID: "U08FLOW", WorkflowBot: true},
		},
		Channels: []slacktest.Channel{
			{ID: ops, Name: "ops", Member: true}, {ID: "C000QUIET", Name: "quiet"},
			{ID: "C000OLD01", Name: "old", Archived: true, Member: true}, {ID: "C00SECRET", Name: "secret", Private: true},
			{ID: "C00VAULT1", Name: "vault", Private: true, Member: true}, {ID: "C00SHARE1", Name: "shared", Shared: true, Member: true},
			{ID: "C00TWICE1", Name: "twice", Archived: true}, {ID: "C00TWICE2", Name: "twice", Member: true},
		},
		Groups: []slacktest.Group{{ID: "S01OPS", Users: []string{jane, bob}}},
	}
	if with != nil {
		with(&o)
	}
	s, err := slacktest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func client(t *testing.T, s *slacktest.Server, with func(*slack.Options)) *slack.Client {
	t.Helper()
	o := slack.Options{Token: redact.NewSecret(s.Token()), APIURL: s.URL(), Timeout: time.Minute}
	if with != nil {
		with(&o)
	}
	c, err := slack.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func testCard() notify.Card {
	return notify.Card{
		Run: 12, Label: "PROD", Stack: "ghe", Kind: store.KindCommit, Status: store.Planned, Approvals: 1,
		Commit: "1a2b3c4d5e6f70819203a4b5c6d7e8f901234567", Author: "Jane Doe", Subject: "Move the code host",
		Plan: &store.Plan{Digest: strings.Repeat("3f2a9c01", 8), Add: 1, Destroy: 1, Changes: []store.Change{
			{Address: "aws_instance.old", Actions: []string{"delete"}, Class: store.ClassConfig},
			{Address: "aws_instance.ghe", Actions: []string{"create"}, Class: store.ClassConfig},
		}},
		Mention: []string{jane, "S01OPS"}, Agent: "5d41402abc4b2a76", ShowAddresses: true,
	}
}

func manyChanges(n int, address func(int) string) *store.Plan {
	p := &store.Plan{Digest: strings.Repeat("ab", 32)}
	for i := range n {
		p.Changes = append(p.Changes, store.Change{Address: address(i), Actions: []string{"delete"}})
	}
	return p
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func numbered(i int) string { return fmt.Sprintf("module.services[%d].aws_instance.node", i) }
