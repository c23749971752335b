package execute

import (
	"fmt"
	"strings"
	"time"

	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

// An apply is never cut off: that is what loses state. People are told when one takes unusually long.
const (
	longApplies = 5
	longLook    = 100 // runs that are looked through for those
)

// usualApply is the longest that one of the stack's last applies took; zero if there was none.
func usualApply(tx *store.Tx, run *store.Run) (longest time.Duration, err error) {
	runs, err := tx.Runs(store.RunFilter{Stack: run.Stack, Before: run.ID, Limit: longLook})
	found := 0
	for _, r := range runs {
		if r.Status != store.Applied || r.Apply == nil || r.Apply.EndedAt.IsZero() || found == longApplies {
			continue
		}
		found++
		if took := r.Apply.EndedAt.Sub(r.Apply.StartedAt); took < 24*time.Hour { // else the clock jumped
			longest = max(longest, took)
		}
	}
	return longest, err
}

func (a *reminders) tellLong(run *store.Run, took, usual time.Duration) error {
	return a.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.Run(run.ID)
		if err != nil || now.Status != store.Applying || now.Apply == nil || now.Held != "" && !strings.HasPrefix(now.Held, lifecycle.FollowFails) {
			return err
		}
		text := fmt.Sprintf("the apply has been running for %s", took.Round(time.Second))
		if usual > 0 {
			text += fmt.Sprintf("; the stack's last ones took %s at most", usual.Round(time.Second))
		}
		text += fmt.Sprintf(". %d of %d are done", now.Apply.Done, now.Apply.Total)
		if now.Apply.Current != "" {
			text += ", it works on " + now.Apply.Current
		}
		text += fmt.Sprintf(". It is not cut off. To look: sallyport show %d --log. To ask terraform to stop: sallyport cancel %d", run.ID, run.ID)
		if now, err = tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.Held = text
			return nil
		}); err != nil {
			return err
		}
		if err := a.ledger.RefreshCard(tx.Tx, now); err != nil {
			return err
		}
		return a.ledger.Say(tx.Tx, now, store.MessageLoud, "long", fmt.Sprintf("#%d %s: %s", run.ID, run.Stack, text))
	})
}
