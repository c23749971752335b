package votes_test

import (
	"testing"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle/votes"
	"sallyport/store"
)

// One human is one vote, whatever accounts they have: in Slack, in a shell, as root.
func TestOneHumanIsOneVote(t *testing.T) {
	people := []config.Person{
		{Name: "jane", Slack: "UJANE", OS: "jane"},
		{Name: "joe", OS: "joe"},
		{Name: "boss", Slack: "UBOSS", OS: "root"},
	}
	for name, tc := range map[string]struct {
		by  []string
		got int
	}{
		"two accounts in Slack":                           {[]string{"slack:U1", "slack:U2"}, 2},
		"in Slack, then with sudo in a shell":             {[]string{"slack:U1", "cli:root (logged in as ann)"}, 1},
		"with sudo in a shell, then in Slack":             {[]string{"cli:root (logged in as ann)", "slack:U1"}, 1},
		"in Slack, then in a shell that nothing ties":     {[]string{"slack:U1", "cli:ann"}, 1},
		"a shell that nothing ties, then two in Slack":    {[]string{"cli:ann", "slack:U1", "slack:U2"}, 2},
		"a shell alone":                                   {[]string{"cli:ann"}, 1},
		"two shells that nothing ties":                    {[]string{"cli:ann", "cli:bob"}, 1},
		"one person in Slack and in a shell":              {[]string{"slack:UJANE", "cli:jane"}, 1},
		"one person in Slack and with sudo":               {[]string{"slack:UJANE", "cli:root (logged in as jane)"}, 1},
		"one person in a shell and with sudo":             {[]string{"cli:jane", "cli:root (logged in as jane)"}, 1},
		"one person in a shell and as somebody else":      {[]string{"cli:jane", "cli:joe (logged in as jane)"}, 1},
		"two people with sudo":                            {[]string{"cli:root (logged in as jane)", "cli:root (logged in as joe)"}, 2},
		"a person in a shell adds to Slack":               {[]string{"slack:U1", "cli:jane"}, 2},
		"a person with sudo adds to Slack":                {[]string{"slack:U1", "cli:root (logged in as jane)"}, 2},
		"root is the boss, and nobody says that ann is":   {[]string{"slack:U1", "cli:root (logged in as ann)"}, 1},
		"root at the console is the boss":                 {[]string{"slack:U1", "cli:root"}, 2},
		"no login: the account may be anybody's":          {[]string{"slack:U1", "cli:jane (no login)"}, 1},
		"two accounts, and no login":                      {[]string{"cli:jane (no login)", "cli:joe (no login)"}, 1},
		"a person, and another's account without a login": {[]string{"cli:jane", "cli:joe (no login)"}, 1},
		"the boss in Slack and at the console":            {[]string{"slack:UBOSS", "cli:root"}, 1},
		"a person in a shell, and one that nothing ties":  {[]string{"cli:jane", "cli:ann"}, 1},
		"in Slack, and a login that anybody may claim":    {[]string{"slack:UJANE", "cli:jane (logged in as joe)"}, 1},
		"two logins that anybody may claim":               {[]string{"cli:jane", "cli:jane (logged in as joe)"}, 1},
		"a name that only looks as if somebody logged in": {[]string{"slack:U1", "slack:U2 (logged in as jane)"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			run := &store.Run{Plan: &store.Plan{Digest: "d"}}
			for _, by := range tc.by {
				run.Decisions = append(run.Decisions, store.Decision{Verdict: store.Approve, By: by, Person: votes.PersonOf(people, by), Digest: "d"})
			}
			if _, got := votes.Weigh(run, &config.Stack{Approvals: 2}); got != tc.got {
				t.Errorf("%q are %d people, want %d", tc.by, got, tc.got)
			}
		})
	}
}

// Votes that an earlier version recorded mean what they meant: whom they name stays named, and the one name for all shells
// stays the name of nobody.
func TestRecordedVotesKeepTheirMeaning(t *testing.T) {
	run := &store.Run{Plan: &store.Plan{Digest: "d"}, Decisions: []store.Decision{
		{Verdict: store.Approve, By: "cli:root (logged in as ann)", Person: "person:boss", Digest: "d"},
		{Verdict: store.Approve, By: "cli:bob", Person: "cli", Digest: "d"},
		{Verdict: store.Approve, By: "slack:U1", Person: "slack:U1", Digest: "other"},
	}}
	if enough, got := votes.Weigh(run, &config.Stack{Approvals: 1}); !enough || got != 1 {
		t.Errorf("%d people, enough: %v", got, enough)
	}
}

// Who asked for a run in a shell that nothing ties to a human may be the very one who approves it in Slack.
func TestWhoAskedMayBeWhoApproves(t *testing.T) {
	people := []config.Person{{Name: "jane", Slack: "UJANE", OS: "jane"}, {Name: "joe", OS: "joe"}}
	for name, tc := range map[string]struct {
		asked string
		ok    bool
	}{
		"nobody asked":                   {"", true},
		"somebody else":                  {"cli:joe", true},
		"somebody else, with sudo":       {"cli:root (logged in as joe)", true},
		"somebody in Slack":              {"slack:U1", true},
		"a shell that nothing ties":      {"cli:root", false},
		"an account without a login":     {"cli:joe (no login)", false},
		"a login that anybody may claim": {"cli:jane (logged in as joe)", false},
		"the same human":                 {"slack:UJANE", false},
		"the same human, in a shell":     {"cli:jane", false},
		"the same human, by way of sudo": {"cli:root (logged in as jane)", false},
	} {
		run := &store.Run{ID: 1, RequestedBy: tc.asked, Origin: &store.Origin{}}
		if err := votes.NotOwn(people, run, "slack:UJANE", votes.PersonOf(people, "slack:UJANE")); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
