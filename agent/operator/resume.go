package operator

import "sallyport/store"

// Resumed says what there was to resume.
type Resumed struct {
	Held bool // a pause or a pin held it
	Seen int  // the run that needed a look and needs none any more; 0 if none did
}

// Unpause lets it move on. What failed of a stack needs no look any more: whoever says so has had one.
func (o *Operator) Unpause(stack, by string) (was Resumed, err error) {
	if was, err = o.setPause(stack, nil, store.Event{Type: "resume", Stack: stack, By: by}); err != nil {
		return was, err
	}
	o.strikes.Forget() // what is held after panics is tried again, too
	o.journal.LookAgain()
	o.bell.Wake()
	return was, o.ledger.ShowRollback()
}

// lookedAt is the run of a stack that needs a look; 0 if none does.
func lookedAt(st *store.StackState) int {
	if st.Look == nil {
		return 0
	}
	return st.Look.Run
}
