package operator

import (
	"fmt"
	"slices"

	"sallyport/agent/lifecycle"
	"sallyport/agent/phrase"
	"sallyport/notify"
	"sallyport/store"
)

// waiting says that a plan which waits is superseded by the one that is asked for: what people read or approved is gone with it. Instead
// says on the new one's card what it does not have of what was asked for.
func waiting(tx *store.Tx, st *store.StackState, asked store.PlanOptions) (warnings, instead []string, err error) {
	if st.OpenRun == 0 {
		return nil, nil, nil
	}
	open, err := tx.Run(st.OpenRun)
	if err != nil {
		return nil, nil, err
	}
	if open.Plan != nil {
		warnings = []string{fmt.Sprintf("it takes the place of #%d, which was %s; what was decided about that counts no more", open.ID, open.Status)}
	}
	instead = phrase.InsteadOf(open, asked)
	return slices.Concat(warnings, instead), instead, nil
}

// startWarnings says what a person who asks for a run should know at once.
func startWarnings(tx *store.Tx, st *store.StackState, repository *store.RepositoryState, run *store.Run) []string {
	var out []string
	if st.Paused != nil {
		out = append(out, "the stack is paused "+notify.Paused(st.Paused)+"; the run waits for `sallyport resume "+st.Name+"`")
	}
	if agent, err := tx.Agent(); err == nil && agent.Paused != nil {
		out = append(out, "the agent is paused "+notify.Paused(agent.Paused)+"; the run waits for `sallyport resume`")
	}
	if lifecycle.ReleasesPin(st.Pin, run) {
		out = append(out, "the stack is pinned "+lifecycle.PinnedAt(st.Pin)+"; once this run is applied it is pinned no more")
	}
	if down := notify.Unreadable(repository); down != "" {
		out = append(out, down+"; the newest commit known is planned")
	}
	return out
}
