package store_test

import (
	"errors"
	"fmt"
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
			head := store.RunHead{ID: run.ID, Stack: name, Kind: store.KindCommit, Status: store.Planning}
			if got, err := store.HeadOf(tx, run.ID); got != head || err != nil {
				t.Errorf("the head of %s is %+v: %v", name, got, err)
			}
			if open, err := store.OpenHeads(tx); err != nil || len(open) != len(names) || open[id] != head {
				t.Errorf("the open runs are %+v: %v", open, err)
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

// What a head is read for must not cost what the run does: with its plan that is megabytes.
func TestHeadsAreCheap(t *testing.T) {
	s, _ := open(t)
	must(t, s.Update(func(tx *store.Tx) error {
		run := &store.Run{Stack: "big", Kind: store.KindCommit, Repository: "infra", Commit: "c0ffee"}
		if err := tx.CreateRun(run); err != nil {
			return err
		}
		_, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.Plan = &store.Plan{}
			for n := range 2000 {
				r.Plan.Changes = append(r.Plan.Changes, store.Change{Address: fmt.Sprintf("a.b[%d]", n), Actions: []string{"create"}})
			}
			return nil
		})
		return err
	}))
	must(t, s.View(func(tx *store.Tx) error {
		for what, read := range map[string]func() error{
			"the head of a run": func() error { _, err := store.HeadOf(tx, 1); return err },
			"the open ones":     func() error { _, err := store.OpenHeads(tx); return err },
		} {
			if n := testing.AllocsPerRun(1, func() { must(t, read()) }); n > 200 {
				t.Errorf("%s: %v allocations, of which a plan of 2,000 changes takes several for each", what, n)
			}
		}
		return nil
	}))
}
