package agent

import (
	"errors"

	"sallyport/store"
)

// refuseLarge ends a run whose plan destroys too much. The plan is kept, so that people see what it would have done.
func (a *executor) refuseLarge(w *world, run *store.Run, result *planResult, why, hint string) error {
	plan := result.Plan
	err := a.update(func(tx *Tx) error {
		if err := tx.PutPlanText(run.ID, result.Text); err != nil && !errors.Is(err, store.ErrTooLarge) {
			return err
		}
		_, err := a.move(tx, w, run, store.Move{From: store.Planning, To: store.Errored, Text: why}, func(r *store.Run) error {
			r.Plan, r.Error, r.Hint = &plan, why, hint
			r.Warnings = append(r.Warnings, result.Warnings...)
			return nil
		})
		return err
	})
	return errors.Join(err, a.endPlan(run, nil))
}
