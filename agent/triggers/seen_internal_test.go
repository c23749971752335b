package triggers

import (
	"fmt"
	"path/filepath"
	"testing"

	"sallyport/agent/config"
	"sallyport/store"
)

// A stack is read again only if something of what its last look has read was written since: its state, its open run. What is
// forgotten here would be a commit that nobody plans.
func TestSameComparison(t *testing.T) {
	const head = "c0ffee"
	for name, c := range map[string]struct {
		since func(tx *store.Tx, open int) error // written after the look
		stack *config.Stack                      // looked at afterwards; nil: the same
		head  string                             // likewise
		twice bool                               // the comparison was not recorded
		same  bool
	}{
		"nothing":             {same: true},
		"its state":           {since: func(tx *store.Tx, _ int) error { return tx.PutStack(&store.StackState{Name: "box", Partly: 7}) }},
		"its open run":        {since: func(tx *store.Tx, open int) error { return warn(tx, open) }},
		"another stack":       {since: func(tx *store.Tx, _ int) error { return tx.PutStack(&store.StackState{Name: "other", Partly: 7}) }, same: true},
		"another stack's run": {since: func(tx *store.Tx, open int) error { return warn(tx, open-1) }, same: true},
		"a message":           {since: func(tx *store.Tx, _ int) error { return tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "a"}) }, same: true},
		"a newer commit":      {head: "decade"},
		"other settings":      {stack: &config.Stack{Name: "box"}},
		"compared by none":    {twice: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSeenWorld(t)
			st, open := w.read(t, head)
			if st == nil || open == nil || open.ID != w.open {
				t.Fatalf("read %v and run %v, want the stack and its open run %d", st, open, w.open)
			}
			if !c.twice {
				w.compared.record("box", memoKey(head, w.stack, st, open), head)
			}
			if c.since != nil {
				w.update(t, func(tx *store.Tx) error { return c.since(tx, w.open) })
			}
			stack, at := w.stack, head
			if c.stack != nil {
				stack = c.stack
			}
			if c.head != "" {
				at = c.head
			}
			if got := w.sameComparison(stack, at); got != c.same {
				t.Errorf("the same: %t, want %t", got, c.same)
			}
		})
	}
}

// A look that fails remembers nothing, and what a look remembers is of that look: after a change another one is needed, and enough.
func TestReadStackAgain(t *testing.T) {
	const head = "c0ffee"
	w := newSeenWorld(t)
	st, open := w.read(t, head)
	w.compared.record("box", memoKey(head, w.stack, st, open), head)
	w.update(t, func(tx *store.Tx) error { return warn(tx, w.open) })
	if w.sameComparison(w.stack, head) {
		t.Fatal("a change of the open run is not seen")
	}
	st, open = w.read(t, head)
	w.compared.record("box", memoKey(head, w.stack, st, open), head)
	if !w.sameComparison(w.stack, head) {
		t.Error("nothing was written since the second look, and it does not count")
	}
	// The open run is another one: what was read of the old one says nothing.
	w.update(t, func(tx *store.Tx) error {
		if _, err := tx.Transition(w.open, store.Move{From: store.Pending, To: store.Canceled}, nil); err != nil {
			return err
		}
		return tx.CreateRun(&store.Run{Kind: store.KindCommit, Stack: "box", Repository: "infra", Commit: head})
	})
	if w.sameComparison(w.stack, head) {
		t.Error("another open run is not seen")
	}
}

// What is remembered of stacks goes when they go, and of none that stays.
func TestKeepSeen(t *testing.T) {
	w := &Triggers{seen: map[string]*seen{}}
	var all []*config.Stack
	for n := range 4 {
		all = append(all, &config.Stack{Name: fmt.Sprintf("s%d", n)})
		w.seenOf(all[n]).head = "c0ffee"
	}
	w.keepSeen(all)
	if len(w.seen) != 4 {
		t.Fatalf("%d of 4 stacks are remembered", len(w.seen))
	}
	w.keepSeen(all[1:3])
	if len(w.seen) != 2 || w.seenOf(all[1]).head == "" || w.seenOf(all[2]).head == "" {
		t.Errorf("%v are remembered, want s1 and s2 as they were", w.seen)
	}
}

// seenWorld has one stack with an open run, and another one's run before that.
type seenWorld struct {
	*Triggers
	stack *config.Stack
	open  int
}

func newSeenWorld(t *testing.T) *seenWorld {
	t.Helper()
	s, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &seenWorld{Triggers: New(Options{Store: s, Compared: NewComparisons()}), stack: &config.Stack{Name: "box"}}
	w.update(t, func(tx *store.Tx) error {
		for _, name := range []string{"other", "box"} {
			run := &store.Run{Kind: store.KindCommit, Stack: name, Repository: "infra", Commit: "c0ffee"}
			if err := tx.CreateRun(run); err != nil {
				return err
			}
			w.open = run.ID
		}
		return nil
	})
	return w
}

// read looks at the stack.
func (w *seenWorld) read(t *testing.T, head string) (st *store.StackState, open *store.Run) {
	t.Helper()
	err := w.store.View(func(tx *store.Tx) (err error) {
		st, open, err = w.readStack(tx, w.stack, head)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return st, open
}

func (w *seenWorld) update(t *testing.T, f func(*store.Tx) error) {
	t.Helper()
	if err := w.store.Update(f); err != nil {
		t.Fatal(err)
	}
}

// warn changes a run.
func warn(tx *store.Tx, run int) error {
	_, err := tx.ChangeRun(run, func(r *store.Run) error {
		r.Warnings = append(r.Warnings, "something")
		return nil
	})
	return err
}
