package buttons

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify"
	"sallyport/notify/button"
	"sallyport/notify/slack/modal"
	"sallyport/notify/verbs"
	"sallyport/notify/words"
	"sallyport/store"
)

// typed is what a vote by a button says in the place of somebody's words.
const typed = "button"

// maxReason bounds what somebody writes who denies, in characters; the modal takes no more.
const maxReason = 500

// filled does what a modal was opened for. wrong is what somebody has to fill in otherwise, by its block; nothing was counted then.
func (b *Buttons) filled(ctx context.Context, p *press) (text said, wrong map[string]string, err error) {
	if why, err := b.ofModal(p); why != "" || err != nil {
		return why, nil, err
	}
	switch p.e.View.Callback {
	case modal.CallbackApprove:
		if why, err := b.mayNot(ctx, p, string(store.Approve)); why != "" || err != nil {
			return why, nil, err
		}
		if why, err := b.undecidable(p, store.Approve); why != "" || err != nil {
			return why, nil, err
		}
		words, wrong := b.approval(p)
		if wrong != nil {
			return "", wrong, nil
		}
		text, err = b.count(p, words)
	case modal.CallbackDeny:
		reason := p.e.View.State[modal.Reason][modal.Reason].Value
		text, err = b.decide(ctx, p, strings.TrimSpace(string(store.Deny)+" "+words.Cut(strings.TrimSpace(reason), maxReason)))
	case modal.CallbackCancel:
		text, err = b.cancel(ctx, p)
	default:
		text = "This did not count: it is none of the windows that I open."
	}
	return text, nil, err
}

// decide weighs the words of a decision for who may decide.
func (b *Buttons) decide(ctx context.Context, p *press, text string) (said, error) {
	verb, _, _ := strings.Cut(text, " ")
	if why, err := b.mayNot(ctx, p, verb); why != "" || err != nil {
		return why, err
	}
	return b.count(p, text)
}

// approval is what was ticked and typed in a modal, as the words of a reply; wrong says what is missing.
func (b *Buttons) approval(p *press) (text string, wrong map[string]string) {
	var ticked []string
	for block, fields := range p.e.View.State {
		if strings.HasPrefix(block, modal.Ticks) {
			ticked = append(ticked, fields[block].Options...)
		}
	}
	slices.Sort(ticked)
	text, complaint := button.Said(p.run.Plan, slices.Compact(ticked), p.e.View.State[modal.Typed][modal.Typed].Value)
	if complaint == "" {
		decided, _, _ := notify.ParseDecisionFor(text, p.run.Plan)
		complaint, _ = decided.Covers(p.run.Plan)
		complaint, _, _ = strings.Cut(complaint, " Reply: ") // it is ticked here
	}
	if complaint == "" {
		return text, nil
	}
	at, why := missing(p, complaint)
	return "", map[string]string{at: b.shown(words.Cut(why, 300))}
}

// missing is at which block of a modal it is told what is wrong with an approval, and in which words: those name addresses.
func missing(p *press, complaint string) (block, why string) {
	block = modal.Typed
	if len(p.run.Plan.MustName()) == 0 {
		block = modal.Ticks + "_0"
	}
	if s := p.conf.Stack(p.run.Stack); s == nil || s.PlanInSlack != "full" && s.PlanInSlack != "addresses" {
		complaint = fmt.Sprintf("What is named is not what this plan wants: sallyport show %d lists what has to be named.", p.run.ID)
	}
	return block, complaint
}

// count counts a decision, by the same function as every other, and has the thread told in the same transaction.
func (b *Buttons) count(p *press, text string) (said, error) {
	decided, ok, complaint := notify.ParseDecisionFor(text, p.run.Plan)
	if !ok {
		return said(words.Sentence("This did not count: " + complaint)), nil
	}
	v := votes.Vote{Run: p.run.ID, Words: decided, By: p.by(), Text: typed, At: p.e.At, Digest: p.of.Digest}
	counted, err := b.opts.Operator.Decide(v, func(tx *store.Tx, refusal error) error {
		if refusal != nil {
			return nil // nobody else has to read it
		}
		now, err := tx.Run(v.Run)
		if err != nil {
			return err
		}
		return b.opts.Ledger.Say(tx, now, store.MessageReply, fmt.Sprintf("button/%s/%d", words.Short(v.Digest), len(now.Decisions)), line(now, v))
	})
	var refusal *hint.Refusal
	switch {
	case errors.As(err, &refusal):
		return b.refused(p, v, refusal)
	case err != nil:
		return "", err
	}
	return said("Counted: " + words.Sentence(strings.TrimPrefix(counted.Message, "counted: "))), nil
}

// line is what the thread is told of a vote by a button.
func line(run *store.Run, v votes.Vote) string {
	if v.Words.Verdict == store.Approve {
		return fmt.Sprintf("#%d %s: approved by %s with the button.", run.ID, run.Stack, v.By)
	}
	text := fmt.Sprintf("#%d %s: denied by %s with the button", run.ID, run.Stack, v.By)
	if v.Words.Reason != "" {
		return text + ": " + v.Words.Reason
	}
	return text + "."
}

// refused says why a vote does not count. Of one that was counted before it says so: the same press comes again, and people press twice.
func (b *Buttons) refused(p *press, v votes.Vote, refusal error) (said, error) {
	if why, err := b.find(p); why != "" || err != nil {
		return why, err
	}
	if text := countedBefore(p.run, v); text != "" {
		return text, nil
	}
	return b.notCounted(p, refusal), nil
}

// countedBefore tells somebody that their vote was counted, as long as what came of it is what they wanted; empty otherwise.
func countedBefore(run *store.Run, v votes.Vote) said {
	for _, d := range run.Decisions {
		if d.By != v.By || d.Verdict != v.Words.Verdict || !votes.Counts(run, d) || v.Digest != run.Plan.Shown() && v.Digest != run.Plan.Digest {
			continue
		}
		switch {
		case d.Verdict == store.Deny && run.Status == store.Discarded:
			return said(fmt.Sprintf("Your deny of #%d counts: it is %s.", run.ID, run.Status))
		case d.Verdict == store.Approve && slices.Contains([]store.Status{store.Planned, store.Approved, store.Applying, store.Applied, store.NoChanges}, run.Status):
			return said(fmt.Sprintf("Your approval of #%d counts already; it is %s.", run.ID, run.Status))
		}
	}
	return ""
}

func (b *Buttons) notCounted(p *press, refusal error) said {
	text := words.Sentence("This did not count: " + refusal.Error())
	if next := hint.Of(refusal); next != "" {
		text += " Next: " + next
	}
	return said(verbs.InSlack(text, p.conf.Directory.Bot()))
}

// undecidable says why a run cannot be decided about now, by the rule of every decision; empty if it can.
func (b *Buttons) undecidable(p *press, verdict store.Verdict) (said, error) {
	v := votes.Vote{Run: p.run.ID, Words: notify.Words{Verdict: verdict}, By: p.by(), Digest: p.of.Digest}
	if err := votes.Decidable(p.run, p.conf.Stack(p.run.Stack), v, b.opts.Clocks.Reading()); err != nil {
		return b.refused(p, v, err)
	}
	return "", nil
}

// cancel stops an apply for who may, as the word in the thread does.
func (b *Buttons) cancel(ctx context.Context, p *press) (said, error) {
	if why, err := b.mayNot(ctx, p, "cancel"); why != "" || err != nil {
		return why, err
	}
	if why := uncancelable(p); why != "" {
		return why, nil
	}
	_, text, err := b.opts.Operator.Cancel(p.run.ID, p.by())
	var refusal *hint.Refusal
	switch {
	case errors.As(err, &refusal):
		return b.notCounted(p, refusal), nil
	case err != nil:
		return "", err
	}
	err = b.opts.Journal.Update(func(tx *journal.Tx) error { return b.tellCancel(tx.Tx, p) })
	if errors.Is(err, store.ErrFull) {
		err = nil // the run knows that it is to stop
	}
	return said(words.Sentence(text)), err
}

// tellCancel has the thread told who canceled, once a person: to press twice does no harm.
func (b *Buttons) tellCancel(tx *store.Tx, p *press) error {
	mark := "button/cancel/" + p.user
	t, err := tx.Thread(p.run.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // there is none to tell it in
	}
	if err != nil || slices.Contains(t.Handled, mark) {
		return err
	}
	t.Handled = append(t.Handled, mark)
	if err := tx.PutThread(t); err != nil {
		return err
	}
	return b.opts.Ledger.Say(tx, p.run, store.MessageReply, mark, fmt.Sprintf("#%d %s: canceled by %s with the button.", p.run.ID, p.run.Stack, p.by()))
}

// uncancelable says why there is nothing to cancel.
func uncancelable(p *press) said {
	switch {
	case p.run.Status.Terminal():
		return said(fmt.Sprintf("#%d has ended (%s), so there is nothing to cancel.", p.run.ID, p.run.Status))
	case p.run.Status != store.Applying:
		return said(fmt.Sprintf("This did not count: #%d is %s, not applying; deny is the word that stops it.", p.run.ID, p.run.Status))
	}
	return samePlan(p)
}
