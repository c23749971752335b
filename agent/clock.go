package agent

import (
	"fmt"
	"time"

	"sallyport/agent/clock"
	"sallyport/store"
)

// maxPlanWait and maxSendHold are the longest waits that are ever stored. A stored time further ahead is of before the clock
// was put back.
const (
	maxPlanWait = 5 * time.Minute
	maxSendHold = 15 * time.Minute
)

// reading is what both clocks show now.
func (a *Agent) reading() clock.Reading { return clock.Reading{Wall: a.now(), Up: a.opts.Uptime()} }

// overdue says why a plan's time is over; empty if it is not. What counts is the larger of two ages, by the wall clock and by
// the clock that nobody can set; doubt says that they do not agree, or that there is no telling.
func (a *Agent) overdue(run *store.Run) (why string, doubt bool) {
	if run.ExpiresAt.IsZero() {
		return "", false
	}
	now := a.reading()
	wall := now.Wall.Sub(run.PlannedAt)
	if wall < -clock.Doubt {
		return fmt.Sprintf("the clock of this machine was put back: it shows a time %s before the plan was made, so nobody can tell how old the plan is",
			(-wall).Round(time.Minute)), true
	}
	up, known := now.Passed(run.PlannedUp)
	if max(wall, up) < run.ExpiresAt.Sub(run.PlannedAt) {
		return "", false
	}
	if known && (wall-up).Abs() > clock.Doubt {
		return fmt.Sprintf("the clock of this machine jumped by %s since the plan was made, so nobody can tell how old the plan is",
			(wall - up).Abs().Round(time.Minute)), true
	}
	why = "nobody decided in time"
	if run.Status == store.Approved {
		why = "it was approved and could not be applied in time"
	}
	return fmt.Sprintf("%s: the plan of %s was good until %s", why,
		run.PlannedAt.UTC().Format("2006-01-02 15:04 MST"), run.ExpiresAt.UTC().Format("2006-01-02 15:04 MST")), false
}
