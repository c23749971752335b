package ledger

import (
	"time"

	"sallyport/agent/active"
	"sallyport/agent/journal"
	"sallyport/agent/terraform/diag"
	"sallyport/notify"
	"sallyport/store"
)

// LockMet handles a plan that could not take the state lock, if one of our own processes may have left it behind: the run
// waits with the reason and looks again by itself. It reports false for ordinary contention, which passes.
func (l *Ledger) LockMet(conf *active.Config, run *store.Run, met *diag.LockInfo) (bool, error) {
	handled := false
	err := l.journal.Update(func(tx *journal.Tx) error {
		handled = false
		st, err := tx.Stack(run.Stack)
		if err != nil || st.LeftLock == nil && len(st.Unseen) == 0 {
			return err
		}
		handled = true
		lock := l.NoteLock(conf, st, met)
		if err := tx.PutStack(st); err != nil {
			return err
		}
		why := notify.LockText(lock)
		moved, err := l.Move(tx, conf, run, store.Move{From: store.Planning, To: store.Pending, Text: why}, func(r *store.Run) error {
			r.Held, r.Hint, r.NotBefore = why, notify.LockHint(lock, run.Stack), time.Time{}
			r.Attempts = max(0, r.Attempts-1) // to look is not to fail
			return nil
		})
		if err != nil {
			return err
		}
		return l.EnqueueLock(tx.Tx, conf, st, moved)
	})
	return handled, err
}
