package rescue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/store"
	"sallyport/store/disk"
)

const (
	reportFile = "rescue.json"
	// lockWait is how long another agent that is rescuing the same store is waited for.
	lockWait  = time.Minute
	lockRetry = 20 * time.Millisecond
)

// Options say which store is looked after, and with what.
type Options struct {
	DataDir   string
	StorePath string
	Checker   Checker
	Now       func() time.Time
	Log       *slog.Logger
	// Goes says of a run that was open when the snapshot was made that its apply was started: it must not end as stale.
	Goes func(*store.Run) bool
	// LastRun is the highest run number that the run directories know of.
	LastRun func() (int, error)
}

// A Report says what was done about a store that was damaged. It stays in quarantine/ beside the damaged file.
type Report struct {
	At         time.Time `json:"at"`
	Why        string    `json:"why"`
	Damaged    string    `json:"damaged,omitempty"`    // where the damaged file lies; empty: there was none
	Snapshot   string    `json:"snapshot,omitempty"`   // what took its place; empty: a new store
	SnapshotAt time.Time `json:"snapshot_at,omitzero"` // when that was made
	Skipped    []string  `json:"skipped,omitempty"`    // newer snapshots that did not pass the check
	Ended      []int     `json:"ended,omitempty"`      // runs that were waiting
}

// Store checks the store before anybody opens it. A good one, and one that is not there yet, is left alone. A damaged or
// lost one is replaced as the package comment says, and the report tells how. Errors that are not about damage (another
// agent has the file, it may not be read) are those of [Child.Check].
func Store(ctx context.Context, o Options) (*Report, error) {
	found, err := o.look(ctx)
	if err != nil || found == good {
		return nil, err
	}
	dir := datadir.Quarantine(o.DataDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the quarantine: %w", err)
	}
	lock := flock.New(dir, flock.SetFlag(os.O_RDONLY))
	waiting, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	if _, err := lock.TryLockContext(waiting, lockRetry); err != nil {
		return nil, fmt.Errorf("waiting for another agent that restores the store: %w", err)
	}
	defer func() { _ = lock.Close() }() // goes with the process in any case
	return o.rescue(ctx)
}

// state is what was found where the store should be.
type state struct {
	why  string
	gone bool // there is no file, and there should be one
}

var good = state{}

// look says what is wrong with the store.
func (o *Options) look(ctx context.Context) (state, error) {
	err := o.Checker.Check(ctx, o.StorePath)
	var damage *DamagedError
	switch {
	case err == nil:
		return good, o.done()
	case errors.As(err, &damage):
		return state{why: damage.Why}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return good, err
	}
	snapshots, err := Snapshots(o.DataDir)
	if err != nil {
		return good, err
	}
	var r Report
	begun, err := readJSON(o.reportPath(), &r)
	if err != nil {
		return good, err
	}
	if begun || len(snapshots) > 0 {
		return state{why: "the store is gone", gone: true}, nil
	}
	return good, nil // a new installation
}

func (o *Options) reportPath() string {
	return filepath.Join(datadir.Quarantine(o.DataDir), reportFile)
}

// done gives the report of a rescue that is complete its lasting name.
func (o *Options) done() error {
	var r Report
	begun, err := readJSON(o.reportPath(), &r)
	if err != nil || !begun {
		return err
	}
	err = renameNew(o.reportPath(), filepath.Join(datadir.Quarantine(o.DataDir), r.At.UTC().Format(nameFormat)+".json"))
	if errors.Is(err, fs.ErrExist) {
		return os.Remove(o.reportPath())
	}
	return disk.IgnoreMissing(err)
}

// rescue does what is left to do. The lock is held.
func (o *Options) rescue(ctx context.Context) (*Report, error) {
	found, err := o.look(ctx) // again: another agent may have done it meanwhile, and damage has to show twice
	if err != nil || found == good {
		return nil, err
	}
	r := Report{At: o.Now().UTC().Truncate(time.Millisecond), Why: found.why}
	if found.gone {
		var begun Report
		if ok, err := readJSON(o.reportPath(), &begun); err != nil {
			return nil, err
		} else if ok {
			r = begun // killed in the middle
		}
	}
	if err := o.moveAside(&r, found); err != nil {
		return nil, err
	}
	o.Log.Error("the store is damaged and was moved aside", "err", r.Why, "kept", r.Damaged)
	fault.Point("rescue:moved")
	if err := o.replace(ctx, &r); err != nil {
		return nil, err
	}
	fault.Point("rescue:replaced")
	o.Log.Warn("the store was restored; the agent is paused", "snapshot", r.Snapshot, "at", r.SnapshotAt, "skipped", r.Skipped)
	if err := writeJSON(o.reportPath(), r); err != nil {
		return nil, fmt.Errorf("writing down what was done about the damaged store: %w", err)
	}
	return &r, o.done()
}

// moveAside writes down what is about to be done, then moves the damaged file.
func (o *Options) moveAside(r *Report, found state) error {
	if !found.gone {
		r.Damaged = filepath.Join(datadir.Quarantine(o.DataDir), r.At.Format(nameFormat)+"-"+filepath.Base(o.StorePath))
	}
	if err := writeJSON(o.reportPath(), r); err != nil {
		return fmt.Errorf("writing down what is done about the damaged store: %w", err)
	}
	fault.Point("rescue:noted")
	if found.gone {
		return nil
	}
	if err := renameNew(o.StorePath, r.Damaged); err != nil {
		return fmt.Errorf("moving the damaged store aside: %w", err)
	}
	return nil
}

// replace puts the newest good snapshot, or a new store when there is none, in the place of the store.
func (o *Options) replace(ctx context.Context, r *Report) error {
	snapshots, err := Snapshots(o.DataDir)
	if err != nil {
		return err
	}
	r.Skipped = nil
	for _, s := range snapshots {
		err := o.Checker.Check(ctx, s.Path)
		if err == nil {
			if err = o.put(r, &s); err == nil {
				return nil
			}
		}
		switch {
		case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNewerSchema), errors.Is(err, fs.ErrNotExist):
			r.Skipped = append(r.Skipped, s.Path)
			o.Log.Warn("a snapshot cannot be used; it is kept", "snapshot", s.Path, "err", err)
		default:
			return fmt.Errorf("restoring the snapshot %s: %w", s.Path, err)
		}
	}
	return o.put(r, nil)
}

// put makes a copy of a snapshot fit to go on from and gives it the store's name; without a snapshot, a new store.
func (o *Options) put(r *Report, s *Snapshot) error {
	temp := o.StorePath + ".rescue"
	if err := disk.IgnoreMissing(os.Remove(temp)); err != nil { // of a rescue that was killed
		return err
	}
	c := Copy{Path: temp, What: "nothing", At: r.At, By: "agent", Now: o.Now, Goes: o.Goes}
	r.Snapshot, r.SnapshotAt = "", time.Time{}
	if s != nil {
		c.What, c.At, r.Snapshot, r.SnapshotAt = "a snapshot", s.At, s.Path, s.At
		if err := copyFile(s.Path, temp); err != nil {
			return err
		}
	}
	var err error
	if c.Least, err = o.LastRun(); err != nil {
		return err
	}
	c.Also = func(tx *store.Tx, revived *Revived) error {
		r.Ended = revived.Ended
		return errors.Join(doubtMessages(tx), r.pause(tx), r.tell(tx))
	}
	if _, err := GoOn(c); err != nil {
		return err
	}
	if err := disk.Sync(temp); err != nil {
		return err
	}
	fault.Point("rescue:copied")
	return renameNew(temp, o.StorePath)
}

// pause holds everything until a person has looked.
func (r *Report) pause(tx *store.Tx) error {
	s, err := tx.Agent()
	if err != nil {
		return err
	}
	reason := r.happened()
	if s.Paused != nil {
		reason += fmt.Sprintf(" (Before that it was paused by %s: %s)", s.Paused.By, s.Paused.Reason)
	}
	s.Paused = &store.Pause{By: "agent", At: r.At, Reason: reason}
	if err := tx.PutAgent(s); err != nil {
		return err
	}
	return tx.AddEvent(store.Event{Type: "pause", By: "agent", Text: reason})
}

// tell queues the one message to people.
func (r *Report) tell(tx *store.Tx) error {
	text := "Sallyport is PAUSED: " + r.happened()
	if len(r.Ended) > 0 {
		text += fmt.Sprintf(" Runs that were waiting have ended: %s.", numbers(r.Ended))
	}
	text += " Approvals in the threads of runs that the agent does not know any more count for nothing." +
		" Next: look at `sallyport status` and `sallyport runs`, then `sallyport resume`."
	return tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "rescue/" + r.At.Format(nameFormat), Text: text})
}

// happened says in a few sentences what was lost and what was not.
func (r *Report) happened() string {
	why, _, _ := strings.Cut(r.Why, "\n")
	text := "the store was damaged (" + why + ")."
	if r.Damaged == "" {
		text = "the store was gone."
	}
	if r.Snapshot != "" {
		text += fmt.Sprintf(" The snapshot of %s took its place: runs, decisions and pauses since then are lost.", r.SnapshotAt.UTC().Format("2006-01-02 15:04:05 MST"))
	} else {
		text += " There was no good snapshot, so the agent began with a new store: its history and what it knew of the stacks are lost."
	}
	text += " Applies are not: they are read back from their own records, and none is repeated."
	if r.Damaged != "" {
		text += " The damaged file is kept at " + r.Damaged + "."
	}
	return text
}

func numbers(runs []int) string {
	var out []string
	for _, id := range runs {
		out = append(out, fmt.Sprintf("#%d", id))
	}
	return strings.Join(out, ", ")
}
