package ledger

import (
	"sallyport/agent/active"
	"sallyport/agent/announce"
	"sallyport/agent/journal"
	"sallyport/agent/phrase"
	"sallyport/store"
)

// Renew lets a run take the place of one that asks people, message and thread included: one story stays one message.
// Approvals stay with the old run. If it is not known where its message is, the new one gets its own.
func (l *Ledger) Renew(tx *journal.Tx, conf *active.Config, old, next *store.Run) error {
	card := old.Card
	var thread *store.Thread
	if card != nil {
		var err error
		if thread, err = tx.Thread(old.ID); err != nil {
			return err
		}
		if err := tx.DeleteThread(old.ID); err != nil {
			return err
		}
		// Before it ends: what it would still say must not land in a message that is not its own any more.
		if old, err = tx.ChangeRun(old.ID, func(r *store.Run) error { r.Card = nil; return nil }); err != nil {
			return err
		}
		if err := dropCard(tx.Tx, old); err != nil {
			return err
		}
	}
	why := "what drifted is something else now"
	if _, err := l.Move(tx, conf, old, store.Move{From: old.Status, To: store.Superseded, Text: why}, phrase.Because("superseded: "+why)); err != nil {
		return err
	}
	l.work.Stop(old.ID)
	next.After = old.ID
	if err := l.Create(tx, conf, next); err != nil || card == nil {
		return err
	}
	run, err := tx.ChangeRun(next.ID, func(r *store.Run) error {
		r.Card = &store.Card{Channel: card.Channel, TS: card.TS, Permalink: card.Permalink, Renewed: true}
		return nil
	})
	if err != nil {
		return err
	}
	thread.Run = next.ID
	if err := tx.PutThread(thread); err != nil {
		return err
	}
	return l.RefreshCard(tx.Tx, run)
}

// dropCard takes a run's card out of the outbox.
func dropCard(tx *store.Tx, run *store.Run) error {
	for { // one may wait behind another that is being sent
		card, err := tx.MessageWith(announce.CardKey(run.ID))
		if err != nil || card == nil {
			return err
		}
		if err := tx.DeleteMessage(card.Seq); err != nil {
			return err
		}
	}
}
