package ledger

import (
	"cmp"

	"sallyport/store"
)

// leaveOut remembers an apply of some addresses only. Its commit does not count as applied, nothing that depends on the stack hears of
// it, and each plan says what was left out, until a run of the whole stack ends well. An apply that ended badly is remembered
// too: what it had begun is there.
func leaveOut(st *store.StackState, run *store.Run) {
	if !run.Options.Targeted() || run.Apply == nil {
		return
	}
	at := run.Apply.EndedAt
	if at.IsZero() {
		at = run.Apply.StartedAt
	}
	all := append([]store.Targeted{{
		Run: run.ID, Commit: run.Commit, Targets: run.Options.Targets, By: cmp.Or(run.RequestedBy, "agent"), At: at.UTC(), Status: run.Status,
	}}, st.LeftOut...)
	st.LeftOut = all[:min(len(all), store.MaxLeftOut)]
	if run.Status == store.Applied {
		st.Destroyed = nil // something is there again
	}
}

// NothingLeftOut takes it that a plan of the whole stack, which ended well, has found or applied all that targeted ones had left out. What
// depends on the stack hears now of what those have changed.
func NothingLeftOut(st *store.StackState) {
	if len(st.LeftOut) > 0 {
		st.Changed = max(st.Changed, st.LeftOut[0].Run)
		st.LeftOut = nil
	}
}
