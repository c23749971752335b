package housekeeping

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"sallyport/agent/archive"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/config/calendar"
	"sallyport/agent/datadir"
	"sallyport/agent/health"
	"sallyport/agent/hint"
	"sallyport/agent/hostcommand"
	"sallyport/agent/journal"
	"sallyport/store"
)

const backupRetry = 15 * time.Minute // after a failure, if the schedule's next time is not sooner

// SendBackups makes a backup when the configuration says so and hands it to a command, until ctx ends. When is counted
// from the last try, which the store remembers: what was missed while the agent was down is made up for, once.
func (h *Housekeeper) SendBackups(ctx context.Context) {
	for ctx.Err() == nil {
		changed := h.changes.Next()
		cfg := h.active.Cfg().Backup
		if cfg == nil {
			clock.Sleep(ctx, time.Hour, changed)
			continue
		}
		wait, err := h.untilBackup(cfg)
		if err != nil {
			h.journal.StoreFault(err)
			wait = time.Minute
		}
		if wait > 0 {
			clock.Sleep(ctx, min(wait, clock.Look), nil)
			continue
		}
		var size int64
		err = h.health.Contained(health.Work{Name: "making a backup", Watches: true}, func() (err error) {
			size, err = h.sendBackup(ctx, cfg)
			return err
		})
		if ctx.Err() != nil {
			return // it was not its fault: the next start tries again
		}
		if err := h.backupDone(cfg, size, err); err != nil {
			h.journal.StoreFault(err)
			clock.Sleep(ctx, time.Minute, nil) // or it would be made again and again
		}
	}
}

// untilBackup is how long the next backup has time; zero or less if it is due.
func (h *Housekeeper) untilBackup(cfg *config.Backup) (time.Duration, error) {
	var last archive.Record
	err := h.store.View(func(tx *store.Tx) (err error) {
		last, err = archive.LoadRecord(tx)
		return err
	})
	if err != nil || last.TriedAt.IsZero() {
		return 0, err // never: the first one shows that it works
	}
	schedule, err := calendar.ParseSchedule(cfg.Schedule)
	if err != nil {
		return time.Hour, nil // cannot be: the configuration was checked
	}
	now := h.now()
	wait := clock.UntilDue(schedule, last.TriedAt, now)
	if last.Error != "" {
		wait = min(wait, last.TriedAt.Add(backupRetry).Sub(now))
	}
	return wait, nil
}

// sendBackup makes one and runs the command. It returns the backup's size in bytes.
func (h *Housekeeper) sendBackup(ctx context.Context, cfg *config.Backup) (size int64, err error) {
	if err := os.MkdirAll(datadir.Scratch(h.active.Cfg().DataDir), 0o700); err != nil {
		return 0, fmt.Errorf("making room for a backup: %w", err)
	}
	dir, err := os.MkdirTemp(datadir.Scratch(h.active.Cfg().DataDir), "backup-")
	if err != nil {
		return 0, fmt.Errorf("making room for a backup: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	name := filepath.Join(dir, "sallyport-"+h.now().UTC().Format("20060102T150405Z")+".backup")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, fmt.Errorf("making room for a backup: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := archive.Write(f, archive.Source{DataDir: h.active.Cfg().DataDir, Store: h.store, Now: h.now}); err != nil {
		return 0, fmt.Errorf("making a backup: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("making a backup: %w", err)
	}
	if err := h.readBack(ctx, f, dir); err != nil {
		return 0, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, fmt.Errorf("making a backup: %w", err)
	}
	return info.Size(), h.handOver(ctx, cfg, f)
}

// readBack reads a backup from the disk before it is sent: one that cannot be restored would be found out when it is needed.
func (h *Housekeeper) readBack(ctx context.Context, backup *os.File, scratch string) error {
	if _, err := backup.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("making a backup: %w", err)
	}
	read, err := archive.Verify(ctx, archive.VerifyOptions{Archive: backup, Scratch: scratch, Checker: h.checker})
	if err != nil {
		return hint.With(fmt.Errorf("the backup that was made cannot be read back, and was not sent: %w", err),
			"sallyport runs --verify checks the store, sallyport state list STACK the copies of states; move away what is damaged")
	}
	h.log.Debug("a backup was read back", "runs", read.Runs, "states", read.States, "copies", read.Copies)
	return nil
}

// handOver runs the command with the backup as its standard input and its path in SALLYPORT_BACKUP.
func (h *Housekeeper) handOver(ctx context.Context, cfg *config.Backup, backup *os.File) error {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + datadir.Home(h.active.Cfg().DataDir), "SALLYPORT_BACKUP=" + backup.Name()}
	for name, value := range cfg.Env {
		env = append(env, name+"="+value.Reveal())
	}
	said, err := hostcommand.Command{Words: cfg.Command, Dir: filepath.Dir(backup.Name()), Env: env, Stdin: backup, Timeout: cfg.Timeout}.Run(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, hostcommand.ErrTooSlow):
		return fmt.Errorf("the backup command %s did not end within %s (timeout of the backup block)%s", cfg.Command[0], cfg.Timeout, said.Shown(h.health.Redact))
	}
	return fmt.Errorf("the backup command failed: %w%s", err, said.Shown(h.health.Redact))
}

// backupDone records how a backup went. People are told when a second try in a row fails, and when it works again.
func (h *Housekeeper) backupDone(cfg *config.Backup, size int64, cause error) error {
	if cause != nil {
		next := hint.Of(cause)
		if next == "" {
			next = "mend the command of the backup block; it is tried again by itself"
		}
		cause = &hint.Refusal{Why: h.health.Redact(cause.Error()), Hint: next}
		h.log.Warn("sending a backup", "err", cause)
	} else {
		h.log.Info("a backup was sent", "bytes", size)
	}
	h.faults.Set("backup", cause)
	return h.journal.Update(func(tx *journal.Tx) error {
		r, err := archive.LoadRecord(tx.Tx)
		if err != nil {
			return err
		}
		now := h.now().UTC()
		r.Schedule, r.TriedAt = cfg.Schedule, now
		text := ""
		if cause == nil {
			if r.Told {
				text = "Backups are sent again."
			}
			r.At, r.Bytes, r.Verified, r.Error, r.ErrorAt, r.Failures, r.Told = now, size, true, "", time.Time{}, 0, false
		} else {
			if r.Failures++; r.Failures == 1 {
				r.ErrorAt = now
			}
			r.Error = cause.Error()
			if r.Failures >= 2 && !r.Told {
				r.Told = true
				text = fmt.Sprintf("No backup leaves this machine since %s: %s. %s", r.ErrorAt.Format("2006-01-02 15:04 MST"), r.Error, lastBackup(r))
			}
		}
		if text != "" {
			if err := tx.Enqueue(h.ledger.Note(fmt.Sprintf("backup/%d", now.UnixMilli()), text)); err != nil {
				return err
			}
		}
		return archive.SaveRecord(tx.Tx, r)
	})
}

func lastBackup(r archive.Record) string {
	if r.At.IsZero() {
		return "None was ever sent."
	}
	return "The last one is of " + r.At.Format("2006-01-02 15:04 MST") + "."
}
