// Package notify decides what to say to people about a run, and reads what they say in return.
//
// # Saying
//
// A [Card] holds everything that the run's one message shows. It knows nothing of Slack: [Card.Text] is the one line for a
// lock screen, [Card.Reply] says what to answer, [Card.Lines] are the numbered addresses, [Card.Plain] is all of it
// as plain text for the log and the terminal. notify/slack renders the same card as Block Kit. No method returns a control
// character, whatever came from the repository.
//
// # Hearing
//
// [ParseDecision] reads a reply in the run's thread (or the words after `sallyport approve 12`), [Words.Covers] says whether
// it is enough for a plan, [ParseCommand] reads what somebody tells the bot in the channel. All three undo what phones
// and Slack make of what people type.
package notify

import (
	"slices"
	"strings"
	"time"

	"sallyport/store"
)

// Card is what the run's message shows. Fields that are empty are left out.
type Card struct {
	Run   int
	Label string // shown first: PROD
	Stack string
	Kind  store.Kind

	Status   store.Status
	Headline string // replaces the usual word for the status: "applying 3 of 7"

	Commit      string // full hash; shown short
	Author      string
	Subject     string
	Origin      []string // the pull requests that the changes came by, with who had to do with them, one line each
	Reason      string
	Options     store.PlanOptions // what a person asked of the plan beside the commit
	RequestedBy string            // slack:U01, cli:jane
	Position    string            // "at the applied commit", "with 3 commits that were not applied yet"
	GitDown     string            // since when and why the repository cannot be read
	Warnings    []string          // one sentence each
	Mark        string            // what stays at the top of it: the glass was broken
	Recover     bool              // planned at the applied commit, to bring back what is gone
	First       bool              // the first plan of the stack
	Hooks       []store.HookNote  // what the hooks of the agent's machine said
	Notes       []string          // what else to know of the plan, a sentence each: which images it uses, ...
	Build       bool              // an image is built, and not a plan applied
	Artifacts   []store.Artifact  // what was built

	Plan      *store.Plan
	Decisions []store.Decision
	Approvals int      // how many are needed
	Got       int      // how many count
	WaitsFor  []string // who can give the next one: accounts (slack:U01), e-mail addresses
	ExpiresAt time.Time

	Apply *store.Apply
	Error string
	Hint  string
	Held  string
	Asks  string // why the stack's policy leaves the decision to people

	PlanURL    string // of the file with the whole plan; empty: there is none, or Slack named no address of it
	PlanThread bool   // the message's thread has that file

	Mention       []string // Slack user and group ids that are named when a person is needed
	Digest        string   // of the plan, hex; default Plan.Digest
	Agent         string   // id of the agent
	Epoch         string   // of its process
	State         string   // a digest of where the stack's state lies, so that two agents' stacks of one name can be told apart
	HistorySeq    uint64   // number and hash of the newest entry of the agent's history
	HistoryHash   string
	ShowAddresses bool   // false: plan_in_slack = "none"
	Shell         bool   // there is no thread to reply in: decisions are typed on the command line
	Buttons       bool   // clicks are heard, so that it has buttons: see package button
	Bot           string // what the bot is called where the card is read in Slack: what it does is asked of it there, and not of a shell
}

// Called is the card with names in the place of accounts, as say puts them into texts. Votes of people in Slack stay: Slack shows
// them in its own way. What a plan changes stays too, since people type its addresses.
func (c Card) Called(say func(string) string) Card {
	all := func(texts []string) []string {
		out := make([]string, len(texts))
		for i, t := range texts {
			out[i] = say(t)
		}
		return out
	}
	by := func(by string) string {
		if strings.HasPrefix(by, "slack:") {
			return by
		}
		return say(by)
	}
	for _, text := range []*string{&c.Headline, &c.Reason, &c.Position, &c.GitDown, &c.Mark, &c.Error, &c.Hint, &c.Held, &c.Asks} {
		*text = say(*text)
	}
	c.Warnings, c.Notes, c.WaitsFor = all(c.Warnings), all(c.Notes), all(c.WaitsFor)
	c.RequestedBy = by(c.RequestedBy)
	c.Hooks = slices.Clone(c.Hooks)
	for i := range c.Hooks {
		c.Hooks[i].Text = say(c.Hooks[i].Text)
	}
	c.Decisions = slices.Clone(c.Decisions)
	for i := range c.Decisions {
		c.Decisions[i].By, c.Decisions[i].Withdrawn, c.Decisions[i].Text = by(c.Decisions[i].By), say(c.Decisions[i].Withdrawn), say(c.Decisions[i].Text)
	}
	return c
}
