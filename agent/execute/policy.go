package execute

import (
	"context"
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/agent/lifecycle/votes"
	"sallyport/agent/repo"
	"sallyport/store"
)

// branchRewritten reports whether the branch's newest commit does not descend from what is applied. Only policies ask.
func branchRewritten(ctx context.Context, of *store.Store, conf *active.Config, run *store.Run, s *config.Stack) (bool, error) {
	if s.AutoApply == config.PolicyNever {
		return false, nil
	}
	var applied, head string
	err := of.View(func(tx *store.Tx) error {
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
	ancestry, err := conf.Repos[run.Repository].Descends(ctx, applied, head)
	return err != nil || ancestry != repo.Descends, nil // what cannot be told is left to people
}

// policyEnds takes a policy's approval back if the policy would not give it any more, and asks people.
func (e *Executor) policyEnds(conf *active.Config, run *store.Run) error {
	return e.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.Run(run.ID)
		if err != nil || now.Status != store.Approved {
			return err
		}
		f, err := e.recorded(tx.Tx, conf, now)
		if err != nil || f.Config.Stack == nil {
			return err
		}
		why := lifecycle.PolicyAgainst(f)
		if why == "" {
			return nil
		}
		by := votes.PolicyBy(now)
		if err := tx.AddEvent(store.Event{Type: "withdrawn", Run: run.ID, Stack: run.Stack, Text: fmt.Sprintf("the approval of %s does not count any more: %s", by, why)}); err != nil {
			return err
		}
		_, err = e.ledger.Move(tx, conf, now, store.Move{From: store.Approved, To: store.Planned, Text: why}, func(r *store.Run) error {
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
