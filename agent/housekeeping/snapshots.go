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
func (h *Housekeeper) KeepSnapshots(ctx context.Context) {
	wait := h.sinceSnapshot()
	for ctx.Err() == nil {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-h.snapshots.due:
		case <-timer.C:
		}
		timer.Stop()
		err := h.health.Contained(health.Work{Name: "taking a snapshot", Watches: true}, func() error { return h.snapshot(ctx) })
		if ctx.Err() != nil {
			return
		}
		if wait = snapshotEvery; err != nil {
			wait = snapshotRetry
		}
		h.snapshotDone(err)
	}
}

// sinceSnapshot is how long the first snapshot can wait: agents that are restarted often must not go without.
func (h *Housekeeper) sinceSnapshot() time.Duration {
	all, err := rescue.Snapshots(h.active.Cfg().DataDir)
	if err != nil || len(all) == 0 {
		return snapshotRetry
	}
	return min(snapshotEvery, max(time.Second, snapshotEvery-h.now().Sub(all[0].At)))
}

func (h *Housekeeper) snapshot(ctx context.Context) error {
	revision, err := h.store.Revision()
	if err != nil || revision == h.snapshots.revision {
		return err
	}
	taken, err := rescue.TakeSnapshot(ctx, h.checker, h.store, h.active.Cfg().DataDir, h.now())
	if err != nil {
		return err
	}
	h.snapshots.revision = revision
	h.log.Debug("snapshot taken", "file", taken.Path)
	return nil
}

// snapshotDone shows a failure in status, and tells people once when a second try fails too, and when it works again.
func (h *Housekeeper) snapshotDone(err error) {
	s := h.snapshots
	if h.faults.Set("snapshots", err) && err != nil {
		h.log.Warn("taking a snapshot of the store", "err", err)
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
	key := fmt.Sprintf("snapshots/%d", h.now().UnixMilli())
	if err := h.journal.Update(func(tx *journal.Tx) error { return tx.Enqueue(h.ledger.Note(key, text)) }); err != nil {
		h.journal.StoreFault(err)
		return
	}
	s.told = err != nil
}
