package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"sallyport/agent/archive"
	"sallyport/agent/datadir"
	"sallyport/store"
)

// lockWait is short: a person waits, and whoever holds the store is an agent that will hold it for weeks.
const lockWait = 300 * time.Millisecond

// OfflineOptions say where the data is.
type OfflineOptions struct {
	DataDir string
	// Status puts together what the store tells at a glance.
	Status func(*store.Tx) (Status, error)
	// Log renders the log of an apply from the run's directory.
	Log func(runDir string) (string, error)
	// LookOnly refuses what an agent without approvals on the command line refuses: backups and states.
	LookOnly bool
}

// Offline is a [Reader] of the data directory for the time when no agent runs. It changes nothing.
type Offline struct {
	opts  OfflineOptions
	store *store.Store
}

// OpenOffline opens the store for reading. The error is an [*Error] with a hint where it may not be read, where there is
// none, and where an agent has it.
func OpenOffline(o OfflineOptions) (*Offline, error) {
	if o.DataDir == "" || o.Status == nil || o.Log == nil {
		return nil, errors.New("control: data directory, status and log are needed")
	}
	s, err := store.Open(store.Options{Path: datadir.Store(o.DataDir), ReadOnly: true, Timeout: lockWait})
	if err != nil {
		return nil, unreadable(o.DataDir, err)
	}
	return &Offline{opts: o, store: s}, nil
}

// unreadable words for people why the data directory cannot be read.
func unreadable(dir string, err error) error {
	var locked *store.LockedError
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Errorf(Refused, "reading %s: permission denied", dir).WithHint("use sudo")
	case errors.Is(err, fs.ErrNotExist):
		return Errorf(NotFound, "there is no store in %s: no agent ever ran on it", dir).
			WithHint("check data_dir in the configuration, or start the agent: systemctl start sallyport")
	case errors.As(err, &locked):
		return Errorf(Conflict, "%s", locked.Error()).
			WithHint("an agent is running on it but does not answer at this socket: check socket in the configuration, or --socket")
	}
	return err
}

// Close lets go of the store.
func (o *Offline) Close() error { return o.store.Close() }

// Status implements [Reader]. What only a running agent knows is not in it.
func (o *Offline) Status(context.Context) (Status, error) {
	var s Status
	err := o.store.View(func(tx *store.Tx) (err error) {
		s, err = o.opts.Status(tx)
		return err
	})
	return s, err
}

// Runs implements [Reader].
func (o *Offline) Runs(_ context.Context, q RunsQuery) ([]Run, error) {
	return RunsIn(o.store, q.limited(), nil)
}

// Verify implements [Reader].
func (o *Offline) Verify(context.Context) (Verification, error) { return VerificationOf(o.store), nil }

// Run implements [Reader].
func (o *Offline) Run(_ context.Context, ref string) (Run, error) {
	r, err := o.find(ref)
	if err != nil {
		return Run{}, err
	}
	return RunOf(r), nil
}

func (o *Offline) find(ref string) (*store.Run, error) {
	var run *store.Run
	err := o.store.View(func(tx *store.Tx) error {
		open, err := tx.OpenRuns()
		if err != nil {
			return err
		}
		id, err := ResolveRef(ref, open)
		if err != nil {
			return err
		}
		run, err = tx.Run(id)
		if errors.Is(err, store.ErrNotFound) {
			return NoRun(tx, id)
		}
		return err
	})
	return run, err
}

// NoRun is the error for a number that no run has, or has no more.
func NoRun(tx *store.Tx, id int) error {
	newest, err := tx.Runs(store.RunFilter{Limit: 1})
	if err != nil {
		return err
	}
	if len(newest) == 1 && id < newest[0].ID {
		return Errorf(NotFound, "run #%d is no longer kept", id).WithHint("sallyport runs lists those that are; retention in the configuration says how long")
	}
	return Errorf(NotFound, "there is no run #%d", id).WithHint("sallyport runs lists them")
}

// NoPlan is the error for a run without a plan.
func NoPlan(id int, status store.Status) *Error {
	return Errorf(NotFound, "#%d has no plan (%s)", id, status)
}

// NoLog is the error for a run that was not applied.
func NoLog(id int, status store.Status) *Error {
	return Errorf(NotFound, "#%d was not applied (%s), so there is no log", id, status)
}

// PlanText implements [Reader].
func (o *Offline) PlanText(_ context.Context, ref string) (string, error) {
	run, err := o.find(ref)
	if err != nil {
		return "", err
	}
	var text string
	err = o.store.View(func(tx *store.Tx) (err error) {
		text, err = tx.PlanText(run.ID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return o.longPlanText(run)
	}
	return text, err
}

// longPlanText finds a text that was too large for the store.
func (o *Offline) longPlanText(run *store.Run) (string, error) {
	open, ended := datadir.PlanText(o.opts.DataDir, run.ID)
	for _, file := range []string{ended, open} {
		b, err := os.ReadFile(file)
		if err == nil {
			return string(b), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("reading the plan of #%d: %w", run.ID, err)
		}
	}
	return "", NoPlan(run.ID, run.Status)
}

// Log implements [Reader].
func (o *Offline) Log(_ context.Context, ref string) (string, error) {
	run, err := o.find(ref)
	if err != nil {
		return "", err
	}
	if run.Apply == nil {
		return "", NoLog(run.ID, run.Status)
	}
	return o.opts.Log(datadir.Run(o.opts.DataDir, run.ID))
}

// Backup writes the archive without an agent.
func (o *Offline) Backup(_ context.Context, _ BackupRequest, w io.Writer) error {
	if o.opts.LookOnly {
		return LookOnly()
	}
	return archive.Write(w, archive.Source{DataDir: o.opts.DataDir, Store: o.store})
}

// States implements Reader.
func (o *Offline) States(_ context.Context, stack string) ([]archive.StateCopy, error) {
	if o.opts.LookOnly {
		return nil, LookOnly()
	}
	return archive.StateCopies(o.opts.DataDir, stack)
}
