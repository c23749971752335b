package outbox

import (
	"context"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/notify/people"
	"sallyport/store"
)

// toLog is the log, where there is no Slack.
type toLog struct {
	outbox *Outbox
	world  *active.Config
}

func (l toLog) takes(m *store.Message) bool { return !m.Kind.ForSite() && !m.Kind.ForReceiver() }

func (l toLog) rests(*store.Message) time.Duration { return 0 }

func (l toLog) waits(*store.Message) {}

func (l toLog) struck(m *store.Message, p *health.StruckError) (time.Duration, error) {
	return p.Wait(), l.outbox.messageStruck(l.world, m, p)
}

func (l toLog) deliver(_ context.Context, m *store.Message, _ *queue) (time.Duration, error) {
	return 0, l.outbox.deliverToLog(l.world, m)
}

// deliverToLog says a message and notes that it was said.
func (ob *Outbox) deliverToLog(conf *active.Config, m *store.Message) error {
	run, err := ob.ledger.RunOf(m)
	if err != nil {
		return err
	}
	ob.logNotice(conf, m, run)
	return ob.journal.Write(func(tx *journal.Tx) error {
		tx.Passes(string(m.Kind), "told")
		if run != nil && !run.Told {
			if _, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Told = true; return nil }); err != nil {
				return err
			}
		}
		return tx.DeleteMessage(m.Seq)
	})
}

// logNotice is the whole of telling people when there is no Slack.
func (ob *Outbox) logNotice(conf *active.Config, m *store.Message, run *store.Run) {
	names := people.Names(conf.Name)
	text := names.Plain(m.Text)
	switch {
	case m.Kind == store.MessageFile, m.Kind == store.MessageOverview, m.Kind == store.MessageCard && run != nil && run.Told:
		return // a log is not edited: what comes after the first card are the replies
	case m.Kind == store.MessageCard && run != nil:
		card := ob.Card(conf, run)
		card.Shell = ob.notices == nil // the demo shows what Slack would
		text = names.Plain(card.Called(names.Plain).Plain())
	}
	if ob.notices != nil {
		ob.notices(text)
		return
	}
	ob.log.Info("notice", "run", m.Run, "text", text)
}
