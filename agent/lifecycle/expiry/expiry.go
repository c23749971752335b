// Package expiry says how old a plan may get: when nobody may apply it any more, when people are reminded of that, when it is
// made again before its apply. A clock that jumps makes no plan younger. Pure.
package expiry

import (
	"fmt"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/notify/words"
	"sallyport/store"
)

// Overdue says why a plan's time is over; empty if it is not. What counts is the larger of two ages, by the wall clock and by
// the clock that nobody can set; doubt says that they do not agree, or that there is no telling.
func Overdue(run *store.Run, now clock.Reading) (why string, doubt bool) {
	if run.ExpiresAt.IsZero() {
		return "", false
	}
	wall := now.Wall.Sub(run.PlannedAt)
	if wall < -clock.Doubt {
		return fmt.Sprintf("the clock of this machine was put back: it shows a time %s before the plan was made, so nobody can tell how old the plan is",
			words.Duration(-wall)), true
	}
	up, known := now.Passed(run.PlannedUp)
	if max(wall, up) < run.ExpiresAt.Sub(run.PlannedAt) {
		return "", false
	}
	if known && (wall-up).Abs() > clock.Doubt {
		return fmt.Sprintf("the clock of this machine jumped by %s since the plan was made, so nobody can tell how old the plan is",
			words.Duration((wall - up).Abs())), true
	}
	why = "nobody decided in time"
	if run.Status == store.Approved {
		why = "it was approved and could not be applied in time"
	}
	return fmt.Sprintf("%s: the plan of %s was good until %s", why,
		run.PlannedAt.UTC().Format("2006-01-02 15:04 MST"), run.ExpiresAt.UTC().Format("2006-01-02 15:04 MST")), false
}

const (
	// A waiting plan reminds once, when a quarter of its time is left, or remindAtMost.
	remindPart   = 4
	remindAtMost = 4 * time.Hour
)

// ReminderDue is how much time a waiting plan has left, if it is time to remind people of it and nobody did. By whichever clock:
// if the two do not agree, nobody can tell how long that still takes, and the plan is made again; see [Overdue]. Zero: not now.
func ReminderDue(run *store.Run, now clock.Reading) time.Duration {
	if !run.RemindedAt.IsZero() || run.ExpiresAt.IsZero() {
		return 0
	}
	ttl := run.ExpiresAt.Sub(run.PlannedAt)
	wall := now.Wall.Sub(run.PlannedAt)
	up, known := now.Passed(run.PlannedUp)
	left := ttl - max(wall, up)
	if left <= 0 || left > min(ttl/remindPart, remindAtMost) || known && (wall-up).Abs() > clock.Doubt {
		return 0
	}
	return left
}

// MustVerify reports whether an approved plan is too old to be applied as it is. What counts is the larger of two ages, by the
// wall clock and by the clock that nobody can set.
func MustVerify(run *store.Run, s *config.Stack, now clock.Reading) bool {
	if s.Engine == config.EnginePacker || s.VerifyAfter == 0 {
		return false
	}
	at, up := run.PlannedAt, run.PlannedUp
	if !run.VerifiedAt.IsZero() {
		at, up = run.VerifiedAt, run.VerifiedUp
	}
	age, _ := now.Passed(up)
	return max(age, now.Wall.Sub(at)) > s.VerifyAfter
}
