package store

import (
	"errors"
	"fmt"
)

// eventImport is the type of the history's entry about a run that came from elsewhere.
const eventImport = "import"

// ImportRun stores a run as it was written down elsewhere, with its own number and status: what lies beside a run's
// plan outlives a store that had to be brought back from an older copy. Its number must be free, and later runs get
// higher ones. A run that has not ended is refused with ErrOpenRun if its stack has an open one.
//
// The stack's state is moved as far as it follows from the run: its newest run, its newest commit run, its open run. What
// the run applied is the caller's to record. The history gets one entry "import".
func (tx *Tx) ImportRun(r *Run, by, text string) error {
	if err := tx.importRun(r, by, text); err != nil {
		return tx.fail(fmt.Errorf("importing run: %w", err))
	}
	return nil
}

func (tx *Tx) importRun(r *Run, by, text string) error {
	if r == nil || r.ID <= 0 || r.CreatedAt.IsZero() {
		return errors.New("the run has no number or no time of creation")
	}
	if !r.Status.known() {
		return fmt.Errorf("unknown status %q", r.Status)
	}
	if err := validName("stack", r.Stack); err != nil {
		return err
	}
	if _, err := tx.Run(r.ID); !errors.Is(err, ErrNotFound) {
		return errors.Join(fmt.Errorf("the number #%d is taken", r.ID), err)
	}
	st, err := tx.Stack(r.Stack)
	if err != nil {
		return err
	}
	open := !r.Status.Terminal()
	if open && r.Kind != KindPullRequest && st.OpenRun != 0 {
		return &OpenRunError{Stack: r.Stack, ID: st.OpenRun}
	}
	if err := tx.reserve(r.ID); err != nil {
		return err
	}
	if err := tx.save(bucketRuns, number(r.ID), r); err != nil {
		return err
	}
	if err := tx.put(bucketStackRuns, nameAndNumber(r.Stack, r.ID), nil); err != nil {
		return err
	}
	if open {
		if err := tx.put(bucketOpen, number(r.ID), []byte(r.Stack)); err != nil {
			return err
		}
	}
	if err := tx.derive(r, st, open); err != nil {
		return err
	}
	return tx.AddEvent(Event{Type: eventImport, Run: r.ID, Stack: r.Stack, To: r.Status, By: by, Text: text})
}

// derive moves what a stack's state says of its runs on to an imported one.
func (tx *Tx) derive(r *Run, st *StackState, open bool) error {
	if r.Kind == KindPullRequest {
		return nil
	}
	if open {
		st.OpenRun = r.ID
	}
	st.NewestRun = max(st.NewestRun, r.ID)
	if r.Kind == KindCommit && r.ID > st.LastCommitRun {
		st.LastCommitRun, st.LastCommitCommit = r.ID, r.Commit
	}
	if st.Repository == "" {
		st.Repository = r.Repository
	}
	return tx.saveStack(st)
}
