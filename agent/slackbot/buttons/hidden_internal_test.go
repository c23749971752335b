package buttons

import (
	"strings"
	"testing"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify"
	"sallyport/notify/slack/modal"
	"sallyport/store"
)

// pressOn is a press on the card of a stack whose plan may be shown in Slack as far as a word of the configuration's says.
func pressOn(shows string) (*press, notify.Card) {
	change := store.Change{Address: "aws_db.secret", Actions: []string{"delete"}, Class: store.ClassConfig, Protected: true}
	run := &store.Run{ID: 7, Stack: "box", Status: store.Planned, Plan: &store.Plan{Digest: strings.Repeat("0f", 32), Changes: []store.Change{change}}}
	conf := &active.Config{Cfg: &config.Config{
		Repositories: []*config.Repository{{Name: "infra"}},
		Stacks:       []*config.Stack{{Name: "box", Repository: "infra", PlanInSlack: shows}},
	}}
	if shows == "the stack is gone" {
		conf.Cfg.Stacks = nil
	}
	return &press{conf: conf, run: run}, notify.Card{Run: 7, Stack: "box", Plan: run.Plan, ShowAddresses: shows != "none"}
}

// What is not to be shown in Slack is in no window either; a word that nobody knows shows nothing.
func TestWhatIsHiddenStaysHidden(t *testing.T) {
	for shows, want := range map[string]bool{"addresses": true, "none": false, "": false, "everything": false, "the stack is gone": false} {
		p, card := pressOn(shows)
		text, err := New(Options{}).text(p, card)
		if err != nil || strings.Contains(text, "aws_db.secret") != want || !want && text != "The plan is not shown in Slack: sallyport show 7" {
			t.Errorf("%q: details %q, %v", shows, text, err)
		}
		block, why := missing(p, "Protected and not named: aws_db.secret (number 1).")
		if block != modal.Typed || strings.Contains(why, "aws_db.secret") != want {
			t.Errorf("%q: at %s: %q", shows, block, why)
		}
	}
	p, _ := pressOn("full")
	if _, why := missing(p, "Not named: aws_db.secret."); why != "Not named: aws_db.secret." {
		t.Errorf("full: %q", why)
	}
	p.run.Plan.Changes[0].Protected = false
	if block, _ := missing(p, "x"); block != modal.Ticks+"_0" {
		t.Errorf("where nothing has to be named it is told at %s", block)
	}
}

// A press is about the plan that stood above the button, and no other.
func TestSamePlan(t *testing.T) {
	shown, again := strings.Repeat("0f", 32), strings.Repeat("1e", 32)
	for name, c := range map[string]struct {
		plan    *store.Plan
		digest  string
		refused bool
	}{
		"the plan":                     {&store.Plan{Digest: shown}, shown, false},
		"made again, as it was shown":  {&store.Plan{Digest: again, ApprovedDigest: shown}, shown, false},
		"made again, as it is applied": {&store.Plan{Digest: again, ApprovedDigest: shown}, again, false},
		"another":                      {&store.Plan{Digest: shown}, again, true},
		"the beginning of it":          {&store.Plan{Digest: shown}, shown[:20], true},
		"none is said":                 {&store.Plan{Digest: shown}, "", true},
		"there is none":                {nil, shown, true},
	} {
		p := &press{run: &store.Run{ID: 7, Plan: c.plan}}
		p.of.Digest = c.digest
		if got := samePlan(p); (got != "") != c.refused {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Only an apply is canceled by the button, and only that of the plan that it stood below.
func TestUncancelable(t *testing.T) {
	digest := strings.Repeat("0f", 32)
	for status := range store.Transitions() {
		p := &press{run: &store.Run{ID: 7, Status: status, Plan: &store.Plan{Digest: digest}}}
		p.of.Digest = digest
		if got := uncancelable(p); (got == "") != (status == store.Applying) {
			t.Errorf("%s: %q", status, got)
		}
		p.of.Digest = strings.Repeat("1e", 32)
		if uncancelable(p) == "" {
			t.Errorf("%s: it is canceled by the button of another plan", status)
		}
	}
}

// Whose vote was counted is told so when the press comes again, and not where something else became of the run, or of the vote.
func TestCountedBefore(t *testing.T) {
	shown, again, other := strings.Repeat("0f", 32), strings.Repeat("1e", 32), strings.Repeat("2d", 32)
	for name, c := range map[string]struct {
		status    store.Status
		verdict   store.Verdict
		by        string
		digest    string
		withdrawn string
		want      string
	}{
		"approved":                    {store.Approved, store.Approve, "slack:U1", shown, "", "Your approval of #7 counts already; it is approved."},
		"waits for another":           {store.Planned, store.Approve, "slack:U1", shown, "", "Your approval of #7 counts already; it is planned."},
		"of the plan made again":      {store.Applied, store.Approve, "slack:U1", again, "", "Your approval of #7 counts already; it is applied."},
		"denied":                      {store.Discarded, store.Deny, "slack:U1", shown, "", "Your deny of #7 counts: it is discarded."},
		"another plan":                {store.Planned, store.Approve, "slack:U1", other, "", ""},
		"somebody else":               {store.Approved, store.Approve, "slack:U2", shown, "", ""},
		"withdrawn":                   {store.Planned, store.Approve, "slack:U1", shown, "not an approver any more", ""},
		"superseded since":            {store.Superseded, store.Approve, "slack:U1", shown, "", ""},
		"it went wrong":               {store.Errored, store.Approve, "slack:U1", shown, "", ""},
		"denied by somebody else too": {store.Discarded, store.Approve, "slack:U1", shown, "", ""},
	} {
		run := &store.Run{ID: 7, Status: c.status, Plan: &store.Plan{Digest: again, ApprovedDigest: shown}, Decisions: []store.Decision{
			{Verdict: c.verdict, By: "slack:U1", Digest: shown, Withdrawn: c.withdrawn},
		}}
		v := votes.Vote{Run: 7, By: c.by, Digest: c.digest, Words: notify.Words{Verdict: c.verdict}}
		if got := countedBefore(run, v); string(got) != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
