package agent

import (
	"errors"
	"fmt"

	"sallyport/agent/config"
	"sallyport/store"
)

// overLimit says why a plan destroys more than its stack allows in one go, and how to raise that; empty if it does not. Nobody
// can approve such a plan, in a shell neither: what is typed at night is not what was thought about by day.
func overLimit(s *config.Stack, p *store.Plan) (why, hint string) {
	if s.MaxDestroy == nil || p == nil || p.Destroy <= *s.MaxDestroy || s.Mode == config.ModeObserve {
		return "", ""
	}
	return fmt.Sprintf("the plan destroys or replaces %s, and max_destroy of stack %s is %d: it is refused outright", count(p.Destroy, "object"), s.Name, *s.MaxDestroy),
		fmt.Sprintf("if that is really wanted, raise max_destroy of %s in the configuration to %d and reload it, then: sallyport plan %s", s.Name, p.Destroy, s.Name)
}

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
	why, hint := overLimit(s, run.Plan)
	if why == "" || run.Status != store.Planned && run.Status != store.Approved {
		return false, nil
	}
	a.work.stop(run.ID)
	return true, a.moveNow(w, run, store.Move{From: run.Status, To: store.Errored, Text: why}, func(r *store.Run) error {
		r.Error, r.Hint = why, hint
		return nil
	})
}
