package outbox

import (
	"sallyport/agent/active"
	"sallyport/store"
)

// tellLog is the whole of telling people when there is no Slack.
func (a *Outbox) tellLog(w *active.Config, m *store.Message, run *store.Run) {
	text := m.Text
	switch {
	case m.Kind == store.MessageFile, m.Kind == store.MessageOverview, m.Kind == store.MessageCard && run != nil && run.Told:
		return // a log is not edited: what comes after the first card are the replies
	case m.Kind == store.MessageCard && run != nil:
		card := a.Card(w, run)
		card.Shell = a.notices == nil // the demo shows what Slack would
		text = card.Plain()
	}
	if a.notices != nil {
		a.notices(text)
		return
	}
	a.log.Info("notice", "run", m.Run, "text", text)
}
