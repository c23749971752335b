package agent

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"golang.org/x/sys/unix"

	"sallyport/store"
)

// The wall clock of a machine jumps: at boot, when it is first set; after a virtual machine slept; when somebody sets it
// wrong by a year and right again. So nothing that must not happen depends on it alone, and nothing that must happen waits
// for a time that it may never reach.

const (
	// clockDoubt is how far two clocks may differ until one of them counts as set.
	clockDoubt = 5 * time.Minute
	// maxPlanWait and maxSendHold are the longest waits that are ever stored. A stored time further ahead is of before
	// the clock was put back.
	maxPlanWait = 5 * time.Minute
	maxSendHold = 15 * time.Minute
	// noNextTime is the wait for a schedule that names no time in the next years: 29 February in 2097.
	noNextTime = 24 * time.Hour
)

// uptime is a clock that nobody can set and that goes on while the machine sleeps; it ends with the machine.
func uptime() store.Uptime {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return store.Uptime{}
	}
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return store.Uptime{}
	}
	return store.Uptime{Boot: strings.TrimSpace(string(boot)), Since: time.Duration(t.Nano())}
}

// passed is how much time has passed since a moment: by the clock that nobody can set, if it is the same boot of the machine.
func (a *Agent) passed(since store.Uptime) (time.Duration, bool) {
	now := a.opts.Uptime()
	if since.Boot == "" || since.Boot != now.Boot || now.Since < since.Since {
		return 0, false
	}
	return now.Since - since.Since, true
}

// overdue says why a plan's time is over; empty if it is not. What counts is the larger of two ages, by the wall clock and by
// the clock that nobody can set; doubt says that they do not agree, or that there is no telling.
func (a *Agent) overdue(run *store.Run) (why string, doubt bool) {
	if run.ExpiresAt.IsZero() {
		return "", false
	}
	wall := a.now().Sub(run.PlannedAt)
	if wall < -clockDoubt {
		return fmt.Sprintf("the clock of this machine was put back: it shows a time %s before the plan was made, so nobody can tell how old the plan is",
			(-wall).Round(time.Minute)), true
	}
	up, known := a.passed(run.PlannedUp)
	if max(wall, up) < run.ExpiresAt.Sub(run.PlannedAt) {
		return "", false
	}
	if known && (wall-up).Abs() > clockDoubt {
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

// left is how long a stored wait still lasts. One that is longer than it can have been is over: the clock was put back.
func (a *Agent) left(until time.Time, most time.Duration) time.Duration {
	if wait := until.Sub(a.now()); wait <= most {
		return wait
	}
	return 0
}

// untilNext is how long it is until a schedule's next time, at least a moment and never without end.
func untilNext(schedule cron.Schedule, now time.Time) time.Duration {
	next := schedule.Next(now)
	if next.IsZero() {
		return noNextTime
	}
	return max(time.Second/10, next.Sub(now))
}

// jumped reports whether the wall clock was set since a moment of both clocks.
func (a *Agent) jumped(began, wall time.Time) bool {
	return (a.now().Sub(wall) - time.Since(began)).Abs() > clockDoubt
}
