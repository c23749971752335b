package housekeeping

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/datadir"
	"sallyport/agent/health"
	"sallyport/agent/rundir"
	"sallyport/agent/runner"
	"sallyport/store"
)

const (
	retainFirst   = 10 * time.Minute
	retainEvery   = time.Hour
	keptPerStack  = 20        // newest runs of a stack that stay, however old
	historyMost   = 1_000_000 // entries of the history: about 300 MB
	orphanedAfter = 24 * time.Hour
)

// Retain forgets what is older than the configuration keeps, every hour, beside the loop. Disk use so reaches
// a plateau: the store uses room again that it was given, and a run's directory goes with its record.
//
// Age is counted by the clock as it was at the start and by the time that really passed since, and nothing goes in the
// first minutes: a clock that jumps ahead, or is not set yet, must not make everything old.
func (h *Housekeeper) Retain(ctx context.Context) {
	began, wall := time.Now(), h.now()
	ticker := time.NewTicker(retainFirst)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			ticker.Reset(retainEvery)
		}
		err := h.health.Contained(health.Work{Name: "forgetting what is old", Watches: true}, func() error { return h.Trim(ctx, wall.Add(time.Since(began))) })
		if h.faults.Set("retention", err) && err != nil {
			h.log.Error("forgetting old runs", "err", err)
		}
	}
}

// Trim forgets what is older than the configuration keeps, as of a time.
func (h *Housekeeper) Trim(ctx context.Context, now time.Time) error {
	keep := h.active.Cfg().Retention
	done, err := h.store.Trim(ctx, store.Retention{
		Runs: keep.Runs, RunsBefore: now.Add(-keep.Age), PerStack: keptPerStack,
		HistoryBefore: now.Add(-keep.History), History: historyMost, Forget: h.forget,
	})
	if done != (store.Trimmed{}) {
		h.log.Info("old runs are forgotten", "runs", done.Runs, "events", done.Events)
	}
	return errors.Join(err, h.dropOrphans(now))
}

// forget removes the directory of a run whose record is about to go. What still lives in there, and a state that
// nobody has pushed, keep both.
func (h *Housekeeper) forget(run *store.Run) (bool, error) {
	dir := datadir.Run(h.active.Cfg().DataDir, run.ID)
	state, err := runner.Attach(dir)
	if err != nil {
		return false, err
	}
	if state.Phase == runner.Running || state.StillHeld || state.ErroredState != "" {
		return false, nil
	}
	if _, err := os.Lstat(filepath.Join(dir, rundir.SavedStateFile)); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return true, rundir.Remove(dir)
}

// dropOrphans removes directories that no run has any more and that no apply was started in, once they are a day old,
// and the rest of what a crash left half removed.
func (h *Housekeeper) dropOrphans(now time.Time) error {
	runs := datadir.Runs(h.active.Cfg().DataDir)
	entries, err := os.ReadDir(runs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listing the runs' directories: %w", err)
	}
	var faults []error
	for _, e := range entries {
		dir := filepath.Join(runs, e.Name())
		if strings.HasPrefix(e.Name(), ".old-") {
			faults = append(faults, os.RemoveAll(dir))
			continue
		}
		id, err := strconv.Atoi(e.Name())
		info, infoErr := e.Info()
		if err != nil || infoErr != nil || now.Sub(info.ModTime()) < orphanedAfter || worthKeeping(dir) {
			continue
		}
		err = h.store.View(func(tx *store.Tx) error {
			_, err := tx.Run(id)
			return err
		})
		if errors.Is(err, store.ErrNotFound) {
			faults = append(faults, rundir.Remove(dir))
		} else if err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// worthKeeping says whether a directory without a run may be the only trace of an apply. What cannot be read is.
func worthKeeping(dir string) bool {
	state, err := runner.Attach(dir)
	if err != nil || state.Phase != runner.NotStarted {
		return true
	}
	_, err = os.Lstat(filepath.Join(dir, rundir.SavedStateFile))
	return !errors.Is(err, fs.ErrNotExist)
}
