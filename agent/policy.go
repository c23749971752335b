package agent

import (
	"context"
	"fmt"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/agent/repo"
	"sallyport/store"
)

// policyVerdict is what a policy says of a plan that was just made.
type policyVerdict struct {
	decision *store.Decision // set: it applies by itself
	asks     string
}

// note writes the verdict into the run, in the transition that makes it planned.
func (v policyVerdict) note(r *store.Run) {
	r.Asks = v.asks
	if v.decision != nil {
		r.Decisions = append(r.Decisions, *v.decision)
	}
}

// policyOn asks the stack's policy about a new plan.
func (a *ledger) policyOn(tx *store.Tx, run *store.Run, s *config.Stack, to store.Status, result *planResult, rewritten bool) (policyVerdict, error) {
	if s.AutoApply == config.PolicyNever || to != store.Planned {
		return policyVerdict{}, nil
	}
	facts, err := a.policyFacts(tx, run, s)
	if err != nil {
		return policyVerdict{}, err
	}
	now := lifecycle.SituationOf(facts, &result.Plan)
	now.Rewritten = now.Rewritten || rewritten
	if why := lifecycle.AutoApplyRefusal(s, now); why != "" {
		return policyVerdict{asks: fmt.Sprintf("auto_apply is %s, but %s", s.AutoApply, why)}, nil
	}
	by := store.PolicyPrefix + string(s.AutoApply)
	d := store.Decision{Verdict: store.Approve, By: by, Person: by, At: a.now().UTC(), Digest: result.Plan.Digest}
	err = tx.AddEvent(store.Event{Type: "decision", Run: run.ID, Stack: run.Stack, By: by, Text: string(store.Approve) + " " + d.Digest})
	return policyVerdict{decision: &d}, err
}

// rewritten reports whether the branch's newest commit does not descend from what is applied. Only policies ask.
func (a *executor) rewritten(ctx context.Context, w *world, run *store.Run, s *config.Stack) (bool, error) {
	if s.AutoApply == config.PolicyNever {
		return false, nil
	}
	var applied, head string
	err := a.store.View(func(tx *store.Tx) error {
		st, err := tx.Stack(run.Stack)
		if err != nil {
			return err
		}
		repository, err := tx.Repository(run.Repository)
		if err != nil {
			return err
		}
		applied, head = st.AppliedCommit, repository.Head
		return nil
	})
	if err != nil || applied == "" || applied == head {
		return false, err
	}
	ancestry, err := w.repos[run.Repository].Descends(ctx, applied, head)
	return err != nil || ancestry != repo.Descends, nil // what cannot be told is left to people
}

// askAfterAll asks people about a plan that a policy was about to apply.
func (a *ledger) askAfterAll(tx *store.Tx, run *store.Run) error {
	if err := a.refreshCard(tx, run); err != nil {
		return err
	}
	return a.say(tx, run, store.MessageLoud, "again", fmt.Sprintf("#%d %s waits for approval after all: %s", run.ID, run.Stack, run.Asks))
}

// policyEnds takes a policy's approval back if the policy would not give it any more, and asks people.
func (a *executor) policyEnds(w *world, run *store.Run) error {
	return a.update(func(tx *Tx) error {
		now, err := tx.Run(run.ID)
		if err != nil || now.Status != store.Approved {
			return err
		}
		f, err := a.recorded(tx.Tx, w, now)
		if err != nil || f.Config.Stack == nil {
			return err
		}
		why := lifecycle.PolicyAgainst(f)
		if why == "" {
			return nil
		}
		by := lifecycle.PolicyBy(now)
		if err := tx.AddEvent(store.Event{Type: "withdrawn", Run: run.ID, Stack: run.Stack, Text: fmt.Sprintf("the approval of %s does not count any more: %s", by, why)}); err != nil {
			return err
		}
		_, err = a.move(tx, w, now, store.Move{From: store.Approved, To: store.Planned, Text: why}, func(r *store.Run) error {
			for i, d := range r.Decisions {
				if d.By == by && d.Withdrawn == "" {
					r.Decisions[i].Withdrawn = why
				}
			}
			r.Asks = fmt.Sprintf("auto_apply would not apply it any more: %s", why)
			return nil
		})
		return err
	})
}
