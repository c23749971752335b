package store_test

import (
	"fmt"
	"testing"

	"sallyport/store"
)

// What was read counts as changed exactly when some of it was written since: a record, or any of a bucket that was walked.
func TestUnchanged(t *testing.T) {
	s, _ := open(t)
	must(t, s.Update(func(tx *store.Tx) error {
		for _, name := range []string{"box", "net"} {
			if err := tx.CreateRun(&store.Run{Stack: name, Kind: store.KindCommit, Repository: "infra"}); err != nil {
				return err
			}
		}
		return tx.PutRepository(&store.RepositoryState{Name: "infra"})
	}))
	reading := map[string]func(*store.Tx) error{
		"run 1":     func(tx *store.Tx) error { _, err := tx.Run(1); return err },
		"box":       func(tx *store.Tx) error { _, err := tx.Stack("box"); return err },
		"nobody":    func(tx *store.Tx) error { _, err := tx.Stack("nobody"); return err },
		"infra":     func(tx *store.Tx) error { _, err := tx.Repository("infra"); return err },
		"agent":     func(tx *store.Tx) error { _, err := tx.Agent(); return err },
		"stacks":    func(tx *store.Tx) error { _, err := tx.Stacks(); return err },
		"open runs": func(tx *store.Tx) error { _, err := tx.OpenRuns(); return err },
		"which":     func(tx *store.Tx) error { _, err := tx.OpenRunIDs(); return err },
		"box's runs": func(tx *store.Tx) error {
			_, err := tx.Runs(store.RunFilter{Stack: "box"})
			return err
		},
		"outbox": func(tx *store.Tx) error { _, err := tx.Outbox(); return err },
	}
	move := func(id int, from, to store.Status) func(*store.Tx) error {
		return func(tx *store.Tx) error { _, err := tx.Transition(id, store.Move{From: from, To: to}, nil); return err }
	}
	for _, c := range []struct {
		name    string
		write   func(*store.Tx) error
		changed []string
	}{
		{"nothing", func(*store.Tx) error { return nil }, nil},
		{"the same words", func(tx *store.Tx) error { return tx.PutRepository(&store.RepositoryState{Name: "infra"}) }, nil},
		{"what fails", func(tx *store.Tx) error {
			if err := tx.PutRepository(&store.RepositoryState{Name: "infra", Head: "lost"}); err != nil {
				return err
			}
			return store.ErrConflict
		}, nil},
		{"another run", move(2, store.Pending, store.Planning), []string{"open runs"}},
		{"the run", move(1, store.Pending, store.Planning), []string{"run 1", "open runs", "box's runs"}},
		{"a repository", func(tx *store.Tx) error { return tx.PutRepository(&store.RepositoryState{Name: "infra", Head: "a"}) }, []string{"infra"}},
		{"a stack that was not there", func(tx *store.Tx) error { return tx.PutStack(&store.StackState{Name: "nobody"}) }, []string{"nobody", "stacks"}},
		{"the agent", func(tx *store.Tx) error { return tx.PutAgent(&store.AgentState{ID: "x"}) }, []string{"agent"}},
		{"an end", move(2, store.Planning, store.Canceled), []string{"stacks", "open runs", "which"}},
		{"a message", func(tx *store.Tx) error {
			return tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "k", Text: "t"})
		}, []string{"outbox"}},
	} {
		reads := map[string]store.Reads{}
		must(t, s.View(func(tx *store.Tx) error {
			for what, read := range reading {
				var err error
				if reads[what], err = tx.Watch(func() error { return read(tx) }); err != nil {
					return fmt.Errorf("%s: %w", what, err)
				}
			}
			return nil
		}))
		_ = s.Update(c.write) // one of them is to fail
		changed := map[string]bool{}
		for _, what := range c.changed {
			changed[what] = true
		}
		for what, r := range reads {
			if got := !s.Unchanged(r); got != changed[what] && !(got && mayShare[what]) {
				t.Errorf("%s was written: %s counts as changed: %v", c.name, what, got)
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mayShare are those that are told of more than what they have read: their records are not told apart.
var mayShare = map[string]bool{"box's runs": true, "which": true, "open runs": true}

// Nothing that was not watched, or that a writing transaction has read, is ever unchanged; nor is what was read before so much was
// written that it is not remembered.
func TestUnchangedNeverGuesses(t *testing.T) {
	s, _ := open(t)
	if s.Unchanged(store.Reads{}) {
		t.Error("what nobody has read is unchanged")
	}
	read := func(tx *store.Tx) func() error {
		return func() error { _, err := tx.Agent(); return err }
	}
	var r store.Reads
	must(t, s.Update(func(tx *store.Tx) (err error) { r, err = tx.Watch(read(tx)); return err }))
	if s.Unchanged(r) {
		t.Error("what a writing transaction has read is unchanged")
	}
	must(t, s.View(func(tx *store.Tx) (err error) { r, err = tx.Watch(read(tx)); return err }))
	if !s.Unchanged(r) {
		t.Fatal("what was just read has changed")
	}
	must(t, s.Update(func(tx *store.Tx) error {
		for n := range 5000 {
			if err := tx.PutStack(&store.StackState{Name: fmt.Sprint(n)}); err != nil {
				return err
			}
		}
		return nil
	}))
	if s.Unchanged(r) {
		t.Error("it is remembered of 5,000 records when they were written")
	}
}
