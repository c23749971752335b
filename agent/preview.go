package agent

import (
	"context"
	"errors"

	"sallyport/store"
)

// bringHead fetches the head of a pull request again if the mirror was made anew since.
func (a *engines) bringHead(ctx context.Context, w *world, run *store.Run) error {
	git := w.repos[run.Repository]
	if git == nil || git.Has(run.Commit) {
		return nil
	}
	return git.FetchPull(ctx, run.PullRequest, run.Commit)
}

// previewed ends a pull request's run with its plan. The plan file goes at once: nobody can ever apply it.
func (a *executor) previewed(w *world, run *store.Run, result *planResult) error {
	return a.update(func(tx *Tx) error {
		if err := tx.PutPlanText(run.ID, result.Text); err != nil && !errors.Is(err, store.ErrTooLarge) {
			return err // too large: plan.txt in the run's directory is kept instead
		}
		_, err := a.move(tx, w, run, store.Move{From: store.Planning, To: store.Previewed}, func(r *store.Run) error {
			plan := result.Plan
			r.Plan, r.Error, r.Hint = &plan, "", ""
			r.Warnings = append(r.Warnings, result.Warnings...)
			return nil
		})
		return err
	})
}

// planWork is what a worker does that plans a run.
func planWork(run *store.Run) string {
	if run.Kind == store.KindPullRequest {
		return workPreview
	}
	return workPlan
}

// tellMove writes the messages that a transition causes. Of a pull request's it is read where the change is discussed, and rings
// nobody's phone.
func (a *ledger) tellMove(tx *store.Tx, w *world, run *store.Run, m store.Move) error {
	if run.Kind == store.KindPullRequest {
		return a.commentOn(tx, run.Repository, run.PullRequest)
	}
	return a.announce(tx, w, run, m)
}
