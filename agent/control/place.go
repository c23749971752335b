package control

import (
	"fmt"

	"sallyport/agent/hint"
	"sallyport/store"
)

// InPlaceOf is the run that is open in the place of one that has ended; nil if there is none.
func InPlaceOf(tx *store.Tx, run *store.Run) (*store.Run, error) {
	if !run.Status.Terminal() || run.Kind == store.KindPullRequest {
		return nil, nil
	}
	st, err := tx.Stack(run.Stack)
	if err != nil || st.OpenRun <= run.ID {
		return nil, err
	}
	return tx.Run(st.OpenRun)
}

// PlaceOf says which run took another one's place.
func PlaceOf(open *store.Run) string {
	return fmt.Sprintf("#%d is the run of %s now (%s): sallyport show %d", open.ID, open.Stack, open.Status, open.ID)
}

// Late is the refusal of an order about a run, with the run that is open in its place: another plan would take that one's place in turn.
func Late(tx *store.Tx, run *store.Run, refusal error) error {
	open, err := InPlaceOf(tx, run)
	if err != nil {
		return err
	}
	if open == nil {
		return refusal
	}
	return hint.Refuse(PlaceOf(open), "%s", refusal)
}

// NamePlace adds to what is shown of a run that nobody ended which run took its place.
func (r *Run) NamePlace(tx *store.Tx, run *store.Run) error {
	switch run.Status {
	case store.Superseded, store.Interrupted, store.Stale, store.Expired:
	default:
		return nil
	}
	open, err := InPlaceOf(tx, run)
	if err != nil || open == nil {
		return err
	}
	if r.Hint != "" {
		r.Hint += "; "
	}
	r.Hint += PlaceOf(open)
	return nil
}
