// Package offline answers from the data directory what an agent would, for the time when none runs. It changes nothing.
package offline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/notify/people"
	"sallyport/store"
)

// lockWait is short: a person waits, and whoever holds the store is an agent that will hold it for weeks.
const lockWait = 300 * time.Millisecond

// Options say where the data is.
type Options struct {
	DataDir string
	// Status puts together what the store tells at a glance.
	Status func(*store.Tx) (control.Status, error)
	// Log renders the log of an apply from the run's directory.
	Log func(runDir string) (string, error)
	// Process says how the processes of an apply stand, from the run's directory. Nil: nobody looks.
	Process func(runDir string) control.ApplyProcess
	// LookOnly refuses what an agent without approvals on the command line refuses: backups and states.
	LookOnly bool
}

// Reader is a [Reader] of the data directory for the time when no agent runs. It changes nothing.
type Reader struct {
	opts  Options
	store *store.Store
}

// Open opens the store for reading. The error is a [control.Error] with a hint where it may not be read, where there is
// none, and where an agent has it.
func Open(o Options) (*Reader, error) {
	if o.DataDir == "" || o.Status == nil || o.Log == nil {
		return nil, errors.New("control: data directory, status and log are needed")
	}
	s, err := store.Open(store.Options{Path: datadir.Store(o.DataDir), ReadOnly: true, Timeout: lockWait})
	if err != nil {
		return nil, unreadable(o.DataDir, err)
	}
	return &Reader{opts: o, store: s}, nil
}

// unreadable words for people why the data directory cannot be read.
func unreadable(dir string, err error) error {
	var locked *store.LockedError
	switch {
	case errors.Is(err, fs.ErrPermission):
		return control.Errorf(control.Refused, "reading %s: permission denied", dir).WithHint("use sudo")
	case errors.Is(err, fs.ErrNotExist):
		return control.Errorf(control.NotFound, "there is no store in %s: no agent ever ran on it", dir).
			WithHint("check data_dir in the configuration, or start the agent: systemctl start sallyport, or sallyport agent in a terminal")
	case errors.As(err, &locked):
		return control.Errorf(control.Conflict, "%s", locked.Error()).
			WithHint("an agent is running on it but does not answer at this socket: check socket in the configuration, or --socket")
	}
	return err
}

// Close lets go of the store.
func (o *Reader) Close() error { return o.store.Close() }

// Status implements [Reader]. What only a running agent knows is not in it.
func (o *Reader) Status(context.Context) (control.Status, error) {
	var s control.Status
	err := o.store.View(func(tx *store.Tx) (err error) {
		s, err = o.opts.Status(tx)
		return err
	})
	for i := range s.Stacks {
		o.lookAt(s.Stacks[i].Run)
	}
	return s, err
}

// lookAt says of an apply that no agent follows whether it goes on.
func (o *Reader) lookAt(run *control.Run) {
	if o.opts.Process != nil && run != nil && run.Status == store.Applying && run.Apply != nil {
		run.Apply.Process = o.opts.Process(datadir.Run(o.opts.DataDir, run.ID))
	}
}

// Runs implements [Reader].
func (o *Reader) Runs(_ context.Context, q control.RunsQuery) ([]control.Run, error) {
	names, err := o.people()
	if err != nil {
		return nil, err
	}
	runs, err := control.RunsIn(o.store, q.Limited(), control.Shown{})
	for i := range runs {
		err = errors.Join(err, runs[i].Name(names))
	}
	return runs, err
}

// Verify implements [Reader].
func (o *Reader) Verify(context.Context) (control.Verification, error) {
	return control.VerificationOf(o.store), nil
}

// Audit implements [Reader].
func (o *Reader) Audit(_ context.Context, q control.AuditQuery) (control.Audit, error) {
	a, err := control.AuditIn(o.store, q, nil)
	if err != nil || !q.Names {
		return a, err
	}
	names, err := o.people()
	if err != nil {
		return a, err
	}
	return a, a.Name(names)
}

// Run implements [Reader].
func (o *Reader) Run(_ context.Context, ref string) (control.Run, error) {
	r, err := o.find(ref)
	if err != nil {
		return control.Run{}, err
	}
	names, err := o.people()
	if err != nil {
		return control.Run{}, err
	}
	run := control.RunOf(r)
	o.lookAt(&run)
	if err := o.store.View(func(tx *store.Tx) error { return run.NamePlace(tx, r) }); err != nil {
		return run, err
	}
	return run, run.Name(names)
}

// Around implements [Reader], without what the configuration says.
func (o *Reader) Around(_ context.Context, ref string) (out control.Around, err error) {
	r, err := o.find(ref)
	if err != nil {
		return out, err
	}
	names, err := o.people()
	if err != nil {
		return out, err
	}
	err = o.store.View(func(tx *store.Tx) error {
		out, err = control.AroundOf(tx, r, nil)
		return err
	})
	if err != nil {
		return out, err
	}
	return out, out.Name(names)
}

// people are the names that the store knows.
func (o *Reader) people() (names people.Names, err error) {
	err = o.store.View(func(tx *store.Tx) error {
		names, err = people.Kept(tx)
		return err
	})
	return names, err
}

func (o *Reader) find(ref string) (*store.Run, error) { return control.FindShown(o.store, ref) }

// PlanText implements [Reader].
func (o *Reader) PlanText(_ context.Context, ref string) (string, error) {
	run, err := control.FindHead(o.store, ref)
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
func (o *Reader) longPlanText(run store.RunHead) (string, error) {
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
	return "", control.NoPlan(run.ID, run.Status)
}

// Log implements [Reader].
func (o *Reader) Log(_ context.Context, ref string) (string, error) {
	run, err := o.find(ref)
	if err != nil {
		return "", err
	}
	if run.Apply == nil {
		return "", control.NoLog(run.ID, run.Status)
	}
	return o.opts.Log(datadir.Run(o.opts.DataDir, run.ID))
}

// Backup writes the archive without an agent.
func (o *Reader) Backup(_ context.Context, _ control.BackupRequest, w io.Writer) error {
	if o.opts.LookOnly {
		return control.LookOnly()
	}
	return archive.Write(w, archive.Source{DataDir: o.opts.DataDir, Store: o.store})
}

// States implements Reader.
func (o *Reader) States(_ context.Context, stack string) ([]archive.StateCopy, error) {
	if o.opts.LookOnly {
		return nil, control.LookOnly()
	}
	return archive.StateCopies(o.opts.DataDir, stack)
}

// Why implements Reader, with what the store knows.
func (o *Reader) Why(_ context.Context, stack string) (control.Why, error) {
	var out control.Why
	err := o.store.View(func(tx *store.Tx) error {
		st, err := tx.Stack(stack)
		if err != nil {
			return err
		}
		if st.Repository == "" && st.NewestRun == 0 {
			return control.Errorf(control.NotFound, "there is no stack %q", stack)
		}
		names, err := people.Kept(tx)
		if err != nil {
			return err
		}
		if out, err = control.WhyOf(tx, stack, st.Repository); err != nil {
			return err
		}
		return out.Name(names)
	})
	return out, err
}
