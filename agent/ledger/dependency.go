package ledger

import (
	"maps"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

// MoreReason adds to the reason of a dependency run that has not begun.
func MoreReason(tx *store.Tx, run *store.Run, reason string) error {
	if run.Kind != store.KindDependency {
		return nil
	}
	now, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
		r.Reason += ", " + reason
		return nil
	})
	if err == nil {
		*run = *now
	}
	return err
}

// RecordUpstreams notes that a plan which begins now sees the upstreams of its stack as they are.
// A plan of some addresses only may leave out what has changed because of them.
func RecordUpstreams(tx *store.Tx, run *store.Run, s *config.Stack) error {
	if run.Options.Targeted() {
		return nil
	}
	st, err := tx.Stack(s.Name)
	if err != nil {
		return err
	}
	r := NewRecordReader(tx)
	r.Uses(s)
	if r.Err != nil {
		return r.Err
	}
	if changed, _ := lifecycle.UpstreamChanges(s, r.Out); len(changed) > 0 {
		if err := MoreReason(tx, run, lifecycle.ChangedBy(changed, r.Out)); err != nil {
			return err
		}
	}
	var now map[string]int
	for _, name := range s.Uses() {
		up, err := tx.Stack(name)
		if err != nil {
			return err
		}
		if now == nil {
			now = map[string]int{}
		}
		now[name] = up.Changed
	}
	if maps.Equal(now, st.Upstreams) {
		return nil
	}
	st.Upstreams = now
	return tx.PutStack(st)
}

// OweUpstreams has a stack planned again because of what changed upstream since its last whole run ended well: the run that had taken
// that in gave way to one that did not.
func OweUpstreams(tx *store.Tx, st *store.StackState) error {
	for name, seen := range st.Upstreams {
		up, err := tx.Stack(name)
		if err != nil {
			return err
		}
		if up.Changed > st.AppliedRun && up.Changed == seen {
			st.Upstreams[name] = up.Changed - 1
		}
	}
	return tx.PutStack(st)
}
