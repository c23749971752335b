package agent

import (
	"fmt"
	"strings"
	"time"

	"sallyport/agent/config"
	"sallyport/store"
)

// An apply is never cut off: that is what loses state. People are told when one takes unusually long.
const (
	longApply   = 15 * time.Minute // nothing shorter is unusual, unless apply_alert says so
	longFactor  = 3                // times the longest of the last
	longApplies = 5
	longLook    = 100 // runs that are looked through for those
)

// watchApply tells people once when an apply takes longer than usual, and says when to look again.
func (a *Agent) watchApply(run *store.Run, s *config.Stack) (time.Duration, error) {
	took, known := a.reading().Passed(run.Apply.StartedUp)
	if !known {
		took = a.now().Sub(run.Apply.StartedAt)
	}
	limit := longApply
	if s != nil && s.ApplyAlert > 0 {
		limit = s.ApplyAlert
	}
	if wait := limit - took; wait > 0 {
		return wait, nil // without reading what came before
	}
	usual := time.Duration(0)
	if s == nil || s.ApplyAlert == 0 {
		var err error
		if usual, err = a.usualApply(run); err != nil {
			return 0, err
		}
		limit = max(longApply, longFactor*usual)
	}
	if wait := limit - took; wait > 0 {
		return wait, nil
	}
	return 0, a.tellLong(run, took, usual)
}

// usualApply is the longest that one of the stack's last applies took; zero if there was none.
func (a *Agent) usualApply(run *store.Run) (longest time.Duration, err error) {
	return longest, a.store.View(func(tx *store.Tx) error {
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
		return err
	})
}

func (a *Agent) tellLong(run *store.Run, took, usual time.Duration) error {
	return a.update(func(tx *store.Tx) error {
		now, err := tx.Run(run.ID)
		if err != nil || now.Status != store.Applying || now.Apply == nil || now.Held != "" && !strings.HasPrefix(now.Held, followFails) {
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
		if err := a.refreshCard(tx, now); err != nil {
			return err
		}
		return a.say(tx, now, store.MessageLoud, "long", fmt.Sprintf("#%d %s: %s", run.ID, run.Stack, text))
	})
}
