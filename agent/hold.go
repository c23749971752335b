package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/agent/config"
	"sallyport/notify"
	"sallyport/store"
)

// A run that cannot move says why: in its record, which status shows with what to do, on its card, and once in its thread when
// somebody waits for it. What holds it for a moment only is not worth a word there.

const (
	// heldTell is how long a run is held for one reason until its thread is told.
	heldTell = 20 * time.Second
	// slotPatience is how long a run waits for others to end until it says so. Most get their turn before.
	slotPatience = 30 * time.Second
	// maxHeldTold bounds the reasons that are remembered as told; who is told an eleventh may be told the first again.
	maxHeldTold = 10
	// slotWords are in every hold that ends as soon as others have ended.
	slotWords = "waits for one of "
)

// waitReason is why a run does not move on.
type waitReason struct {
	why, hint string
	recheck   time.Duration // until it is worth another look; zero: it is looked at as ever
	// everyday: many runs at a time are held so, and it passes. Sites that host repositories are not told.
	everyday bool
}

// hold writes why a run does not move on; nothing if that is known already.
func (a *Agent) hold(run *store.Run, why, hint string) error {
	return a.holdWith(run, waitReason{why: why, hint: hint})
}

// holdApproved says why an approved run waits, and that it is looked at again soon.
func (a *Agent) holdApproved(run *store.Run, why, hint string) error {
	return a.holdWith(run, waitReason{why: why, hint: hint, recheck: gateRetry})
}

func (a *Agent) holdWith(run *store.Run, h waitReason) error {
	h.why, h.hint = a.redact(h.why), a.redact(h.hint)
	tell := a.tellsHold(run, h)
	if run.Held == h.why && run.Hint == h.hint && !tell && h.recheck == 0 {
		return nil
	}
	return a.update(func(tx *store.Tx) error {
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
			if err := a.sayHeld(tx, now); err != nil {
				return err
			}
		}
		if !fresh {
			return nil
		}
		if h.everyday {
			return a.refreshCard(tx, now)
		}
		return errors.Join(a.tellOverview(tx, now), a.refreshCard(tx, now), a.publish(tx, now))
	})
}

// tellsHold: somebody waits for the run, it has been held for this reason for a while, and its thread does not know.
func (a *Agent) tellsHold(run *store.Run, h waitReason) bool {
	waitedFor := run.Status == store.Approved || run.RequestedBy != ""
	return waitedFor && h.why != "" && run.Held == h.why && a.now().Sub(run.HeldAt).Abs() >= heldTell && !slices.Contains(run.HeldTold, heldDigest(h.why))
}

// heldDigest tells reasons apart.
func heldDigest(why string) string {
	sum := sha256.Sum256([]byte(why))
	return hex.EncodeToString(sum[:6])
}

// sayHeld tells in a run's thread why it waits.
func (a *Agent) sayHeld(tx *store.Tx, run *store.Run) error {
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

// waitForSlot holds a run that could go on if others ended, once that takes long enough for somebody to wonder.
func (a *Agent) waitForSlot(w *world, run *store.Run, s *config.Stack) (time.Duration, error) {
	why, hint := slotWait(w, s)
	if run.Status == store.Approved {
		return 0, a.hold(run, "approved; "+why, hint)
	}
	waited := a.now().Sub(run.UpdatedAt).Abs()
	if run.Held != why && waited < slotPatience {
		return slotPatience - waited, nil // not held: most get their turn within moments, whose end wakes the loop
	}
	return 0, a.holdWith(run, waitReason{why: why, hint: hint, everyday: true})
}

// slotWait says what a run waits for when as much is at work as may be.
func slotWait(w *world, s *config.Stack) (why, hint string) {
	if stuck := usersKeptBack(w.pool); stuck != "" {
		return stuck, "sallyport doctor tells what to do"
	}
	if !w.pool.Room(false) {
		return fmt.Sprintf(slotWords+"%d users to end its work (terraform.user)", max(1, w.pool.Size())), "it goes on by itself"
	}
	if s.Engine == config.EnginePacker {
		return fmt.Sprintf(slotWords+"%d builds to end (packer.parallel)", w.cfg.Packer.Parallel), "it goes on by itself"
	}
	return fmt.Sprintf(slotWords+"%d terraform processes to end (terraform.parallel)", w.cfg.Terraform.Parallel), "it goes on by itself"
}

// A notNowError says why an approved run could not be applied in the very moment in which that was to be decided.
type notNowError struct{ why, hint string }

func (e *notNowError) Error() string { return "not now: " + e.why }

// Is makes it an errNotNow.
func (e *notNowError) Is(target error) bool { return target == errNotNow }

// notCompared says that nobody knows whether the newest commit touches a run's stack, and what is in the way of finding out.
func (a *Agent) notCompared(st *store.StackState, repository *store.RepositoryState) error {
	e := &notNowError{
		why:  fmt.Sprintf("%s is newer, and nobody knows yet whether it changes this stack", short(repository.Head)),
		hint: "it goes on by itself once the stack can be read at that commit; sallyport status says what is in the way",
	}
	if st.Error != "" {
		e.why += ": " + notify.Cause(st.Error)
	} else if p := a.faults.of(lookingFault(repository.Name)); p.Error != "" {
		e.why += ": " + notify.Cause(a.redact(p.Error))
	}
	return e
}

// lookingFault is the source of the problem that a repository's newest commit cannot be compared with its stacks.
func lookingFault(repository string) string {
	return "repository " + repository + ": looking for changed stacks"
}

// notLookedUp says why nobody knows whether a run's stack is still there: the globs that may find it were not looked up since
// the start. Empty while that is only a matter of moments.
func (a *Agent) notLookedUp(repository string) (why, hint string) {
	cause := a.faults.of(lookingFault(repository)).Error
	if cause == "" {
		cause = a.faults.of("repository " + repository).Error
	}
	if cause == "" && a.now().Sub(a.started).Abs() < slotPatience {
		return "", ""
	}
	why = "the stacks of repository " + repository + " were not looked up since the agent started"
	if cause != "" {
		why += ": " + notify.Cause(a.redact(cause))
	}
	return why, "it goes on by itself once the repository can be read; see sallyport status"
}
