package store_test

import (
	"errors"
	"testing"

	"sallyport/store"
)

// Where a run stands is read alike with and without decoding it, whatever its texts look like.
func TestRunStatus(t *testing.T) {
	s, _ := open(t)
	names := []string{"box", `with "quotes"`, `","status":"applied`, "with \\ and <&>"}
	for _, name := range names {
		must(t, s.Update(func(tx *store.Tx) error {
			run := &store.Run{Stack: name, Kind: store.KindCommit, Repository: name, Commit: name, Subject: name}
			if err := tx.CreateRun(run); err != nil {
				return err
			}
			_, err := tx.Transition(run.ID, store.Move{From: store.Pending, To: store.Planning}, nil)
			return err
		}))
	}
	must(t, s.View(func(tx *store.Tx) error {
		for id, name := range names {
			run, err := tx.Run(id + 1)
			if err != nil {
				return err
			}
			if status, err := tx.RunStatus(run.ID); err != nil || status != run.Status || status != store.Planning {
				t.Errorf("%s is %s, and %s: %v", name, run.Status, status, err)
			}
		}
		if _, err := tx.RunStatus(99); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("one that there is not: %v", err)
		}
		return nil
	}))
}
