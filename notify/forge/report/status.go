package report

import (
	"fmt"
	"strings"

	"sallyport/notify"
	"sallyport/notify/forge"
	"sallyport/notify/redact"
	"sallyport/store"
)

// MaxDescription is the most that a status says, in characters: what the strictest of the sites takes.
const MaxDescription = 140

// Run is what a status or a row of a comment says of a run. Fields that are empty are left out.
type Run struct {
	ID       int
	Stack    string
	Label    string // PROD
	Status   store.Status
	Plan     *store.Plan
	Apply    *store.Apply
	By       []string // who decided how it stands, by names that people know: approvers, who denied, who canceled
	Got      int      // approvals that count
	Needed   int      // approvals that are needed
	Held     string   // why it does not move on
	Warnings []string // of a comment
	// Hooks are what hooks of the agent's machine said, secrets redacted. Comments show it; how many of them warn, everything does.
	Hooks []store.HookNote
	Text  string // of a comment: the plan in Terraform's words, or its error. Secrets are redacted already
	URL   string // where to look: the Slack thread
	// Image: Packer was asked whether the template of an image is valid, and nothing is built. Differs says which files differ.
	Image   bool
	Differs string
}

// Context is the context of a stack's statuses.
func Context(stack string) string { return "sallyport/" + redact.CleanLine(stack) }

// RunStatus is a run as a commit status.
func RunStatus(r Run) forge.Status {
	return forge.Status{Context: Context(r.Stack), State: stateOf(r.Status), Description: forge.Cut(r.description(), MaxDescription), TargetURL: r.URL}
}

// Untouched is the status of a stack that a pull request does not touch: a success, so that a context that branch protection
// requires never blocks.
func Untouched(stack string, words forge.Words) forge.Status {
	return forge.Status{Context: Context(stack), State: forge.Success, Description: "not touched by this " + words.Noun()}
}

// Settled is the status of a stack that a pull request touches and of which nothing is to be planned, and why: a success like
// [Untouched], with other words.
func Settled(stack, why string) forge.Status {
	return forge.Status{Context: Context(stack), State: forge.Success, Description: forge.Cut("not planned: "+redact.CleanLine(why), MaxDescription)}
}

// NotPlanned is the status of a stack that a pull request touches and that is not planned, and why. It is no failure:
// nothing was found wrong, and it waits for a person.
func NotPlanned(stack, why string) forge.Status {
	return forge.Status{Context: Context(stack), State: forge.Pending, Description: forge.Cut("not planned: "+redact.CleanLine(why), MaxDescription)}
}

// stateOf maps the statuses of runs. A status that it does not know must never look like a success.
func stateOf(s store.Status) forge.State {
	switch s {
	case store.Pending, store.Planning, store.Planned, store.Approved, store.Applying:
		return forge.Pending
	case store.Applied, store.NoChanges, store.Previewed:
		return forge.Success
	case store.Errored, store.Interrupted, store.Discarded:
		return forge.Failure
	}
	return forge.Broken
}

// description says how a run stands, with the words of others at its end: what is cut is never the part that is known.
func (r Run) description() string {
	text := r.words()
	if r.Held != "" && !r.Status.Terminal() {
		text += ": " + redact.CleanLine(r.Held)
	}
	if r.Differs != "" && r.Status == store.Previewed {
		text += "; " + redact.CleanLine(r.Differs)
	}
	return text
}

// words are our own words for how a run stands, and the names of people.
func (r Run) words() string {
	card := notify.Card{Status: r.Status, Plan: r.Plan, Hooks: r.Hooks, Build: r.Image}
	text := r.ownWords(card)
	if warns := notify.HookWarns(card); warns != "" {
		text += "; " + warns
	}
	return text
}

func (r Run) ownWords(card notify.Card) string {
	switch r.Status {
	case store.Pending:
		if r.Held != "" {
			return "held"
		}
		return "waiting to be planned"
	case store.Planning:
		return "planning"
	case store.Planned:
		text := "waiting for approval: " + card.Counts()
		if r.Needed > 1 {
			text = fmt.Sprintf("waiting for approval (%d of %d): %s", r.Got, r.Needed, card.Counts())
		}
		return text
	case store.Approved:
		return "approved" + r.by() + ": " + card.Counts()
	case store.Applying:
		if r.Apply != nil && r.Apply.Total > 0 {
			return fmt.Sprintf("applying %d of %d", r.Apply.Done, r.Apply.Total)
		}
		return "applying"
	case store.Applied:
		if r.Plan == nil {
			return "applied" + r.by()
		}
		return "applied" + r.by() + ": " + card.Done()
	case store.NoChanges:
		return "no changes"
	case store.Previewed:
		if r.Image {
			return "packer validate: valid, " + card.Counts()
		}
		return card.Counts()
	}
	return r.badEnd()
}

func (r Run) badEnd() string {
	switch r.Status {
	case store.Errored:
		switch {
		case r.Image:
			return "packer validate failed, nothing is built"
		case r.Apply == nil:
			return "the plan failed, nothing was changed"
		}
		return "the apply failed after " + r.progress() + "; the state may be partly changed"
	case store.Interrupted:
		return "interrupted after " + r.progress() + ": nobody saw the end of the apply"
	case store.Discarded:
		return "denied" + r.by()
	case store.Canceled:
		text := "canceled" + r.by()
		if r.Apply != nil {
			text += " after " + r.progress()
		}
		return text
	case store.Superseded:
		return "superseded by a newer run"
	case store.Expired:
		return "expired: nobody decided in time"
	case store.Stale:
		return "stale: the world moved since the plan"
	}
	return "in a status that this version does not know"
}

func (r Run) progress() string {
	if r.Apply == nil || r.Apply.Total == 0 {
		return "an unknown part"
	}
	return fmt.Sprintf("%d of %d", r.Apply.Done, r.Apply.Total)
}

// maxNames is how many people a status names.
const maxNames = 3

func (r Run) by() string {
	var names []string
	for _, name := range r.By {
		if name = strings.TrimSpace(forge.Cut(redact.CleanLine(name), 30)); name != "" {
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0:
		return ""
	case len(names) > maxNames:
		return fmt.Sprintf(" by %s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
	}
	return " by " + strings.Join(names, ", ")
}
