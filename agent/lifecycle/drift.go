package lifecycle

import (
	"sallyport/agent/config"
	"sallyport/store"
)

// Checkable: something is applied, and nothing else of the stack is going on or was left behind.
func Checkable(st *store.StackState, open *store.Run, s *config.Stack) bool {
	if st.Pin != nil {
		return false // what is there is not what git says, and somebody wants it so
	}
	quiet := open == nil || open.Kind == store.KindDrift && open.Status == store.Planned
	return quiet && st.AppliedCommit != "" && st.Repository == s.Repository && st.Error == "" && st.LeftLock == nil && st.LeftState == "" && len(st.Unseen) == 0
}

// NoteFound counts what a plan changes, by class.
func NoteFound(d *store.Drift, p *store.Plan) {
	d.Gone, d.Changed, d.Config, d.Outputs = 0, 0, 0, 0
	if p.Empty {
		return
	}
	for _, c := range p.Changes {
		switch c.Class {
		case store.ClassRecreate:
			d.Gone++
		case store.ClassDrift:
			d.Changed++
		default:
			d.Config++
		}
	}
	d.Outputs = len(p.Outputs)
}
