// Package renamed tells people when a new stack may be an old one under another name: a key of a for_each that was renamed, a stack block
// that was called differently. Its first plan would make all of it a second time.
package renamed

import (
	"fmt"

	"sallyport/store"
)

// Warning is what the first plan of a stack says if a stack of the same directory was applied and has left the configuration; empty if
// none has. There reports whether a stack of a name is one still.
func Warning(st *store.StackState, dir string, all []*store.StackState, there func(name string) bool) string {
	if st.AppliedCommit != "" || st.Resources > 0 {
		return ""
	}
	for _, other := range all {
		if other.Name != st.Name && other.Repository == st.Repository && other.Dir == dir && other.AppliedCommit != "" && other.Resources > 0 && !there(other.Name) {
			return fmt.Sprintf("%s of the same directory was applied and has left the configuration; if %s is it under another name, cancel this run, then: sallyport state move %s %s",
				other.Name, st.Name, other.Name, st.Name)
		}
	}
	return ""
}
