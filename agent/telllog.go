package agent

import (
	"errors"

	"sallyport/store"
)

// tellLog is the whole of telling people when there is no Slack.
func (a *outbox) tellLog(w *world, m *store.Message, run *store.Run) {
	text := m.Text
	switch {
	case m.Kind == store.MessageFile, m.Kind == store.MessageOverview, m.Kind == store.MessageCard && run != nil && run.Told:
		return // a log is not edited: what comes after the first card are the replies
	case m.Kind == store.MessageCard && run != nil:
		card := a.card(w, run)
		card.Shell = a.notices == nil // the demo shows what Slack would
		text = card.Plain()
	}
	if a.notices != nil {
		a.notices(text)
		return
	}
	a.log.Info("notice", "run", m.Run, "text", text)
}

func (a *ledger) runOf(m *store.Message) (*store.Run, error) {
	if m.Run == 0 {
		return nil, nil
	}
	var run *store.Run
	err := a.store.View(func(tx *store.Tx) (err error) {
		run, err = tx.Run(m.Run)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return run, err
}
