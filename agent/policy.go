package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/repo"
	"sallyport/store"
)

// policyDay is the time in which a policy's applies are counted.
const policyDay = 24 * time.Hour

// situation is all that a policy decides on. Whatever cannot be told is told so that it asks.
type situation struct {
	Kind store.Kind
	Plan *store.Plan

	AtApplied   bool // the commit is the one that is applied
	SameInputs  bool // variables, environment, workspace and the tool's configuration are those that were applied
	SameTools   bool // so are terraform and the providers
	Interrupted int  // an apply whose end nobody saw, and that no run has made good since; 0 if there is none
	Rewritten   bool // the branch does not descend from what is applied
	Paused      bool // the agent or the stack
	Special     bool // a person's plan with options: it is not what the repository says
	StateLost   bool // something was applied, and there is no state: what is planned may all exist
	Today       int  // applies that policies decided on within a day
}

// undecided says why a stack's policy leaves a plan to people; empty if it applies the plan by itself. It is the whole of a
// policy, and depends on nothing else.
func undecided(s *config.Stack, now situation) string {
	switch {
	case now.Plan == nil || now.Plan.Empty:
		return "there is nothing to apply"
	case now.Kind == store.KindRecovery:
		return "this takes over from a run that was not applied as it was planned"
	case now.Kind == store.KindPullRequest:
		return "this is a preview"
	case now.Special:
		return "somebody asked for a plan with options"
	case now.Interrupted != 0:
		return fmt.Sprintf("the apply of #%d was interrupted, and somebody has to look first", now.Interrupted)
	case now.Rewritten:
		return "the history of the branch was rewritten"
	case now.Paused:
		return "it is paused"
	case now.Today >= s.AutoApplyLimit:
		return fmt.Sprintf("%d of %d applies by policy are used up within 24 hours (auto_apply_limit)", now.Today, s.AutoApplyLimit)
	case now.StateLost:
		return "it was applied before and has no state now"
	}
	for _, c := range now.Plan.Changes {
		if c.Protected {
			return fmt.Sprintf("%s is protected", c.Address)
		}
	}
	switch s.AutoApply {
	case config.PolicyAlways:
		return ""
	case config.PolicyNoDestroy:
		for _, c := range now.Plan.Changes {
			if c.Destroys() || c.Forgets() {
				return fmt.Sprintf("%s is destroyed, replaced or forgotten", c.Address)
			}
		}
		return ""
	case config.PolicyRecreate:
		return notOnlyRecreated(s, now)
	}
	return "auto_apply is never"
}

// notOnlyRecreated says what in a plan is more than bringing back what disappeared.
func notOnlyRecreated(s *config.Stack, now situation) string {
	switch {
	case !now.AtApplied:
		return "this is another commit than the one that is applied"
	case !now.SameInputs:
		return "variables, environment or tool changed in the configuration since it was applied"
	case !now.SameTools:
		return "terraform or a provider is another one than it was applied with"
	}
	recreated := 0
	destroys := now.Plan.Destroys()
	for _, c := range now.Plan.Changes {
		follows := len(c.Follows) > 0
		switch {
		case c.Class == store.ClassRecreate && slices.Equal(c.Actions, []string{"create"}):
			recreated++
		case follows && slices.Equal(c.Actions, []string{"update"}):
			if destroys {
				return fmt.Sprintf("%s changes, in a plan that also destroys", c.Address)
			}
		case follows && len(c.Actions) == 2 && c.Destroys() && slices.Contains(s.RecreateAlso, c.Type):
		case c.Destroys() || c.Forgets():
			return fmt.Sprintf("%s is destroyed, replaced or forgotten", c.Address)
		default:
			return fmt.Sprintf("%s changes, and nothing shows that a recreated object is the only cause", c.Address)
		}
	}
	for _, o := range now.Plan.Outputs {
		if !o.Later {
			return fmt.Sprintf("the output %s changes, and not because of a recreated object", o.Name)
		}
	}
	if recreated == 0 {
		return "nothing disappeared"
	}
	return ""
}

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
func (a *Agent) policyOn(tx *store.Tx, run *store.Run, s *config.Stack, to store.Status, result *planResult, rewritten bool) (policyVerdict, error) {
	if s.AutoApply == config.PolicyNever || to != store.Planned {
		return policyVerdict{}, nil
	}
	now, err := a.situation(tx, run, s, &result.Plan)
	if err != nil {
		return policyVerdict{}, err
	}
	now.Rewritten = now.Rewritten || rewritten
	if why := undecided(s, now); why != "" {
		return policyVerdict{asks: fmt.Sprintf("auto_apply is %s, but %s", s.AutoApply, why)}, nil
	}
	by := store.PolicyPrefix + string(s.AutoApply)
	d := store.Decision{Verdict: store.Approve, By: by, Person: by, At: a.now().UTC(), Digest: result.Plan.Digest}
	err = tx.AddEvent(store.Event{Type: "decision", Run: run.ID, Stack: run.Stack, By: by, Text: string(store.Approve) + " " + d.Digest})
	return policyVerdict{decision: &d}, err
}

// situation reads what a policy decides on.
func (a *Agent) situation(tx *store.Tx, run *store.Run, s *config.Stack, plan *store.Plan) (situation, error) {
	now := situation{Kind: run.Kind, Plan: plan, Special: run.Options.Inherited || len(run.Options.Kinds(run.Commit)) > 0}
	st, err := tx.Stack(run.Stack)
	if err != nil {
		return now, err
	}
	agent, err := tx.Agent()
	if err != nil {
		return now, err
	}
	repository, err := tx.Repository(run.Repository)
	if err != nil {
		return now, err
	}
	now.Paused = agent.Paused != nil || st.Paused != nil
	now.Rewritten = repository.HeldHead != ""
	now.AtApplied = run.Commit != "" && run.Commit == st.AppliedCommit
	now.StateLost = plan.NewState && st.Resources > 0
	now.Today = a.autoAppliedToday(st)
	now.SameInputs = st.AppliedInputs == s.Inputs
	if now.SameTools, err = sameTools(tx, st, plan); err != nil {
		return now, err
	}
	if d := st.Drift; d != nil && d.CleanCommit == st.AppliedCommit && d.CleanInputs == s.Inputs {
		// With these there was nothing to do: they are as good as applied.
		now.SameInputs, now.SameTools = true, now.SameTools || d.CleanTools == plan.Tools()
	}
	now.Interrupted, err = interrupted(tx, st)
	return now, err
}

// sameTools compares the tools of a plan with those that the stack was applied with.
func sameTools(tx *store.Tx, st *store.StackState, plan *store.Plan) (bool, error) {
	if st.AppliedRun == 0 || plan.Tools() == "" {
		return false, nil
	}
	applied, err := tx.Run(st.AppliedRun)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && applied.Plan.Tools() == plan.Tools(), err
}

// interrupted is the stack's last apply if nobody saw its end and no run ended well since.
func interrupted(tx *store.Tx, st *store.StackState) (int, error) {
	if st.Unfinished != 0 {
		return st.Unfinished, nil
	}
	if st.LastApply == 0 || st.AppliedRun > st.LastApply {
		return 0, nil
	}
	last, err := tx.Run(st.LastApply)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return 0, nil // it was trimmed: long ago
	case err != nil:
		return 0, err
	case last.Status == store.Interrupted:
		return last.ID, nil
	}
	return 0, nil
}

// rewritten reports whether the branch's newest commit does not descend from what is applied. Only policies ask.
func (a *Agent) rewritten(ctx context.Context, w *world, run *store.Run, s *config.Stack) (bool, error) {
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

// policyAgainst says why the policy that approved a run does not any more; empty if it does, or if people decided.
func (a *Agent) policyAgainst(tx *store.Tx, run *store.Run, s *config.Stack) (string, error) {
	if run.Policy() == "" {
		return "", nil
	}
	now, err := a.situation(tx, run, s, run.Plan)
	if err != nil {
		return "", err
	}
	if run.Policy() != string(s.AutoApply) {
		return "auto_apply is another one now", nil
	}
	return undecided(s, now), nil
}

// policyEnds takes a policy's approval back if the policy would not give it any more, and asks people.
func (a *Agent) policyEnds(w *world, run *store.Run, s *config.Stack) (done bool, err error) {
	why := ""
	err = a.store.View(func(tx *store.Tx) (err error) {
		why, err = a.policyAgainst(tx, run, s)
		return err
	})
	if err != nil || why == "" {
		return false, err
	}
	err = a.update(func(tx *store.Tx) error {
		done = false
		now, err := tx.Run(run.ID)
		if err != nil || now.Status != store.Approved {
			return err
		}
		why, err := a.policyAgainst(tx, now, s)
		if err != nil || why == "" {
			return err
		}
		done = true
		by := policyBy(now)
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
	return done, err
}

// askAfterAll asks people about a plan that a policy was about to apply.
func (a *Agent) askAfterAll(tx *store.Tx, run *store.Run) error {
	if err := a.refreshCard(tx, run); err != nil {
		return err
	}
	return a.say(tx, run, store.MessageLoud, "again", fmt.Sprintf("#%d %s waits for approval after all: %s", run.ID, run.Stack, run.Asks))
}

// policyBy is the policy that approved a run, as a decision names it; empty if people did.
func policyBy(run *store.Run) string {
	if name := run.Policy(); name != "" {
		return store.PolicyPrefix + name
	}
	return ""
}

// autoAppliedToday counts the applies by policy of the last day, by either clock: one that jumps ahead must not give more,
// and one that was ahead by years and is put right must not take them away for those years.
func (a *Agent) autoAppliedToday(st *store.StackState) int {
	n := 0
	for _, applied := range st.AutoApplied {
		up, known := a.reading().Passed(applied.Up)
		age := a.now().Sub(applied.At)
		if known && up < policyDay || age >= -clock.Doubt && age < policyDay {
			n++
		}
	}
	return n
}

// countAutoApply notes that a policy's apply begins.
func (a *Agent) countAutoApply(st *store.StackState, run *store.Run) {
	if run.Policy() == "" {
		return
	}
	st.AutoApplied = slices.DeleteFunc(st.AutoApplied, func(applied store.AutoApply) bool {
		up, known := a.reading().Passed(applied.Up)
		return a.now().Sub(applied.At) > 2*policyDay && !(known && up < policyDay)
	})
	st.AutoApplied = append(st.AutoApplied, store.AutoApply{Run: run.ID, At: a.now().UTC(), Up: a.opts.Uptime()})
}
