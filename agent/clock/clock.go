// Package clock tells the time by two clocks, and when a schedule is due.
//
// The wall clock of a machine jumps: at boot, when it is first set; after a virtual machine slept; when somebody sets it
// wrong by a year and right again. The uptime cannot be set, but it ends with the machine. So nothing that must not happen
// depends on the wall clock alone, and nothing that must happen waits for a time that it may never reach: rules take a
// [Reading] of both clocks at one moment, and treat a stored time that cannot be as one of before the clock was put back.
package clock

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"golang.org/x/sys/unix"

	"sallyport/store"
)

const (
	// Doubt is how far two clocks may differ until one of them counts as set.
	Doubt = 5 * time.Minute
	// Look is how often a long wait is compared with the wall clock.
	Look = 10 * time.Second
	// Never is the wait for a schedule that names no time in the next years: 29 February in 2097.
	Never = 24 * time.Hour
)

// Reading is what both clocks show at one moment. An empty Up says that there is no clock but the wall's.
type Reading struct {
	Wall time.Time
	Up   store.Uptime
}

// Passed is how much time has passed since a moment by the clock that nobody can set. It is not known when that moment was of
// another boot of the machine, or was not recorded.
func (r Reading) Passed(since store.Uptime) (d time.Duration, known bool) {
	if since.Boot == "" || since.Boot != r.Up.Boot || r.Up.Since < since.Since {
		return 0, false
	}
	return r.Up.Since - since.Since, true
}

// Left is how long a stored wait still lasts, zero or less if it is over. One that is longer than it can have been when it was
// stored is over: the clock was put back.
func (r Reading) Left(until time.Time, most time.Duration) time.Duration {
	if wait := until.Sub(r.Wall); wait <= most {
		return wait
	}
	return 0
}

// Jumped reports whether the wall clock was set while d passed since it showed wall.
func (r Reading) Jumped(wall time.Time, d time.Duration) bool {
	return (r.Wall.Sub(wall) - d).Abs() > Doubt
}

// Due is the first time of a schedule after it was last tried, in the past if it was missed: of all that were missed one is
// made up for. A last try ahead of now is of before the clock was put back, and makes it due now, since counted from then it
// would not be due before that time has come again. ever is false for a schedule that names no time in the next years.
func Due(schedule cron.Schedule, last, now time.Time) (at time.Time, ever bool) {
	if last.After(now.Add(Doubt)) {
		return now, true
	}
	at = schedule.Next(last)
	return at, !at.IsZero()
}

// UntilDue is how long it is until [Due]: zero or less if it is due now.
func UntilDue(schedule cron.Schedule, last, now time.Time) time.Duration {
	at, ever := Due(schedule, last, now)
	if !ever {
		return Never
	}
	return at.Sub(now)
}

// UntilNext is how long it is until a schedule's next time after now, at least a moment and never without end.
func UntilNext(schedule cron.Schedule, now time.Time) time.Duration {
	next := schedule.Next(now)
	if next.IsZero() {
		return Never
	}
	return max(time.Second/10, next.Sub(now))
}

// Uptime reads this machine's clock that nobody can set and that goes on while the machine sleeps. It is empty where there is
// none.
func Uptime() store.Uptime {
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

// Sleep waits until a time has passed, something changed, or ctx ended. A nil changed never does.
func Sleep(ctx context.Context, wait time.Duration, changed <-chan struct{}) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-changed:
	}
}
