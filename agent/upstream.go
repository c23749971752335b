package agent

import (
	"sallyport/store"
)

// warn puts warnings on a run's card, each once.
func (a *ledger) warn(run *store.Run, warnings []string) error {
	var fresh []string
	for _, text := range warnings {
		known := false
		for _, have := range run.Warnings {
			known = known || have == text
		}
		if !known {
			fresh = append(fresh, text)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return a.update(func(tx *Tx) error {
		_, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.Warnings = append(r.Warnings, fresh...)
			return nil
		})
		return err
	})
}
