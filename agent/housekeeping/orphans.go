package housekeeping

import (
	"context"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"sallyport/agent/proc"
)

// orphanRest is how often ended orphans are looked for, and how long one has to have ended before it is buried: a child of
// os/exec's is waited for by its own goroutine, and must not be taken from it.
const orphanRest = 10 * time.Minute

// AdoptOrphans makes this process the parent of all that its children start and that loses its own, so that nobody who asks
// for something at the socket can have shaken off where they come from.
func AdoptOrphans() error {
	if err := proc.Adopt(); err != nil {
		return fmt.Errorf("asking for what plans leave behind: %w", err)
	}
	return nil
}

// Orphans buries adopted processes that have ended, until ctx ends.
func (h *Housekeeper) Orphans(ctx context.Context) {
	tick := time.NewTicker(orphanRest)
	defer tick.Stop()
	before := map[int]uint64{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			before = BuryOrphans(before, h.log)
		}
	}
}

// BuryOrphans asks for the exit codes of children that had ended before already, and returns those that have ended now, with
// when they were started.
func BuryOrphans(before map[int]uint64, log *slog.Logger) map[int]uint64 {
	ended := map[int]uint64{}
	children, err := proc.Ended()
	if err != nil {
		log.Warn("looking for orphans that have ended", "err", err)
	}
	for pid, start := range children {
		if before[pid] == start {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
			continue
		}
		ended[pid] = start
	}
	return ended
}
