// Package votes is who may decide about a run, and what the decisions that were noted come to: one human is one vote, whatever
// accounts they have. Pure.
package votes

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/fault"
	"sallyport/agent/hint"
	"sallyport/agent/lifecycle/expiry"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// Weigh counts the different people who approve; one deny outweighs them all.
func Weigh(run *store.Run, s *config.Stack) (enough bool, got int) {
	people := map[string]bool{}
	alone := false
	for _, d := range run.Decisions {
		if !Counts(run, d) {
			continue
		}
		if d.Verdict == store.Deny {
			return false, 0
		}
		if d.Verdict != store.Approve {
			continue // a word that this version does not know approves nothing
		}
		people[d.Person] = true
		alone = alone || GlassBroken(s, d)
	}
	if run.Policy() != "" {
		return true, s.Approvals // it stands for everybody
	}
	got = Distinct(people)
	if fault.Without("different people") {
		got = len(run.Decisions)
	}
	return alone || got >= max(1, s.Approvals), got
}

// AddsNothing says why an approval that was noted did not bring the run closer to its apply; empty if there is none.
func AddsNothing(run *store.Run) string {
	people := map[string]bool{}
	by := ""
	for _, d := range run.Decisions {
		if Counts(run, d) && d.Verdict == store.Approve {
			people[d.Person] = true
			if d.Person == Untied {
				by = d.By
			}
		}
	}
	if Distinct(people) == len(people) {
		return ""
	}
	if account, login := store.Account(by); login != "" && account != "cli:root" {
		by += " with an account that is not the login's"
	}
	return " No person block says who " + by + " is, so that approval adds nothing to those of others."
}

// Counts reports whether a recorded decision is about the plan that the run has now and was not withdrawn.
func Counts(run *store.Run, d store.Decision) bool {
	return d.Withdrawn == "" && run.Plan != nil && d.Digest == run.Plan.Shown()
}

// ApprovedBy says who approved a run, as a sentence that begins with a blank; empty if nobody did.
func ApprovedBy(run *store.Run) string {
	var by []string
	for _, d := range run.Decisions {
		if Counts(run, d) && d.Verdict == store.Approve {
			by = append(by, d.By)
		}
	}
	if len(by) == 0 {
		return ""
	}
	return " Approved by " + words.List(by, 10) + "."
}

// PolicyBy is the policy that approved a run, as a decision names it; empty if people did.
func PolicyBy(run *store.Run) string {
	if name := run.Policy(); name != "" {
		return store.PolicyPrefix + name
	}
	return ""
}

// Vote is one person's decision on its way into the store, from Slack or from a shell.
type Vote struct {
	Run     int
	Words   notify.Words
	By      string // slack:ID or cli:USER
	Text    string // as typed
	At      time.Time
	Channel string // of a vote in Slack
	TS      string

	Digest string // of the plan that was read, or its beginning; empty where the thread says which

	Early bool // it was typed before people were told of the plan that the run has now

	BreakGlass bool   // it is to stand for all approvals
	Reason     string // why the glass is broken
}

// Decidable refuses decisions about a run that is not waiting for any.
func Decidable(run *store.Run, s *config.Stack, v Vote, now clock.Reading) error {
	verb := string(v.Words.Verdict)
	switch run.Status {
	case store.Pending, store.Planning:
		return hint.Refuse("wait for its plan", "#%d is not planned yet (%s)", run.ID, run.Status)
	case store.Applying:
		if v.Words.Verdict == store.Deny {
			return hint.Refuse(fmt.Sprintf("sallyport cancel %d", run.ID), "#%d is already applying; `cancel` is the word that stops it", run.ID)
		}
		return hint.Refuse(fmt.Sprintf("it was approved, and needs nobody any more; how far it is: sallyport show %d", run.ID), "#%d is already applying", run.ID)
	case store.Planned, store.Approved:
	case store.Applied:
		return hint.Refuse(fmt.Sprintf("sallyport plan %s", run.Stack), "#%d is already applied; nothing to %s (it has ended: applied)", run.ID, cmp.Or(verb, "decide"))
	default:
		return hint.Refuse(fmt.Sprintf("sallyport plan %s", run.Stack), "#%d has ended: %s", run.ID, run.Status)
	}
	if v.Words.Verdict == store.Approve && v.Early {
		return hint.Refuse("look at the changes and decide again", "what you approved was the plan of #%d, and #%d has taken its place", run.After, run.ID)
	}
	if v.Digest != "" && !names(v.Digest, run.Plan) {
		return hint.Refuse(fmt.Sprintf("look again: sallyport show %d", run.ID), "the plan of #%d that waits now is %s, and you decided about another one (%s)", run.ID, run.Plan.Shown(), v.Digest)
	}
	if s == nil {
		return hint.Refuse("", "stack %s is not in the configuration any more", run.Stack)
	}
	if why, doubt := expiry.Overdue(run, now); doubt {
		return hint.Refuse("wait for the next plan", "%s", why)
	} else if why != "" {
		return hint.Refuse("sallyport plan "+run.Stack, "the plan of #%d expired at %s", run.ID, run.ExpiresAt.UTC().Format(time.RFC3339))
	}
	if v.Words.Verdict == store.Approve && s.Mode == config.ModeObserve {
		return hint.Refuse("", "stack %s is only observed; its plans are never applied", run.Stack)
	}
	if verb == "" {
		return hint.Refuse("write approve or deny", "nothing was decided")
	}
	return nil
}

// names reports whether a digest, or enough of its beginning, is that of a plan: of the one that people were shown, or of the
// same changes planned again.
func names(digest string, p *store.Plan) bool {
	digest = strings.ToLower(digest)
	for _, shown := range []string{p.Shown(), p.Digest} {
		if digest == shown || len(digest) >= notify.MinDigest && strings.HasPrefix(shown, digest) {
			return true
		}
	}
	return false
}

// covers refuses an approval that does not say what the plan wants, in the words of the place where it was given.
func covers(run *store.Run, v Vote) error {
	missing, ok := v.Words.Covers(run.Plan)
	if ok {
		return nil
	}
	if why, line := v.Words.CoversInShell(run.ID, run.Plan); line != "" && strings.HasPrefix(v.By, "cli:") {
		return hint.Refuse("if you mean it: "+line, "%s", why)
	}
	return hint.Refuse("", "%s", strings.TrimSuffix(missing, "."))
}

// MayApprove refuses an approval that does not name what it must, of a person who may not, or given twice.
func MayApprove(people []config.Person, run *store.Run, s *config.Stack, v Vote, person string) error {
	if err := covers(run, v); err != nil && !fault.Without("words") {
		return err
	}
	if v.BreakGlass {
		if err := MayBreakGlass(s, v); err != nil {
			return err
		}
	} else if !s.AllowSelfApproval {
		if err := NotOwn(people, run, v.By, person); err != nil {
			return err
		}
	}
	for _, d := range run.Decisions {
		if Counts(run, d) && d.Verdict == store.Approve && d.Person == person && (d.BreakGlass || !v.BreakGlass) && !fault.Without("different people") {
			return hint.Refuse("", "your approval of #%d counts already; %s", run.ID, needsMore(s))
		}
	}
	return nil
}

// needsMore says to somebody who approved twice what that adds.
func needsMore(s *config.Stack) string {
	if s.Approvals > 1 {
		return fmt.Sprintf("%d different people are needed", s.Approvals)
	}
	return "one is enough"
}
