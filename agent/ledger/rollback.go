package ledger

import (
	"time"

	"sallyport/agent/hint"
	"sallyport/store"
)

// Each card carries the head of our history of the moment when it was written, so that Slack remembers what our disk may
// forget: a volume that was put back to a snapshot, or a copy of the data directory that went on by itself. Then we do not
// know what was decided and applied meanwhile, and must not go on as if nothing had been.

// Where it is kept in the store.
const (
	RollbackKey store.Key[Rollback] = "history/astray"  // the proof that our history is not what Slack remembers of it
	SettledKey  store.Key[Rollback] = "history/settled" // when a person last said that all is well
)

// Rollback is the proof that our store went back in time, or forked.
type Rollback struct {
	At      time.Time `json:"at"`
	Channel string    `json:"channel"`
	TS      string    `json:"ts"`
	Why     string    `json:"why"`
}

// ShowRollback shows in status that the history is not what Slack remembers of it.
func (l *Ledger) ShowRollback() error {
	var proof Rollback
	err := l.store.View(func(tx *store.Tx) (err error) {
		proof, _, err = RollbackKey.Get(tx)
		return err
	})
	if err != nil {
		return err
	}
	if proof.TS == "" {
		l.faults.Set("history", nil)
		return nil
	}
	l.faults.Set("history", hint.Refuse("compare `sallyport runs` with the messages in Slack, then: sallyport resume", "%s", proof.Why))
	return nil
}

// Settle is a person's word that the agent may go on with the history that it has. What Slack remembers up to now is not
// compared again.
func (l *Ledger) Settle(tx *store.Tx) error {
	proof, known, err := RollbackKey.Get(tx)
	if err != nil || !known {
		return err
	}
	if err := RollbackKey.Forget(tx); err != nil {
		return err
	}
	return SettledKey.Put(tx, proof)
}
