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

	"sallyport/agent/active"
	"sallyport/agent/datadir"
	"sallyport/agent/health"
	"sallyport/agent/outbox"
	"sallyport/agent/phrase"
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
	// keptAfterStack is how long what init brought is kept of a stack that is not configured any more: it may come back on another branch.
	keptAfterStack = 30 * 24 * time.Hour
)

// Retain forgets what is older than the configuration keeps, every hour, beside the loop. Disk use so reaches
// a plateau: the store uses room again that it was given, and a run's directory goes with its record.
//
// Age is counted by the clock as it was at the start and by the time that really passed since, and nothing goes in the
// first minutes: a clock that jumps ahead, or is not set yet, must not make everything old. One that was ahead before the start
// and stays so is told by Slack's, see asOf.
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
		err := h.health.Contained(health.Work{Name: "forgetting what is old", Watches: true}, func() error {
			heard, err := h.heard()
			return errors.Join(err, h.Trim(ctx, asOf(wall.Add(time.Since(began)), heard)))
		})
		if h.faults.Set("retention", err) && err != nil {
			h.log.Error("forgetting old runs", "err", err)
		}
	}
}

// aheadOfSlack is how far our clock may be ahead of the newest message in Slack until that message counts.
const aheadOfSlack = 7 * 24 * time.Hour

// asOf is the time from which ages are counted: at most a week after the newest message that was heard in Slack, by Slack's clock. An
// agent that is started while its clock is a year ahead would take every record for old, and what is forgotten does not come
// back. Where nobody has spoken for longer, the agent included, nothing has come that needs the room. A zero heard says nothing.
func asOf(now, heard time.Time) time.Time {
	if most := heard.Add(aheadOfSlack); !heard.IsZero() && now.After(most) {
		return most
	}
	return now
}

// heard is when the newest message of the channels was written, by Slack's clock; zero without Slack, or before it was read.
func (h *Housekeeper) heard() (newest time.Time, err error) {
	conf := h.active.Current.Load()
	if conf.Cfg.Slack == nil {
		return time.Time{}, nil
	}
	err = h.store.View(func(tx *store.Tx) error {
		for name := range active.ChannelsOf(conf) {
			channel := active.Identity{ID: name}
			if strings.HasPrefix(name, "#") {
				known, found, err := active.ChannelKey(name).Get(tx)
				if err != nil {
					return err
				}
				if found {
					channel = known
				}
			}
			read, _, err := outbox.CursorKey(channel.ID).Get(tx)
			if err != nil {
				return err
			}
			if at := phrase.TimeOf(read.TS); read.TS != "" && at.After(newest) {
				newest = at
			}
		}
		return nil
	})
	return newest, err
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
	conf := h.active.Current.Load()
	tidied := h.cache.Tidy(func(name string) bool { return conf.Stack(name) != nil }, now.Add(-keptAfterStack))
	return errors.Join(err, h.dropOrphans(now), tidied)
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
