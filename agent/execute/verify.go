package execute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/engine/hook"
	"sallyport/agent/fault"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle/effects"
	"sallyport/agent/repo"
	"sallyport/agent/terraform/diag"
	"sallyport/notify/words"
	"sallyport/store"
)

// maxMoved is how many approved plans in a row may turn out to be others until nobody is asked any more.
const maxMoved = 2

// verify plans an approved run again, beside the plan that it has. Nothing of the run changes before that has ended.
func (e *Executor) verify(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) error {
	if err := e.ledger.Hold(run, "approved; planned again before the apply, to see whether it still does the same (verify_after)", ""); err != nil {
		return err
	}
	if err := e.journal.Update(func(tx *journal.Tx) error {
		now, err := sameApproved(tx.Tx, run)
		if err != nil {
			return err
		}
		return e.ledger.BeginPlan(tx.Tx, now, s)
	}); err != nil {
		return err
	}
	result, err := e.engines.PlanAgain(ctx, conf, run, s)
	fault.Point("planned again, not stored")
	if end := e.ledger.EndPlan(run, err); end != nil || ctx.Err() != nil {
		return end
	}
	if err != nil {
		return e.NotVerified(conf, run, err)
	}
	moved := append(effects.Differences(run.Plan, &result.Plan), newWarnings(run, result.Said)...)
	if len(moved) > 0 && !fault.Without("verify") {
		return e.worldMoved(conf, run, moved)
	}
	return e.takeVerified(run, result)
}

// sameApproved is the run as it is now, if it is still approved with the plan in hand.
func sameApproved(tx *store.Tx, run *store.Run) (*store.Run, error) {
	now, err := tx.Run(run.ID)
	if err != nil {
		return nil, err
	}
	if now.Status != store.Approved || now.Plan == nil || now.Plan.Digest != run.Plan.Digest {
		return nil, errNotNow
	}
	return now, nil
}

// takeVerified lets the fresh plan take the place of the shown one: the one transaction in which a run's plan changes under an
// approval. It does the same, so everything that people saw and said holds for it.
func (e *Executor) takeVerified(run *store.Run, fresh *ledger.PlanResult) error {
	return e.journal.Update(func(tx *journal.Tx) error {
		now, err := sameApproved(tx.Tx, run)
		if err != nil {
			return err
		}
		if len(effects.Differences(now.Plan, &fresh.Plan)) > 0 && !fault.Without("verify") {
			return errNotNow
		}
		plan := fresh.Plan
		plan.ApprovedDigest = now.Plan.Shown()
		if now, err = tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.Plan, r.VerifiedAt, r.VerifiedUp = &plan, e.now().UTC(), e.uptime()
			r.Held, r.Hint, r.NotBefore = "", "", time.Time{}
			r.Hear(fresh.Said, hook.BeforePlan, hook.AfterPlan)
			return nil
		}); err != nil {
			return err
		}
		st, err := tx.Stack(run.Stack)
		if err != nil {
			return err
		}
		st.Unseen = nil // this plan has held the state lock: nobody left it behind
		if err := errors.Join(tx.PutStack(st), e.ledger.LockGone(tx.Tx, st, "")); err != nil {
			return err
		}
		text := fmt.Sprintf("planned again before the apply, with the same changes: %s was approved, %s takes its place", words.Short(plan.ApprovedDigest), words.Short(plan.Digest))
		return errors.Join(
			tx.AddEvent(store.Event{Type: "verified", Run: run.ID, Stack: run.Stack, Text: plan.ApprovedDigest + " " + plan.Digest}),
			e.ledger.RefreshAnd(tx.Tx, now, "verified", fmt.Sprintf("#%d %s was %s.", run.ID, run.Stack, text)))
	})
}

// newWarnings are those of hooks that nobody had seen who approved the plan. A hook has to say the same of the same plan.
func newWarnings(run *store.Run, said []store.HookNote) []string {
	var fresh []string
	for _, n := range store.HookWarnings(said) {
		if !slices.ContainsFunc(store.HookWarnings(run.HookNotes), func(have store.HookNote) bool {
			return have.Command == n.Command && have.Text == n.Text
		}) {
			fresh = append(fresh, fmt.Sprintf("the %s hook %s warns of something that it had not", n.Hook, n.Command))
		}
	}
	return fresh
}

// NotVerified is what becomes of a run whose plan could not be made again: it waits where that may pass, and ends otherwise.
func (e *Executor) NotVerified(conf *active.Config, run *store.Run, cause error) error {
	text := e.health.Redact(cause.Error())
	var failed *diag.Error
	transient := errors.As(cause, &failed) && (failed.Transient || failed.Lock != nil)
	if transient || errors.Is(cause, repo.ErrDamaged) || errors.Is(cause, repo.ErrUnknownCommit) || errors.Is(cause, syscall.ENOSPC) {
		return e.ledger.HoldApproved(run, "approved; waits until it can be planned again before the apply: "+text,
			strings.Replace(cmp.Or(hint.Of(cause), "it is tried again by itself; see sallyport status"), "unlock STACK", "unlock "+run.Stack, 1))
	}
	text = "nothing was applied: the plan could not be made again before the apply: " + text
	return e.ledger.MoveNow(conf, run, store.Move{From: store.Approved, To: store.Errored, Text: text}, func(r *store.Run) error {
		r.Error, r.Hint = text, hint.Of(cause)
		return nil
	})
}

// worldMoved ends a run whose plan would do something else by now. The run that takes over asks again, unless that has
// happened twice in a row: then people are told what does not come to rest, and decide when to try again.
func (e *Executor) worldMoved(conf *active.Config, run *store.Run, moved []string) error {
	why := "planned again before the apply, and it is not the same any more: " + words.List(moved, 20)
	stop := run.Moved+1 >= maxMoved
	return e.journal.Update(func(tx *journal.Tx) error {
		now, err := sameApproved(tx.Tx, run)
		if err != nil {
			return err
		}
		old, err := e.ledger.Move(tx, conf, now, store.Move{From: store.Approved, To: store.Stale, Text: why}, func(r *store.Run) error {
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
			return e.ledger.Say(tx.Tx, old, store.MessageLoud, "moved", fmt.Sprintf("#%d %s: %d approved plans in a row were not the same any more when they were to be applied. "+
				"Nobody is asked again by itself. What does not come to rest: %s.", run.ID, run.Stack, maxMoved, words.List(moved, 20)))
		}
		if err := e.ledger.CreateSuccessor(tx, conf, old, fmt.Sprintf("planned again after #%d: what it does has changed since it was approved", run.ID)); err != nil {
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
