package slackbot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/fault"
	"sallyport/agent/health"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle/votes"
	"sallyport/agent/phrase"
	"sallyport/agent/slackbot/commands"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/verbs"
	"sallyport/notify/words"
	"sallyport/store"
)

// readThread weighs every reply of a run's thread that was not weighed yet, and notices votes that are gone.
func (sb *Slackbot) readThread(ctx context.Context, conf *active.Config, self slack.Identity, t *store.Thread, run *store.Run, parent *slack.Message) error {
	replies, err := conf.Slack.Replies(ctx, t.Channel, t.TS, t.TS)
	if err != nil {
		return err
	}
	if err := sb.withdraw(run, func(d store.Decision) string { return votes.GoneFrom(replies, d) }); err != nil {
		return err
	}
	handled := map[string]bool{}
	for _, ts := range t.Handled {
		handled[ts] = true
	}
	var faults []error
	for _, m := range replies {
		if !phrase.LaterTS(m.TS, t.TS) {
			continue
		}
		if handled[m.TS] {
			if err := sb.editedLater(ctx, conf, self, run, t, m); err != nil && parent != nil {
				faults = append(faults, err) // not in the way of an apply: it counts for nothing
			}
			continue
		}
		err := sb.health.Contained(health.Work{Name: fmt.Sprintf("weighing reply %s to #%d", m.TS, run.ID), Watches: true}, func() error {
			return sb.reply(ctx, conf, self, run.ID, m)
		})
		if struck := health.AsStruck(err); struck != nil {
			// Nobody knows whether it is a deny: it is in the way of an apply until it is weighed, or deleted.
			faults = append(faults, err, sb.replyStruck(run.ID, m, struck))
			continue
		}
		sb.notRecorded(ctx, conf, m, t.TS, err)
		said, _ := notify.CutMention(m.Text, self.UserID)
		if words, _, _ := notify.ParseDecision(said); parent == nil && words.Verdict != store.Deny {
			continue // before an apply only a deny that cannot be weighed is in the way
		}
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil || parent == nil {
		return err // what could not be weighed is read again
	}
	return sb.journal.Write(func(tx *journal.Tx) error {
		now, err := tx.Thread(t.Run)
		if err != nil {
			return err
		}
		now.ReplyCount, now.LatestReply = parent.ReplyCount, parent.LatestReply
		if n := len(replies); n > 0 && phrase.LaterTS(replies[n-1].TS, max(parent.LatestReply, t.TS)) {
			// The thread grew after the channel was read. If that reply is deleted the channel looks as it did before, so
			// what it said is not to be relied on: the thread is read once more.
			now.ReplyCount = -1
		}
		return tx.PutThread(now)
	})
}

// reply weighs one message in a run's thread: the same words with the bot's mention in front and without. What is neither an approve
// nor a deny is left alone, unless it looks like one. Everything else is counted or answered, once: the mark and the effect are one
// transaction.
func (sb *Slackbot) reply(ctx context.Context, conf *active.Config, self slack.Identity, runID int, m slack.Message) error {
	if m.User == self.UserID || m.BotID != "" && m.BotID == self.BotID {
		return nil
	}
	said, mentioned := notify.CutMention(m.Text, self.UserID)
	decided, ok, complaint := notify.ParseDecision(said)
	review, isReview := notify.ParseReview(said)
	if !ok && complaint == "" && !isReview {
		return sb.nearly(ctx, conf, self, runID, m, mention{said, mentioned})
	}
	run, err := sb.ledger.RunOf(&store.Message{Run: runID})
	if err != nil || run == nil || isReview && !ledger.Reviewable(run, m) {
		return err // talk
	}
	if err := sb.weigh(ctx, conf, self, run, m, word{said, decided, complaint, review, isReview}); err != nil {
		return err
	}
	commands.Seen(ctx, sb.log, conf, m)
	return nil
}

// word is a reply that was read: a decision, a review, or nearly one of them with what is wrong with it.
type word struct {
	said      string // without the mention
	decided   notify.Words
	complaint string
	review    string
	isReview  bool
}

// weigh counts a reply or answers why it does not count.
func (sb *Slackbot) weigh(ctx context.Context, conf *active.Config, self slack.Identity, run *store.Run, m slack.Message, said word) error {
	runID := run.ID
	mark := func(tx *store.Tx, refusal error) error {
		return sb.answer(tx, runID, m, notCounted(refusal, self.User))
	}
	refuseReply := func(text string) error {
		return sb.journal.Update(func(tx *journal.Tx) error { return sb.answer(tx.Tx, runID, m, text) })
	}
	if fault.Without("edited") {
		m.Edited = false
	}
	if fault.Without("human") {
		m.BotID, m.AppID, m.BotProfile = "", "", false
	}
	if why, human := m.Human(self); !human {
		return refuseReply(words.Sentence("This did not count: " + why))
	}
	s := conf.Stack(run.Stack)
	why, err := conf.Directory.MayDecide(ctx, m.User, active.Approvers(conf.Cfg, s))
	if err != nil {
		return fmt.Errorf("weighing a reply to #%d: %w", runID, err)
	}
	if why != "" && !fault.Without("approver") {
		verb := "review"
		if !said.isReview {
			verb = cmp.Or(string(said.decided.Verdict), string(store.Approve))
		}
		return refuseReply(commands.MayNot(conf, m.User, commands.About{Verb: verb, Stack: s, Run: run}, why))
	}
	switch {
	case said.complaint != "" && run.Status == store.Applied:
		return refuseReply(fmt.Sprintf("This did not count: #%d is already applied; nothing to approve.", runID))
	case said.complaint != "" && run.Status.Terminal():
		return refuseReply(fmt.Sprintf("This did not count: #%d has ended: %s.", runID, run.Status))
	case said.complaint != "":
		_, _, complaint := notify.ParseDecisionFor(said.said, run.Plan)
		return refuseReply("This did not count: " + strings.TrimSuffix(complaint, ".") + ".")
	}
	if said.isReview {
		_, err = sb.operator.Review(runID, "slack:"+m.User, said.review, mark)
	} else {
		_, err = sb.operator.Decide(votes.Vote{
			Run: runID, Words: said.decided, By: "slack:" + m.User, Text: said.said, At: phrase.TimeOf(m.TS), Channel: m.Channel, TS: m.TS,
		}, mark)
	}
	if refused := (*hint.Refusal)(nil); errors.As(err, &refused) {
		return nil // answered
	}
	return err
}

// replyStruck tells in the thread, once, that a reply cannot be weighed.
func (sb *Slackbot) replyStruck(runID int, m slack.Message, struck *health.StruckError) error {
	if !struck.News || !struck.Held() {
		return nil
	}
	return sb.journal.Update(func(tx *journal.Tx) error {
		run, err := tx.Run(runID)
		if err != nil {
			return err
		}
		return sb.ledger.Say(tx.Tx, run, store.MessageReply, "struck/"+m.TS, fmt.Sprintf("I cannot weigh the reply of <@%s>: %s. It does not count, and nothing is applied "+
			"while it stands here. Next: delete it and say it in other words, or decide in a shell: sallyport approve %d, sallyport deny %d", m.User, struck.Panic, runID, runID))
	})
}

// answer marks a reply as handled and, if it did not count, says so in the thread.
func (sb *Slackbot) answer(tx *store.Tx, runID int, m slack.Message, refusal string) error {
	t, err := tx.Thread(runID)
	if err != nil || slices.Contains(t.Handled, m.TS) {
		return err
	}
	t.Handled = append(t.Handled, m.TS)
	if m.Edited {
		t.Handled = append(t.Handled, editedMark(m.TS)) // the answer says so
	}
	if err := tx.PutThread(t); err != nil {
		return err
	}
	if refusal == "" {
		return nil
	}
	run, err := tx.Run(runID)
	if err != nil {
		return err
	}
	return sb.ledger.Say(tx, run, store.MessageReply, "answer/"+m.TS, refusal)
}

// notCounted says why a reply did not count, in Slack's words; empty if it did.
func notCounted(refusal error, bot string) string {
	if refusal == nil {
		return ""
	}
	text := words.Sentence("This did not count: " + refusal.Error())
	if hint := hint.Of(refusal); hint != "" {
		text += " Next: " + hint
	}
	return verbs.InSlack(text, bot)
}
