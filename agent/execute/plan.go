package execute

import (
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
	"sallyport/agent/lifecycle"
	"sallyport/agent/lifecycle/again"
	"sallyport/agent/lifecycle/renamed"
	"sallyport/agent/phrase"
	"sallyport/agent/repo"
	"sallyport/agent/terraform/diag"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// What a worker of a run is at.
const (
	workPlan   = "plan"
	workApply  = "apply"
	workFollow = "follow"
)

// StartPlan makes planning durable, then plans beside the loop.
func (e *Executor) StartPlan(conf *active.Config, run *store.Run, s *config.Stack) error {
	if e.work.Resting(run.ID) {
		return nil // it would count as an attempt, and nobody would make it; whoever looks again comes soon enough
	}
	change := func(r *store.Run) error {
		r.Attempts++
		r.Inputs, r.Engine = s.Inputs, s.Engine
		r.NotBefore, r.Held, r.Hint = time.Time{}, "", ""
		return nil
	}
	err := e.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.Run(run.ID)
		if err != nil {
			return err
		}
		// What the loop has in hand was read before it looked whether somebody works on this run. If that work ended in
		// between, a second plan here would overwrite the files of the one that people are being asked about.
		if now.Status != run.Status {
			return &store.ConflictError{ID: run.ID, Want: run.Status, Have: now.Status}
		}
		if now.Status == store.Planning {
			run, err = tx.ChangeRun(run.ID, change)
		} else {
			run, err = e.ledger.Move(tx, conf, now, store.Move{From: store.Pending, To: store.Planning}, change)
		}
		if err != nil {
			return err
		}
		if run.Kind == store.KindPullRequest {
			return nil // it neither holds the state lock nor counts as a plan of the stack
		}
		if err := ledger.RecordUpstreams(tx.Tx, run, s); err != nil {
			return err
		}
		return e.ledger.BeginPlan(tx.Tx, run, s)
	})
	if err != nil {
		return err
	}
	e.work.Do(run.ID, planWork(run, s), func(ctx context.Context) { e.plan(ctx, conf, run, s) })
	return nil
}

// plan makes a plan beside the loop, and stores what comes of it.
func (e *Executor) plan(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) {
	result, err := e.engines.EngineOf(s.Engine).Plan(ctx, conf, run, s)
	fault.Point("planned, not stored")
	if err != nil || ctx.Err() != nil {
		if err := e.ledger.EndPlan(run, err); err != nil {
			e.journal.StoreFault(err)
		}
	}
	if err == nil && run.Kind != store.KindPullRequest {
		result.Origin = e.origins.Of(ctx, conf, run, s)
	}
	if ctx.Err() != nil {
		return // canceled, superseded or stopping: what comes next is in the store
	}
	switch {
	case err != nil:
		err = e.planFailed(conf, run, err)
	case run.Kind == store.KindPullRequest:
		err = e.previewed(conf, run, result)
	default:
		err = e.planned(ctx, conf, run, s, result)
	}
	if err != nil && !errors.Is(err, store.ErrConflict) {
		e.work.Backoff(run.ID)
		e.journal.StoreFault(err)
	}
}

// planned stores a plan and everything with it in the transaction that makes the run planned.
func (e *Executor) planned(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack, result *ledger.PlanResult) error {
	if over := lifecycle.OverLimit(s, &result.Plan); over.Any() {
		return e.refuseLarge(conf, run, result, over.Why, over.Hint)
	}
	rewritten, err := branchRewritten(ctx, e.store, conf, run, s)
	if err != nil {
		return err
	}
	after, open, err := unfinished(e.store, run)
	if err != nil {
		return err
	}
	left, err := leftOut(e.store, run, s)
	if err != nil {
		return err
	}
	to, warnings := lifecycle.AfterPlan(s, &result.Plan, lifecycle.Interrupted{Run: after, Open: open})
	result.Warnings = slices.Concat(result.Warnings, warnings, left)
	err = e.journal.Update(func(tx *journal.Tx) error {
		if err := e.engines.CheckLineage(tx.Tx, s, result); err != nil {
			return err
		}
		if err := perhapsRenamed(tx.Tx, conf, s, result); err != nil {
			return err
		}
		policy, err := e.ledger.PolicyOn(tx.Tx, run, s, to, result, rewritten)
		if err != nil {
			return err
		}
		if err := tx.PutPlanText(run.ID, result.Text); err != nil && !errors.Is(err, store.ErrTooLarge) {
			return err // too large: plan.txt in the run's directory is kept instead
		}
		repository, err := tx.Repository(run.Repository)
		if err != nil {
			return err
		}
		news, err := e.takePlan(tx, run, s, result)
		if err != nil {
			return err
		}
		if denied, err := deniedBefore(tx.Tx, run, &result.Plan); err != nil {
			return err
		} else if denied != "" {
			result.Notes = append(result.Notes, denied)
		}
		now := e.now().UTC()
		moved, err := e.ledger.Move(tx, conf, run, store.Move{From: store.Planning, To: to}, func(r *store.Run) error {
			plan := result.Plan
			policy.Note(r)
			r.Hear(result.Said, hook.BeforePlan, hook.AfterPlan)
			r.Plan, r.ExpiresAt, r.PlannedUp, r.Error, r.Hint = &plan, now.Add(s.PlanTTL), e.uptime(), "", ""
			r.Warnings = append(r.Warnings, result.Warnings...)
			r.GitDown, r.Origin, r.Images, r.Notes = notify.Unreadable(repository), result.Origin, result.Images, result.Notes
			if to != store.Planned {
				r.ExpiresAt = time.Time{}
			}
			return nil
		})
		if err == nil && news && to != store.Planned && result.Plan.Empty {
			return e.ledger.TellChecks(tx.Tx, moved)
		}
		return err
	})
	var refusal *hint.Refusal
	if errors.As(err, &refusal) {
		return errors.Join(e.ledger.EndPlan(run, nil), e.planFailed(conf, run, err))
	}
	if err == nil && to == store.NoChanges {
		e.ledger.Keep(conf.Repos[run.Repository], run)
	}
	return err
}

// takePlan notes in the stack's state what a plan shows of it. News are checks that fail, and did not before.
func (e *Executor) takePlan(tx *journal.Tx, run *store.Run, s *config.Stack, result *ledger.PlanResult) (news bool, err error) {
	st, err := tx.Stack(s.Name)
	if err != nil {
		return false, err
	}
	if !run.Options.EmptyState { // of another state nothing counts before somebody has approved it
		whole := !run.Options.Partial() && !run.Options.Commit && len(run.Options.Vars) == 0
		again.Learn(st, s.Protect, &result.Plan, again.State{Resources: result.Resources, Addresses: result.Addresses}, whole)
		st.Lineage, st.Resources = result.Plan.Lineage, result.Resources
	}
	news = ledger.TakeChecks(st, result.Plan.Checks)
	if st.Planning = nil; lifecycle.TakesLock(run, s) {
		st.Unseen = nil // this plan has held the state lock: nobody left it behind
	}
	if err := tx.PutStack(st); err != nil {
		return false, err
	}
	if lifecycle.TakesLock(run, s) {
		return news, e.ledger.LockGone(tx.Tx, st, "")
	}
	return news, nil
}

// unfinished lists what an interrupted apply of the stack had started and not completed, and which apply that was. Such a
// resource can be half-made and look healthy to terraform, so an empty plan is not the end of it, whatever asked for it.
func unfinished(st *store.Store, run *store.Run) (after int, open []string, err error) {
	err = st.View(func(tx *store.Tx) error {
		st, err := tx.Stack(run.Stack)
		if err != nil || st.Unfinished == 0 {
			return err
		}
		before, err := tx.Run(st.Unfinished)
		if errors.Is(err, store.ErrNotFound) {
			return nil // trimmed: nobody remembers any more
		}
		if err == nil && before.Apply != nil {
			after, open = before.ID, before.Apply.Open
		}
		return err
	})
	return after, open, err
}

// leftOut says what applies of some addresses only have left out of the stack, on the card of whatever is planned next.
func leftOut(s *store.Store, run *store.Run, conf *config.Stack) (lines []string, err error) {
	err = s.View(func(tx *store.Tx) error {
		st, err := tx.Stack(run.Stack)
		if err == nil {
			lines = phrase.LeftOut{Stack: st, ShowAddresses: conf.PlanInSlack != "none"}.Before(run)
		}
		return err
	})
	return lines, err
}

// planFailed retries what may pass by itself, with backoff, and ends the run otherwise.
func (e *Executor) planFailed(conf *active.Config, run *store.Run, cause error) error {
	text, hint := e.health.Redact(cause.Error()), hint.Of(cause)
	var failed *diag.Error
	transient := errors.As(cause, &failed) && failed.Transient
	if failed != nil && failed.Lock != nil {
		if handled, err := e.ledger.LockMet(conf, run, failed.Lock); handled || err != nil {
			return err
		}
		hint = strings.Replace(hint, "unlock STACK", "unlock "+run.Stack, 1)
	}
	if errors.Is(cause, repo.ErrDamaged) || errors.Is(cause, repo.ErrUnknownCommit) {
		transient = true // the next poll makes the mirror anew
	}
	if errors.Is(cause, syscall.ENOSPC) {
		transient, hint = true, "free space in the data directory; the plan is tried again by itself"
	}
	if transient && run.Attempts < maxAttempts {
		wait := min(5*time.Second<<(run.Attempts-1), lifecycle.MaxPlanWait)
		e.log.Warn("planning met an error that may pass", "run", run.ID, "stack", run.Stack, "commit", words.Short(run.Commit), "err", text, "retry_in", wait)
		return e.journal.Update(func(tx *journal.Tx) error {
			now, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
				if r.Status != store.Planning {
					return nil
				}
				r.NotBefore = e.now().UTC().Add(wait)
				r.Held, r.Hint = fmt.Sprintf("planning is tried again (%d of %d): %s", r.Attempts+1, maxAttempts, text), hint
				return nil
			})
			if err != nil {
				return err
			}
			return e.ledger.RefreshCard(tx.Tx, now)
		})
	}
	var hooked *hook.Error
	return e.ledger.MoveNow(conf, run, store.Move{From: store.Planning, To: store.Errored, Text: text}, func(r *store.Run) error {
		if errors.As(cause, &hooked) {
			r.Hear(hooked.Said, hook.BeforePlan, hook.AfterPlan)
		}
		r.Error, r.Hint = text, hint
		return nil
	})
}

// perhapsRenamed adds a warning if a stack may be another one under a new name.
func perhapsRenamed(tx *store.Tx, conf *active.Config, s *config.Stack, result *ledger.PlanResult) error {
	if !result.Plan.NewState {
		return nil
	}
	st, err := tx.Stack(s.Name)
	if err != nil {
		return err
	}
	all, err := tx.Stacks()
	if err != nil {
		return err
	}
	warning := renamed.Warning(st, s.Dir, all, func(name string) bool { return conf.Stack(name) != nil })
	if warning != "" && !slices.Contains(result.Warnings, warning) { // the transaction may begin again
		result.Warnings = append(result.Warnings, warning)
	}
	return nil
}
