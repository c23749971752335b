package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"sallyport/agent/lifecycle"
	"sallyport/notify"
	"sallyport/store"
)

// A run that cannot move says why: in its record, which status shows with what to do, on its card, and once in its thread when
// somebody waits for it. What holds it for a moment only is not worth a word there.

const (
	// heldTell is how long a run is held for one reason until its thread is told.
	heldTell = 20 * time.Second
	// maxHeldTold bounds the reasons that are remembered as told; who is told an eleventh may be told the first again.
	maxHeldTold = 10
)

// waitReason is why a run does not move on.
type waitReason struct {
	why, hint string
	recheck   time.Duration // until it is worth another look; zero: it is looked at as ever
	// everyday: many runs at a time are held so, and it passes. Sites that host repositories are not told.
	everyday bool
}

// hold writes why a run does not move on; nothing if that is known already.
func (a *ledger) hold(run *store.Run, why, hint string) error {
	return a.holdWith(run, waitReason{why: why, hint: hint})
}

// holdApproved says why an approved run waits, and that it is looked at again soon.
func (a *ledger) holdApproved(run *store.Run, why, hint string) error {
	return a.holdWith(run, waitReason{why: why, hint: hint, recheck: lifecycle.ChecksRetry})
}

func (a *ledger) holdWith(run *store.Run, h waitReason) error {
	h.why, h.hint = a.redact(h.why), a.redact(h.hint)
	tell := a.tellsHold(run, h)
	if run.Held == h.why && run.Hint == h.hint && !tell && h.recheck == 0 {
		return nil
	}
	return a.update(func(tx *Tx) error {
		now, err := tx.Run(run.ID)
		if err != nil || now.Status != run.Status {
			return err // it moved on meanwhile, and is not held
		}
		fresh, at := now.Held != h.why || now.Hint != h.hint, a.now().UTC()
		tell = tell && a.tellsHold(now, h)
		now, err = tx.ChangeRun(run.ID, func(r *store.Run) error {
			if r.Held != h.why || h.why == "" {
				r.HeldAt = at
			}
			if r.Held, r.Hint = h.why, h.hint; r.Held == "" {
				r.HeldAt = time.Time{}
			}
			if h.recheck > 0 {
				r.NotBefore = at.Add(h.recheck)
			}
			if tell {
				r.HeldTold = append(r.HeldTold, heldDigest(h.why))
				r.HeldTold = r.HeldTold[max(0, len(r.HeldTold)-maxHeldTold):]
			}
			return nil
		})
		if err != nil {
			return err
		}
		if tell {
			if err := a.sayHeld(tx.Tx, now); err != nil {
				return err
			}
		}
		if !fresh {
			return nil
		}
		if h.everyday {
			return a.refreshCard(tx.Tx, now)
		}
		return errors.Join(a.tellOverview(tx.Tx, now), a.refreshCard(tx.Tx, now), a.publish(tx.Tx, now))
	})
}

// tellsHold: somebody waits for the run, it has been held for this reason for a while, and its thread does not know.
func (a *ledger) tellsHold(run *store.Run, h waitReason) bool {
	waitedFor := run.Status == store.Approved || run.RequestedBy != ""
	return waitedFor && h.why != "" && run.Held == h.why && a.now().Sub(run.HeldAt).Abs() >= heldTell && !slices.Contains(run.HeldTold, heldDigest(h.why))
}

// heldDigest tells reasons apart.
func heldDigest(why string) string {
	sum := sha256.Sum256([]byte(why))
	return hex.EncodeToString(sum[:6])
}

// sayHeld tells in a run's thread why it waits.
func (a *ledger) sayHeld(tx *store.Tx, run *store.Run) error {
	text := strings.TrimPrefix(run.Held, "approved; ")
	if !strings.HasPrefix(text, "waits") {
		text = "It waits: " + text
	}
	text = strings.ToUpper(text[:1]) + text[1:] + "."
	if run.Hint != "" {
		text += " Next: " + run.Hint
	}
	return a.say(tx, run, store.MessageReply, "held/"+heldDigest(run.Held), text)
}

// lookingFault is the source of the problem that a repository's newest commit cannot be compared with its stacks.
func lookingFault(repository string) string {
	return "repository " + repository + ": looking for changed stacks"
}

// notLookedUp says why nobody knows whether a run's stack is still there: the globs that may find it were not looked up since
// the start. Empty while that is only a matter of moments.
func (a *executor) notLookedUp(repository string) (why, hint string) {
	cause := a.faults.of(lookingFault(repository)).Error
	if cause == "" {
		cause = a.faults.of("repository " + repository).Error
	}
	if cause == "" && a.now().Sub(a.started).Abs() < lifecycle.SlotPatience {
		return "", ""
	}
	why = "the stacks of repository " + repository + " were not looked up since the agent started"
	if cause != "" {
		why += ": " + notify.Cause(a.redact(cause))
	}
	return why, "it goes on by itself once the repository can be read; see sallyport status"
}
