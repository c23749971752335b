package store

import (
	"maps"
	"slices"
	"strings"
)

// PlanOptions are what makes a run's plan another one than the plain plan of its commit. The zero value is a plain plan.
// They belong to the run for its whole life, and to the run that takes over from it.
type PlanOptions struct {
	Replace     []string `json:"replace,omitempty"`      // addresses that are replaced though nothing asks for it, as typed
	Targets     []string `json:"targets,omitempty"`      // addresses that all else is left out beside, but for what they need; as typed
	RefreshOnly bool     `json:"refresh_only,omitempty"` // the state is brought up to date and nothing else
	Destroy     bool     `json:"destroy,omitempty"`      // everything in the state is destroyed
	// EmptyState: a person says that the state which is there now is the stack's, though another one was applied.
	EmptyState bool `json:"empty_state,omitempty"`
	// Commit: a person named the commit, so the run stays at it and never moves to the head.
	Commit bool `json:"commit,omitempty"`
	Back   bool `json:"back,omitempty"` // and the applied commit came after it
	// Vars are the names of variables that a person gave. Their values may be secrets: they lie in a setting of their own
	// while a run or a pin needs them, and in no record that is shown, copied or kept.
	Vars   []string          `json:"vars,omitempty"`
	Images map[string]string `json:"images,omitempty"` // image name to id, given by a person; no secrets
	// Inherited: the variables are those that the stack is pinned with, not news.
	Inherited bool `json:"inherited,omitempty"`
}

// Pins reports whether applying such a run pins its stack: the next commit would undo it unseen.
func (o PlanOptions) Pins() bool {
	return !o.Inherited && (o.Commit || len(o.Vars) > 0 || len(o.Images) > 0)
}

// Partial reports whether such a plan leaves out what its commit says, so that the commit does not count as applied by it.
func (o PlanOptions) Partial() bool { return o.RefreshOnly || o.Destroy || o.Targeted() }

// Targeted reports whether such a plan is of some addresses only: terraform's resource targeting.
func (o PlanOptions) Targeted() bool { return len(o.Targets) > 0 }

// Kinds name what is special about such a plan of a commit, loudest first, in words for people; nil for a plain one.
func (o PlanOptions) Kinds(commit string) []string {
	var kinds []string
	if o.Destroy {
		kinds = append(kinds, "DESTROY EVERYTHING")
	}
	if o.EmptyState {
		kinds = append(kinds, "ANOTHER STATE: what was applied before is not in it, and may be made a second time")
	}
	if o.RefreshOnly {
		kinds = append(kinds, "REFRESH ONLY: the state is brought up to date, no object is touched")
	}
	if o.Targeted() {
		kinds = append(kinds, "TARGETED, NOT THE WHOLE COMMIT, which will not count as applied: only "+strings.Join(o.Targets, ", "))
	}
	if len(o.Replace) > 0 {
		kinds = append(kinds, "REPLACE "+strings.Join(o.Replace, ", "))
	}
	if o.Back {
		kinds = append(kinds, "GOING BACK TO COMMIT "+commit[:min(len(commit), 10)])
	} else if o.Commit {
		kinds = append(kinds, "AT COMMIT "+commit[:min(len(commit), 10)])
	}
	if len(o.Vars) > 0 {
		kinds = append(kinds, "NOT IN GIT: var "+strings.Join(o.Vars, ", "))
	}
	if len(o.Images) > 0 {
		var given []string
		for _, name := range slices.Sorted(maps.Keys(o.Images)) {
			given = append(given, name+" = "+o.Images[name])
		}
		kinds = append(kinds, "NOT IN GIT: image "+strings.Join(given, ", "))
	}
	return kinds
}
