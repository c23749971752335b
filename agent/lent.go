package agent

import (
	"sallyport/agent/config"
	"sallyport/agent/terraform"
	"sallyport/store"
)

// lent are the secrets that terraform gets for a repair. An init and a backend run programs that files of the repository name.
type lent int

const (
	lentForApply lent = iota // what mends a state needs what may write it
	lentForPlan              // nobody has approved the commit
)

// lentAt is what a repair that nobody chose the commit of may have there: what only an apply gets, once the commit was applied,
// or an apply of it was approved. A plan of it has held the state lock with what plans have, which is enough to let go of it.
func lentAt(tx *store.Tx, st *store.StackState, commit string) (lent, error) {
	if commit != "" && commit == st.AppliedCommit {
		return lentForApply, nil
	}
	last, err := found(tx.Run(st.LastApply))
	if err == nil && last != nil && last.Commit == commit && commit != "" {
		return lentForApply, nil
	}
	return lentForPlan, err
}

func (l lent) lend(s *config.Stack, o *terraform.PlanOptions) {
	o.PlanEnv, o.AWS = s.ApplyEnv, awsApply(s, "repair")
	if l == lentForPlan {
		o.PlanEnv, o.AWS = s.PlanEnv, awsPlan(s, "repair")
	}
}
