package triggers

import (
	"sallyport/agent/config"
	"sallyport/store"
)

// Every stack is looked at whenever a run moves, and of hundreds all but one are as they were. So it is remembered what was read of each: as long
// as none of that was written again, reading it again would say the same. What is remembered only saves reading.

// seen is what the last looks at a stack have read.
type seen struct {
	stack *config.Stack
	// compared are its state and its open run, by which key names the comparison with the head.
	compared store.Reads
	head     string
	key      string
	// idle is what said that nothing which the stack uses asks for a run of it.
	idle store.Reads
}

// seenOf is what is remembered of a stack, of its configuration as it is now.
func (t *Triggers) seenOf(s *config.Stack) *seen {
	known := t.seen[s.Name]
	if known == nil || known.stack != s {
		known = &seen{stack: s}
		t.seen[s.Name] = known
	}
	return known
}

// sameComparison reports whether a stack was compared with the head, and nothing of what that depended on was written since.
func (t *Triggers) sameComparison(s *config.Stack, head string) bool {
	known := t.seenOf(s)
	return known.head == head && t.compared.done(s.Name, known.key) && t.store.Unchanged(known.compared)
}

// readStack reads a stack's state and its open run, and remembers by which key they are compared with the head.
func (t *Triggers) readStack(tx *store.Tx, s *config.Stack, head string) (st *store.StackState, open *store.Run, err error) {
	known := t.seenOf(s)
	known.head = head
	known.compared, err = tx.Watch(func() (err error) {
		if st, err = tx.Stack(s.Name); err == nil && st.OpenRun != 0 {
			open, err = tx.Run(st.OpenRun)
		}
		return err
	})
	if err == nil {
		known.key = memoKey(head, s, st, open)
	}
	return st, open, err
}

// keepSeen forgets the stacks that there are no more.
func (t *Triggers) keepSeen(all []*config.Stack) {
	if len(t.seen) <= len(all) {
		return
	}
	still := make(map[string]*seen, len(all))
	for _, s := range all {
		if known := t.seen[s.Name]; known != nil {
			still[s.Name] = known
		}
	}
	t.seen = still
}
