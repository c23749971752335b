package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/agent/config"
	"sallyport/store"
)

// stepPreview moves a pull request's run on: it is planned when nothing that can be applied wants the room, and ends there.
func (a *Agent) stepPreview(w *world, run *store.Run, s *config.Stack) (time.Duration, error) {
	if r := w.cfg.Repository(run.Repository); r == nil || !r.GitHub.PlanPullRequests {
		return 0, a.forgetPull(w, run)
	}
	if a.work.busy(run.ID) != "" {
		return 0, nil // not held: it is being planned, and its end wakes the loop
	}
	if s.Engine != config.EngineTerraform {
		why := fmt.Sprintf("pull requests of %s stacks are not planned", s.Engine)
		return 0, a.moveNow(w, run, store.Move{From: run.Status, To: store.Canceled, Text: why}, because(why))
	}
	why, hint, err := a.paused(run.Stack)
	if err != nil {
		return 0, err
	}
	if why == "" && a.tight.why != "" {
		why, hint = a.tight.why, roomAdvice
	}
	if why != "" {
		return workRest, a.hold(run, why, hint)
	}
	if wait := a.reading().Left(run.NotBefore, maxPlanWait); wait > 0 {
		return wait, nil // not held anew: planFailed said that it is tried again, and why
	}
	if run.Attempts >= maxCrashes {
		why := fmt.Sprintf("planning was started %d times and its end was never seen", run.Attempts)
		return 0, a.moveNow(w, run, store.Move{From: run.Status, To: store.Errored, Text: why}, because(why))
	}
	room, err := a.roomForPreview(w, s)
	if err != nil {
		return 0, err
	}
	if !room {
		return a.waitForSlot(w, run, s)
	}
	return workRest, a.startPlan(w, run, s)
}

// roomForPreview leaves one terraform process to what can be applied, or, where there is only one at a time, lets that go first.
func (a *Agent) roomForPreview(w *world, s *config.Stack) (bool, error) {
	parallel := w.cfg.Terraform.Parallel
	if size := w.pool.Size(); size > 0 {
		parallel = min(parallel, size)
	}
	if a.full(w, s) || a.work.previews() >= max(1, parallel-1) {
		return false, nil
	}
	if w.pool.Shared() {
		// It could change what the others are at work on, and waits until there is none.
		if a.work.count()+a.work.builds() > 0 || !w.pool.Room(true) {
			return false, nil
		}
		parallel = 1
	}
	if parallel > 1 {
		return true, nil
	}
	waits := false
	err := a.store.View(func(tx *store.Tx) error {
		open, err := tx.OpenRuns()
		for _, r := range open {
			ready := r.Status == store.Pending || r.Status == store.Planning || r.Status == store.Approved
			waits = waits || r.Kind != store.KindPullRequest && ready && (r.Held == "" || strings.Contains(r.Held, slotWords))
		}
		return err
	})
	return !waits, err
}

// forgetPull ends a run whose repository's pull requests are not planned any more. What is remembered of the pull request
// goes with it, so that it is looked at anew should that change again.
func (a *Agent) forgetPull(w *world, run *store.Run) error {
	a.work.stop(run.ID)
	why := "pull requests are not planned any more"
	return a.update(func(tx *store.Tx) error {
		if err := tx.DeletePullRequest(run.Repository, run.PullRequest); err != nil {
			return err
		}
		_, err := a.move(tx, w, run, store.Move{From: run.Status, To: store.Canceled, Text: why}, because(why))
		return err
	})
}

// bringHead fetches the head of a pull request again if the mirror was made anew since.
func (a *Agent) bringHead(ctx context.Context, w *world, run *store.Run) error {
	git := w.repos[run.Repository]
	if git == nil || git.Has(run.Commit) {
		return nil
	}
	return git.FetchPull(ctx, run.PullRequest, run.Commit)
}

// previewed ends a pull request's run with its plan. The plan file goes at once: nobody can ever apply it.
func (a *Agent) previewed(w *world, run *store.Run, result *planResult) error {
	return a.update(func(tx *store.Tx) error {
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
func (a *Agent) tellMove(tx *store.Tx, w *world, run *store.Run, m store.Move) error {
	if run.Kind == store.KindPullRequest {
		return a.commentOn(tx, run.Repository, run.PullRequest)
	}
	return a.announce(tx, w, run, m)
}
