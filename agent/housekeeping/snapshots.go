package housekeeping

import (
	"context"
	"fmt"
	"time"

	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/rescue"
)

const (
	snapshotEvery = 15 * time.Minute
	snapshotRetry = time.Minute
)

// Snapshots says when the next one is due, and what became of the last.
type Snapshots struct {
	due      chan struct{} // something happened that must not be lost: do not wait for the time
	revision int           // of the store when it was copied last
	failures int           // in a row
	told     bool
}

// NewSnapshots begins without one.
func NewSnapshots() *Snapshots { return &Snapshots{due: make(chan struct{}, 1), revision: -1} }

// Soon asks for a snapshot now.
func (s *Snapshots) Soon() {
	select {
	case s.due <- struct{}{}:
	default: // it is asked for already
	}
}

// KeepSnapshots copies the store every quarter of an hour if anything changed, and after each apply, until ctx ends. It
// works beside the loop and never makes it wait.
func (a *Housekeeper) KeepSnapshots(ctx context.Context) {
	wait := a.sinceSnapshot()
	for ctx.Err() == nil {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-a.snapshots.due:
		case <-timer.C:
		}
		timer.Stop()
		err := a.health.Contained(health.Work{Name: "taking a snapshot", Watches: true}, func() error { return a.snapshot(ctx) })
		if ctx.Err() != nil {
			return
		}
		if wait = snapshotEvery; err != nil {
			wait = snapshotRetry
		}
		a.snapshotDone(err)
	}
}

// sinceSnapshot is how long the first snapshot can wait: agents that are restarted often must not go without.
func (a *Housekeeper) sinceSnapshot() time.Duration {
	all, err := rescue.Snapshots(a.active.Cfg().DataDir)
	if err != nil || len(all) == 0 {
		return snapshotRetry
	}
	return min(snapshotEvery, max(time.Second, snapshotEvery-a.now().Sub(all[0].At)))
}

func (a *Housekeeper) snapshot(ctx context.Context) error {
	revision, err := a.store.Revision()
	if err != nil || revision == a.snapshots.revision {
		return err
	}
	taken, err := rescue.TakeSnapshot(ctx, a.checker, a.store, a.active.Cfg().DataDir, a.now())
	if err != nil {
		return err
	}
	a.snapshots.revision = revision
	a.log.Debug("snapshot taken", "file", taken.Path)
	return nil
}

// snapshotDone shows a failure in status, and tells people once when a second try fails too, and when it works again.
func (a *Housekeeper) snapshotDone(err error) {
	s := a.snapshots
	if a.faults.Set("snapshots", err) && err != nil {
		a.log.Warn("taking a snapshot of the store", "err", err)
	}
	text := ""
	if err == nil {
		if s.told {
			text = "Snapshots of the store can be taken again."
		}
		s.failures = 0
	} else if s.failures++; s.failures == 2 {
		text = fmt.Sprintf("No snapshot of the store can be taken: %s. If the store were lost now, what happened since the last one would be lost with it.", err)
	}
	if text == "" {
		return
	}
	key := fmt.Sprintf("snapshots/%d", a.now().UnixMilli())
	if err := a.journal.Update(func(tx *journal.Tx) error { return tx.Enqueue(a.ledger.Note(key, text)) }); err != nil {
		a.journal.StoreFault(err)
		return
	}
	s.told = err != nil
}
