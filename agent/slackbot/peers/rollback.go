package peers

import (
	"context"
	"errors"
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/words"
	"sallyport/store"
)

// compareHistory compares what a card of our own says about our history with the history. It must be called after the
// card was read, so that what it says was stored before.
func (w *Watch) compareHistory(ctx context.Context, conf *active.Config, channel, ts string, mark slack.Mark) error {
	if mark.Seq == 0 {
		return nil // written by an older version
	}
	why := ""
	err := w.store.View(func(tx *store.Tx) error {
		if _, tripped, err := ledger.RollbackKey.Get(tx); err != nil || tripped {
			return err // known, and told
		}
		head, _, err := tx.HistoryHead()
		if err != nil {
			return err
		}
		if mark.Seq > head {
			why = fmt.Sprintf("the message of #%d %s was written when the history had %s, and it has only %d now: the data directory was put back to an older state",
				mark.Run, mark.Stack, words.CountOf(int(mark.Seq), "entry", "entries"), head)
			return nil
		}
		hash, err := tx.HistoryAt(mark.Seq)
		if errors.Is(err, store.ErrNotFound) {
			return nil // trimmed: too old to be compared
		}
		if err == nil && hash != mark.Hash {
			why = fmt.Sprintf("the message of #%d %s was written after another entry %d of the history than the one in the data directory: "+
				"the directory was copied and both copies went on, or it was put back to an older state and went on from there", mark.Run, mark.Stack, mark.Seq)
		}
		return err
	})
	if err != nil || why == "" {
		return err
	}
	return w.pauseForRollback(ctx, conf, ledger.Rollback{Channel: channel, TS: ts, Why: why})
}

// pauseForRollback pauses the agent and tells people once.
func (w *Watch) pauseForRollback(ctx context.Context, conf *active.Config, proof ledger.Rollback) error {
	link, _ := conf.Slack.Permalink(ctx, proof.Channel, proof.TS) // a comfort
	proof.At = w.now().UTC()
	return w.journal.Update(func(tx *journal.Tx) error {
		if err := ledger.RollbackKey.Put(tx, proof); err != nil {
			return err
		}
		s, err := tx.Agent()
		if err != nil {
			return err
		}
		reason := "its data went astray: " + proof.Why
		if s.Paused != nil {
			reason += "; before that it was paused " + notify.Paused(s.Paused)
		}
		s.Paused = &store.Pause{By: "agent", At: proof.At, Reason: reason}
		if err := tx.PutAgent(s); err != nil {
			return err
		}
		if err := tx.AddEvent(store.Event{Type: "pause", By: "agent", Text: reason}); err != nil {
			return err
		}
		text := "The agent paused itself: " + proof.Why + "."
		if link != "" {
			text += " See " + link + "."
		}
		text += " What was decided and applied meanwhile is not known here; plans that wait may have been applied already. Nothing is planned or applied. " +
			"If another agent runs on a copy of the data directory, stop it. Then compare `sallyport runs` with the messages in this channel, and: sallyport resume"
		note := w.ledger.Note("astray/"+proof.Channel+"/"+proof.TS, text)
		note.Mention = true
		w.log.Error("the store went back in time or forked; pausing", "why", proof.Why)
		return tx.Enqueue(note)
	})
}
