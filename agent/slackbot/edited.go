package slackbot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sallyport/agent/active"
	"sallyport/agent/journal"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/store"
)

// editedMark says among what was handled of a thread that somebody was told that their edited reply does not count.
func editedMark(ts string) string { return "edited/" + ts }

// editedLater answers, once, a reply that was answered before and reads like a decision since it was edited: it stands in the thread as
// one that counts, and counts for nothing. What was counted and is edited then is withdrawn, and told so.
func (sb *Slackbot) editedLater(ctx context.Context, conf *active.Config, self slack.Identity, run *store.Run, t *store.Thread, m slack.Message) error {
	mark := editedMark(m.TS)
	if !m.Edited || run.Status.Terminal() || slices.Contains(t.Handled, mark) ||
		slices.ContainsFunc(run.Decisions, func(d store.Decision) bool { return d.TS == m.TS }) {
		return nil
	}
	said, _ := notify.CutMention(m.Text, self.UserID)
	if _, ok, complaint := notify.ParseDecision(said); !ok && complaint == "" {
		return nil
	}
	was := m
	was.Edited = false
	if _, human := was.Human(self); !human {
		return nil
	}
	// Whether they may is told to who writes it again; who they are called is known after this.
	if _, err := conf.Directory.MayDecide(ctx, m.User, active.Approvers(conf.Cfg, conf.Stack(run.Stack))); err != nil {
		return err
	}
	err := sb.journal.Update(func(tx *journal.Tx) error {
		t, err := tx.Thread(run.ID)
		if err != nil || slices.Contains(t.Handled, mark) {
			return err
		}
		t.Handled = append(t.Handled, mark)
		return errors.Join(tx.PutThread(t), sb.ledger.Say(tx.Tx, run, store.MessageReply, "answer/"+mark, fmt.Sprintf(
			"slack:%s, what you edited did not count: it was edited after it was sent; please write it again, as a reply of its own.", m.User)))
	})
	if errors.Is(err, store.ErrFull) {
		return nil // a comfort
	}
	return err
}
