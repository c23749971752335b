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
