package lifecycle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/agent/config"
	"sallyport/store"
)

// What a stack depends on changes under it. Each stack remembers the newest apply that changed it (Changed), and for each of
// the stacks and images that it uses the newest such apply that a plan of its own has taken in (Upstreams). Where the two
// differ a run is due.

// UpstreamChanges are the upstreams that changed since a plan of the stack took them in, with the run that changed each. They
// are not known if a record is missing.
func UpstreamChanges(s *config.Stack, r Records) (changed map[string]int, known bool) {
	st, read := r.stack(s.Name)
	if !read {
		return nil, false
	}
	changed = map[string]int{}
	for _, name := range s.Uses() {
		seen, looked := st.Upstreams[name]
		if !looked {
			continue // nobody has looked since the configuration says so: that it names one is no change of it
		}
		up, read := r.stack(name)
		if !read {
			return nil, false
		}
		if up.Changed > seen {
			changed[name] = up.Changed
		}
	}
	return changed, true
}

// ChangedBy says in words which runs changed which upstreams, and which of those took one down.
func ChangedBy(changed map[string]int, r Records) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		text := fmt.Sprintf("%s was changed by #%d", name, changed[name])
		if up, read := r.stack(name); read && up.Destroyed != nil && up.Destroyed.Run == changed[name] {
			text += " (destroyed)"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// DependencyCommit is what a dependency run plans: the branch's newest commit, unless people said no to it. Then it is the
// applied one, since nobody is asked twice for one commit; empty if there is none. It is not known if a record is missing.
func DependencyCommit(st *store.StackState, r Records) (commit string, applied, known bool) {
	repository, read := r.repository(st.Repository)
	if !read {
		return "", false, false
	}
	if st.LastCommitRun <= st.AppliedRun {
		return repository.Head, false, true
	}
	last, read := r.run(st.LastCommitRun)
	if !read {
		return "", false, false
	}
	if last != nil && (last.Status == store.Discarded || last.Status == store.Canceled) {
		return st.AppliedCommit, true, true
	}
	return repository.Head, false, true
}

// DueChanges are the changes that a stack still gets a run for; none if it cannot get one at all, so that nobody waits for it.
// They are not known if a record is missing.
func DueChanges(s *config.Stack, r Records) (changed map[string]int, known bool) {
	if len(s.Uses()) == 0 {
		return nil, true
	}
	st, read := r.stack(s.Name)
	if !read {
		return nil, false
	}
	if st.NewestRun == 0 || st.Error != "" {
		return nil, true // its first commit run takes everything in
	}
	if changed, known = UpstreamChanges(s, r); !known || len(changed) == 0 {
		return nil, known
	}
	commit, _, known := DependencyCommit(st, r)
	if !known || commit == "" {
		return nil, known
	}
	return changed, true
}

// SameUpstreams reports whether a stack remembers exactly the upstreams that the configuration names.
func SameUpstreams(s *config.Stack, st *store.StackState) bool {
	if len(s.Uses()) != len(st.Upstreams) {
		return false
	}
	for _, name := range s.Uses() {
		if _, known := st.Upstreams[name]; !known {
			return false
		}
	}
	return true
}

// TakenBack reports whether the branch no longer says what a run would have changed: nothing of it was applied, and the
// stack's files are those of the applied commit again.
func TakenBack(st *store.StackState, newest *store.Run) bool {
	if st.Behind != 0 {
		return false
	}
	return newest.Status == store.Superseded || newest.Kind == store.KindCommit && newest.Apply == nil && st.AppliedCommit != ""
}
