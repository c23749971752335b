package ledger

import (
	"errors"
	"slices"
	"time"

	"sallyport/agent/announce"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/notify"
	"sallyport/store"
)

// A run that cannot move says why: in its record, which status shows with what to do, on its card, and once in its thread when
// somebody waits for it. What holds it for a moment only is not worth a word there.

const (
	// HeldTell is how long a run is held for one reason until its thread is told.
	HeldTell = 20 * time.Second
	// maxHeldTold bounds the reasons that are remembered as told; who is told an eleventh may be told the first again.
	maxHeldTold = 10
)

// WaitReason is why a run does not move on.
type WaitReason struct {
	Why, Hint string
	recheck   time.Duration // until it is worth another look; zero: it is looked at as ever
	// everyday: many runs at a time are held so, and it passes. Sites that host repositories are not told.
	Everyday bool
}

// Hold writes why a run does not move on; nothing if that is known already.
func (l *Ledger) Hold(run *store.Run, why, hint string) error {
	return l.HoldWith(run, WaitReason{Why: why, Hint: hint})
}

// HoldApproved says why an approved run waits, and that it is looked at again soon.
func (l *Ledger) HoldApproved(run *store.Run, why, hint string) error {
	return l.HoldWith(run, WaitReason{Why: why, Hint: hint, recheck: lifecycle.ChecksRetry})
}

// HoldWith is [Ledger.Hold] with everything that can be said of the reason.
func (l *Ledger) HoldWith(run *store.Run, h WaitReason) error {
	h.Why, h.Hint = l.health.Redact(h.Why), l.health.Redact(h.Hint)
	tell, blocked := l.tellsHold(run, h), blocks(l, run, h)
	if run.Held == h.Why && run.Hint == h.Hint && !tell && !blocked && h.recheck == 0 {
		return nil
	}
	return l.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.Run(run.ID)
		if err != nil || now.Status != run.Status {
			return err // it moved on meanwhile, and is not held
		}
		fresh, at := now.Held != h.Why || now.Hint != h.Hint, l.now().UTC()
		tell, blocked = tell && l.tellsHold(now, h), blocked && blocks(l, now, h)
		now, err = tx.ChangeRun(run.ID, func(r *store.Run) error {
			if r.Held != h.Why || h.Why == "" {
				r.HeldAt = at
			}
			if r.Held, r.Hint = h.Why, h.Hint; r.Held == "" {
				r.HeldAt = time.Time{}
			}
			if h.recheck > 0 {
				r.NotBefore = at.Add(h.recheck)
			}
			if tell {
				r.HeldTold = append(r.HeldTold, announce.HeldDigest(h.Why))
				r.HeldTold = r.HeldTold[max(0, len(r.HeldTold)-maxHeldTold):]
			}
			return nil
		})
		if err != nil {
			return err
		}
		if tell {
			if err := l.SayHeld(tx.Tx, now); err != nil {
				return err
			}
		}
		if blocked {
			if err := l.TellBlocked(tx.Tx, l.active.Current.Load(), now); err != nil {
				return err
			}
		}
		if !fresh {
			return nil
		}
		if h.Everyday {
			return l.RefreshCard(tx.Tx, now)
		}
		return errors.Join(l.EnqueueOverview(tx.Tx, now), l.RefreshCard(tx.Tx, now), l.Publish(tx.Tx, now))
	})
}

// blocks: the run has been held for this reason for a while, somebody waits for it or has to do something about it, and receivers of
// notify blocks do not know that.
func blocks(l *Ledger, run *store.Run, h WaitReason) bool {
	waitedFor := run.Status == store.Approved || run.RequestedBy != "" || notify.ToDo(h.Hint) != ""
	return waitedFor && !h.Everyday && h.Why != "" && run.Held == h.Why && l.now().Sub(run.HeldAt).Abs() >= HeldTell && l.Blocks(l.active.Current.Load(), run)
}

// tellsHold: somebody waits for the run, it has been held for this reason for a while, and its thread does not know.
func (l *Ledger) tellsHold(run *store.Run, h WaitReason) bool {
	waitedFor := run.Status == store.Approved || run.RequestedBy != ""
	return waitedFor && h.Why != "" && run.Held == h.Why && l.now().Sub(run.HeldAt).Abs() >= HeldTell && !slices.Contains(run.HeldTold, announce.HeldDigest(h.Why))
}
