package outbox

import (
	"context"
	"errors"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/fault"
	"sallyport/agent/journal"
	"sallyport/notify/slack"
	"sallyport/store"
)

const (
	sendTimeout = 30 * time.Second
)

// deliverOne sends one message and records what became of it. It returns after how long to try again; zero means done.
// The error is the store's.
func (a *Outbox) deliverOne(ctx context.Context, w *active.Config, m *store.Message, cardless bool) (time.Duration, error) {
	run, err := a.ledger.RunOf(m)
	if err != nil {
		return 0, err
	}
	if w.Slack == nil {
		a.tellLog(w, m, run)
		return 0, a.journal.Write(func(tx *journal.Tx) error {
			tx.Passes(string(m.Kind), "told")
			if run != nil && !run.Told {
				if _, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Told = true; return nil }); err != nil {
					return err
				}
			}
			return tx.DeleteMessage(m.Seq)
		})
	}
	sender := &sender{agent: a, world: w, message: m, run: run, cardless: cardless}
	if sender.needless() {
		return 0, a.journal.Write(func(tx *journal.Tx) error { return tx.DeleteMessage(m.Seq) })
	}
	unknown := m.Sending && !fault.Without("search")
	if !m.Sending && m.After == "" {
		if m.After, err = a.lastHeard(w, m, run); err != nil {
			return 0, err
		}
		if m.After == "" && !a.active.HasListened() {
			return time.Second, nil // the ear begins by looking; it wakes the outbox
		}
	}
	m.Sending, m.Attempts = true, m.Attempts+1
	err = a.journal.Write(func(tx *journal.Tx) error {
		tx.Passes(string(m.Kind), "sending")
		return tx.PutMessage(m)
	})
	if errors.Is(err, store.ErrReplaced) || errors.Is(err, store.ErrNotFound) {
		return time.Millisecond, nil // there is something newer to say: look again
	}
	if err != nil {
		return 0, err
	}
	sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	done, err := sender.send(sendCtx, unknown)
	if err == nil {
		a.faults.Set("slack", nil)
		return 0, a.journal.Update(func(tx *journal.Tx) error {
			tx.Passes(string(m.Kind), "sent")
			if done != nil {
				if err := done(tx.Tx); err != nil {
					return err
				}
			}
			return tx.DeleteMessage(m.Seq)
		})
	}
	if sender.cardGone(err) {
		// Somebody deleted the run's message: from now on it has another one.
		return time.Millisecond, a.journal.Update(func(tx *journal.Tx) error {
			if _, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Card = nil; return nil }); err != nil {
				return err
			}
			m.Sending = false
			return tx.PutMessage(m)
		})
	}
	// An earlier try whose outcome is unknown stays so as long as only the search for it failed.
	m.Sending = sender.wrote && (slack.Unknown(err) || ctx.Err() != nil) || unknown && !sender.wrote
	return a.undelivered(ctx, m, err)
}

// undelivered keeps a message for later.
func (a *Outbox) undelivered(ctx context.Context, m *store.Message, cause error) (time.Duration, error) {
	wait := min(time.Second<<min(m.Attempts, 9), maxSendWait)
	if after, ok := slack.RetryAfter(cause); ok {
		wait = max(after, time.Second)
	} else if a.faults.Set("slack", cause) && ctx.Err() == nil {
		a.log.Warn("sending to slack", "run", m.Run, "kind", m.Kind, "err", cause)
	}
	m.NotBefore, m.Error = a.now().UTC().Add(wait), a.health.Redact(cause.Error())
	err := a.journal.Write(func(tx *journal.Tx) error { return tx.PutMessage(m) })
	if errors.Is(err, store.ErrReplaced) || errors.Is(err, store.ErrNotFound) {
		return time.Millisecond, nil
	}
	return wait, err
}
