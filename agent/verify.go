package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/hint"
	"sallyport/agent/lifecycle"
	"sallyport/agent/repo"
	"sallyport/agent/terraform/diag"
	"sallyport/store"
)

// Verify before apply: a plan that was approved long ago is made again first. People approved what the plan does, and
// terraform's own check (has the state's serial changed?) does not see what moved outside of the state.
//
// A decision is about the plan that was shown. So the fresh plan takes the place of the shown one in one transaction, only if
// it does the same, and carries the shown one's digest with it: what is applied has the digest of its own file, which the
// runner checks, and the decisions that count are those about Plan.Shown. The files of the two lie in directories of their own;
// which one the run's plan is only the store says, so a crash at any moment leaves one plan whole with its own decisions.

// verifyDirs are the directories inside a run's in which its plan is made again, in turn: never the one that the store names.
var verifyDirs = [2]string{"again-a", "again-b"}

// maxMoved is how many approved plans in a row may turn out to be others until nobody is asked any more.
const maxMoved = 2

// planBase is the directory that the files of a run's plan lie in.
func planBase(dataDir string, run *store.Run) string {
	dir := datadir.Run(dataDir, run.ID)
	if run.Plan != nil {
		dir = filepath.Join(dir, run.Plan.Dir)
	}
	return dir
}

// verify plans an approved run again, beside the plan that it has. Nothing of the run changes before that has ended.
func (a *executor) verify(ctx context.Context, w *world, run *store.Run, s *config.Stack) error {
	if err := a.hold(run, "approved; planned again before the apply, to see whether it still does the same (verify_after)", ""); err != nil {
		return err
	}
	if err := a.update(func(tx *Tx) error {
		now, err := a.sameApproved(tx.Tx, run)
		if err != nil {
			return err
		}
		return a.beginPlan(tx.Tx, now, s)
	}); err != nil {
		return err
	}
	result, err := a.planAgain(ctx, w, run, s)
	fault.Point("planned again, not stored")
	if end := a.endPlan(run, err); end != nil || ctx.Err() != nil {
		return end
	}
	if err != nil {
		return a.notVerified(w, run, err)
	}
	if moved := lifecycle.Differences(run.Plan, &result.Plan); len(moved) > 0 && !fault.Without("verify") {
		return a.worldMoved(w, run, moved)
	}
	return a.takeVerified(run, &result.Plan)
}

// sameApproved is the run as it is now, if it is still approved with the plan in hand.
func (a *executor) sameApproved(tx *store.Tx, run *store.Run) (*store.Run, error) {
	now, err := tx.Run(run.ID)
	if err != nil {
		return nil, err
	}
	if now.Status != store.Approved || now.Plan == nil || now.Plan.Digest != run.Plan.Digest {
		return nil, errNotNow
	}
	return now, nil
}

// planAgain makes the run's plan once more, in the directory that the store does not name.
func (a *engines) planAgain(ctx context.Context, w *world, run *store.Run, s *config.Stack) (*planResult, error) {
	tool, err := a.findTool(ctx, w, s.Tool)
	if err != nil {
		return nil, err
	}
	name := verifyDirs[0]
	if run.Plan.Dir == name {
		name = verifyDirs[1]
	}
	dir := filepath.Join(datadir.Run(w.cfg.DataDir, run.ID), name)
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("clearing what an earlier plan left: %w", err)
	}
	for _, d := range []string{dir, filepath.Join(dir, planDir), filepath.Join(dir, dataDir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("making a directory for the plan: %w", err)
		}
	}
	result, err := a.planIn(ctx, w, run, s, planPlace{dir: dir, name: name, tool: tool})
	if err != nil {
		return nil, err
	}
	result.Plan.Dir = name
	return result, nil
}

// takeVerified lets the fresh plan take the place of the shown one: the one transaction in which a run's plan changes under an
// approval. It does the same, so everything that people saw and said holds for it.
func (a *executor) takeVerified(run *store.Run, fresh *store.Plan) error {
	return a.update(func(tx *Tx) error {
		now, err := a.sameApproved(tx.Tx, run)
		if err != nil {
			return err
		}
		if len(lifecycle.Differences(now.Plan, fresh)) > 0 && !fault.Without("verify") {
			return errNotNow
		}
		plan := *fresh
		plan.ApprovedDigest = now.Plan.Shown()
		if now, err = tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.Plan, r.VerifiedAt, r.VerifiedUp = &plan, a.now().UTC(), a.uptime()
			r.Held, r.Hint, r.NotBefore = "", "", time.Time{}
			return nil
		}); err != nil {
			return err
		}
		st, err := tx.Stack(run.Stack)
		if err != nil {
			return err
		}
		st.Unseen = nil // this plan has held the state lock: nobody left it behind
		if err := errors.Join(tx.PutStack(st), a.lockGone(tx.Tx, st, "")); err != nil {
			return err
		}
		text := fmt.Sprintf("planned again before the apply, with the same changes: %s was approved, %s takes its place", short(plan.ApprovedDigest), short(plan.Digest))
		return errors.Join(
			tx.AddEvent(store.Event{Type: "verified", Run: run.ID, Stack: run.Stack, Text: plan.ApprovedDigest + " " + plan.Digest}),
			a.refreshAnd(tx.Tx, now, "verified", fmt.Sprintf("#%d %s was %s.", run.ID, run.Stack, text)))
	})
}

// notVerified is what becomes of a run whose plan could not be made again: it waits where that may pass, and ends otherwise.
func (a *executor) notVerified(w *world, run *store.Run, cause error) error {
	text := a.redact(cause.Error())
	var failed *diag.Error
	transient := errors.As(cause, &failed) && (failed.Transient || failed.Lock != nil)
	if transient || errors.Is(cause, repo.ErrDamaged) || errors.Is(cause, repo.ErrUnknownCommit) || errors.Is(cause, syscall.ENOSPC) {
		return a.holdApproved(run, "approved; waits until it can be planned again before the apply: "+text,
			strings.Replace(cmp.Or(hint.Of(cause), "it is tried again by itself; see sallyport status"), "unlock STACK", "unlock "+run.Stack, 1))
	}
	text = "nothing was applied: the plan could not be made again before the apply: " + text
	return a.moveNow(w, run, store.Move{From: store.Approved, To: store.Errored, Text: text}, func(r *store.Run) error {
		r.Error, r.Hint = text, hint.Of(cause)
		return nil
	})
}

// worldMoved ends a run whose plan would do something else by now. The run that takes over asks again, unless that has
// happened twice in a row: then people are told what does not come to rest, and decide when to try again.
func (a *executor) worldMoved(w *world, run *store.Run, moved []string) error {
	why := "planned again before the apply, and it is not the same any more: " + joinSome(moved, 20)
	stop := run.Moved+1 >= maxMoved
	return a.update(func(tx *Tx) error {
		now, err := a.sameApproved(tx.Tx, run)
		if err != nil {
			return err
		}
		old, err := a.move(tx, w, now, store.Move{From: store.Approved, To: store.Stale, Text: why}, func(r *store.Run) error {
			r.Error = why
			if stop {
				r.Hint = fmt.Sprintf("see what changes these (a value that is new at each plan, another tool), then: sallyport plan %s", run.Stack)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if stop {
			return a.say(tx.Tx, old, store.MessageLoud, "moved", fmt.Sprintf("#%d %s: %d approved plans in a row were not the same any more when they were to be applied. "+
				"Nobody is asked again by itself. What does not come to rest: %s.", run.ID, run.Stack, maxMoved, joinSome(moved, 20)))
		}
		if err := a.succeed(tx, w, old, fmt.Sprintf("planned again after #%d: what it does has changed since it was approved", run.ID)); err != nil {
			return err
		}
		st, err := tx.Stack(run.Stack)
		if err != nil || st.OpenRun == 0 {
			return err
		}
		_, err = tx.ChangeRun(st.OpenRun, func(r *store.Run) error {
			r.Moved = run.Moved + 1
			return nil
		})
		return err
	})
}
