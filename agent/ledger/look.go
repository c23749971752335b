package ledger

import (
	"fmt"

	"sallyport/agent/journal"
	"sallyport/agent/lifecycle/look"
	"sallyport/store"
)

// NoteLooks writes down which stacks need a look where a version of before has recorded how their runs ended, and not that.
func (l *Ledger) NoteLooks() error {
	found := map[string]*store.Look{}
	err := l.store.View(func(tx *store.Tx) error {
		stacks, err := tx.Stacks()
		if err != nil {
			return err
		}
		for _, st := range stacks {
			if st.Look != nil || st.NewestRun == 0 {
				continue
			}
			newest, err := store.Found(tx.Run(st.NewestRun))
			if err != nil {
				return err
			}
			if needs := look.Of(st, newest); needs != nil {
				found[st.Name] = needs
			}
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		return err
	}
	err = l.journal.Update(func(tx *journal.Tx) error {
		for name, needs := range found {
			st, err := tx.Stack(name)
			if err != nil {
				return err
			}
			st.Look = needs
			if err := tx.PutStack(st); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("noting what needs a look: %w", err)
	}
	return nil
}
