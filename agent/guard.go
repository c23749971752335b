package agent

import (
	"errors"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

// refuseLarge ends a run whose plan destroys too much. The plan is kept, so that people see what it would have done.
func (a *Agent) refuseLarge(w *world, run *store.Run, result *planResult, why, hint string) error {
	plan := result.Plan
	err := a.update(func(tx *store.Tx) error {
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

// lowered ends a run that waits with a plan that the configuration does not allow any more.
func (a *Agent) lowered(w *world, run *store.Run, s *config.Stack) (bool, error) {
	over := lifecycle.OverLimit(s, run.Plan)
	if !over.Any() || run.Status != store.Planned && run.Status != store.Approved {
		return false, nil
	}
	a.work.stop(run.ID)
	return true, a.moveNow(w, run, store.Move{From: run.Status, To: store.Errored, Text: over.Why}, func(r *store.Run) error {
		r.Error, r.Hint = over.Why, over.Hint
		return nil
	})
}
