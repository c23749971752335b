package ledger

import (
	"fmt"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/agent/lifecycle/policy"
	"sallyport/store"
)

// policyVerdict is what a policy says of a plan that was just made.
type policyVerdict struct {
	decision *store.Decision // set: it applies by itself
	asks     string
}

// Note writes the verdict into the run, in the transition that makes it planned.
func (v policyVerdict) Note(r *store.Run) {
	r.Asks = v.asks
	if v.decision != nil {
		r.Decisions = append(r.Decisions, *v.decision)
	}
}

// PolicyOn asks the stack's policy about a new plan.
func (l *Ledger) PolicyOn(tx *store.Tx, run *store.Run, s *config.Stack, to store.Status, result *PlanResult, rewritten bool) (policyVerdict, error) {
	if s.AutoApply == config.PolicyNever || to != store.Planned {
		return policyVerdict{}, nil
	}
	facts, err := l.policyFacts(tx, run, s)
	if err != nil {
		return policyVerdict{}, err
	}
	now := lifecycle.SituationOf(facts, &result.Plan)
	now.Rewritten = now.Rewritten || rewritten
	now.Warned = now.Warned || len(store.HookWarnings(result.Said)) > 0
	if why := policy.AutoApplyRefusal(s, now); why != "" {
		return policyVerdict{asks: fmt.Sprintf("auto_apply is %s, but %s", s.AutoApply, why)}, nil
	}
	by := store.PolicyPrefix + string(s.AutoApply)
	d := store.Decision{Verdict: store.Approve, By: by, Person: by, At: l.now().UTC(), Digest: result.Plan.Digest}
	err = tx.AddEvent(store.Event{Type: "decision", Run: run.ID, Stack: run.Stack, By: by, Text: string(store.Approve) + " " + d.Digest})
	return policyVerdict{decision: &d}, err
}
