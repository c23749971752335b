// Package look is the rule of which run a person has to look at: one that ended badly is not over with its message, which scrolls
// away, but waits until a run of its stack ends well or somebody says that it may stay as it is. Pure.
package look

import (
	"sallyport/notify"
	"sallyport/store"
)

// After is what of a stack needs a look when a run of it has ended, where have needed one before; nil if nothing does.
//
// What says nothing of the whole stack settles nothing: a preview, a plan that only brings the state up to date, one that somebody
// had made to see whether values of their own make a difference, drift that went away by itself.
func After(have *store.Look, run *store.Run) *store.Look {
	switch {
	case run.Kind == store.KindPullRequest:
		return have
	case endedWell(run):
		return nil
	case run.Status == store.Previewed && have != nil && !have.Began:
		return nil // of a stack that is only observed: what could not be planned can be
	case run.Status == store.Errored, run.Apply != nil && (run.Status == store.Interrupted || run.Status == store.Canceled):
		return &store.Look{
			Run: run.ID, Status: run.Status, Planned: run.Plan != nil, Began: run.Apply != nil, At: run.EndedAt, Cause: notify.Cause(run.Error), Hint: run.Hint,
		}
	}
	return have
}

// endedWell reports whether a run shows that all of the stack is as it is meant to be.
func endedWell(run *store.Run) bool {
	o := run.Options
	switch run.Status {
	case store.Applied:
		return o.Destroy || !o.Partial()
	case store.NoChanges:
		special := o.Back || len(o.Vars) > 0 || len(o.Images) > 0
		return run.Kind != store.KindDrift && !o.Partial() && (o.Inherited || !special)
	}
	return false
}

// Of is what of a stack needs a look whose record was written by a version that did not note it; newest is its newest run, nil if
// that is forgotten.
func Of(st *store.StackState, newest *store.Run) *store.Look {
	switch {
	case st.Look != nil:
		return st.Look
	case newest != nil && newest.ID > st.Seen && After(nil, newest) != nil:
		return After(nil, newest)
	case st.Partly > st.Seen:
		return &store.Look{Run: st.Partly, Status: store.Errored, Planned: true, Began: true}
	}
	return nil
}
