package lifecycle

import (
	"sallyport/agent/lifecycle/policy"
	"sallyport/store"
)

// SituationOf is what a policy decides on about a plan of the run that the facts are of.
func SituationOf(f Facts, plan *store.Plan) policy.Situation {
	run := f.Run
	now := policy.Situation{Kind: run.Kind, Plan: plan, Warned: len(store.HookWarnings(run.HookNotes)) > 0, Special: run.Options.Inherited || len(run.Options.Kinds(run.Commit)) > 0}
	st, read := f.Store.stack(run.Stack)
	repository, readToo := f.Store.repository(run.Repository)
	if !read || !readToo || f.Store.Agent == nil || f.Config.Stack == nil || plan == nil {
		now.Unread = true
		return now
	}
	inputs := f.Config.Stack.Inputs
	now.Paused = f.Store.Agent.Paused != nil || st.Paused != nil
	now.Rewritten = repository.HeldHead != ""
	now.AtApplied = run.Commit != "" && run.Commit == st.AppliedCommit
	if now.AtApplied {
		now.LeftOut, _ = st.LeftOutOf(run.Commit)
	}
	now.StateLost = plan.NewState && st.Resources > 0
	now.Today = policy.AppliedToday(st, f.Now)
	now.SameInputs = st.AppliedInputs == inputs
	now.SameTools = sameTools(f.Store, st, plan)
	if d := st.Drift; d != nil && d.CleanCommit == st.AppliedCommit && d.CleanInputs == inputs {
		// With these there was nothing to do: they are as good as applied.
		now.SameInputs, now.SameTools = true, now.SameTools || d.CleanTools == plan.Tools()
	}
	now.Interrupted, read = interrupted(f.Store, st)
	now.Unread = !read
	return now
}

// sameTools compares the tools of a plan with those that the stack was applied with. They are not the same where that is not
// known.
func sameTools(r Records, st *store.StackState, plan *store.Plan) bool {
	if st.AppliedRun == 0 || plan.Tools() == "" {
		return false
	}
	applied, _ := r.run(st.AppliedRun)
	return applied != nil && applied.Plan.Tools() == plan.Tools()
}

// interrupted is the stack's last apply if nobody saw its end and no run ended well since; 0 if there is none.
func interrupted(r Records, st *store.StackState) (run int, known bool) {
	if st.Unfinished != 0 {
		return st.Unfinished, true
	}
	if st.LastApply == 0 || st.AppliedRun > st.LastApply {
		return 0, true
	}
	last, read := r.run(st.LastApply)
	if last != nil && last.Status == store.Interrupted { // nil: forgotten, so long ago
		return last.ID, true
	}
	return 0, read
}

// PolicyAgainst says why the policy that approved a run would not any more; empty if it would, or if people decided.
func PolicyAgainst(f Facts) string {
	if f.Run.Policy() == "" {
		return ""
	}
	now := SituationOf(f, f.Run.Plan)
	if now.Unread {
		return "not all that it decides on is known"
	}
	if f.Run.Policy() != string(f.Config.Stack.AutoApply) {
		return "auto_apply is another one now"
	}
	return policy.AutoApplyRefusal(f.Config.Stack, now)
}
