package phrase

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

// dropped are what a person asked of a run's plan and the plan of next does not have, as it is said, and what to type for it. Of
// values there are names only, and of addresses how many there are: a card may be read by everybody.
func dropped(run *store.Run, next store.PlanOptions) (said, typed []string) {
	o := run.Options
	drop := func(what, again string) { said, typed = append(said, what), append(typed, again) }
	several := func(option string, had, has []string, of string) {
		if gone := missing(had, has); len(gone) > 0 {
			drop(option+" of "+of, strings.TrimSuffix(strings.Repeat(option+" ADDRESS ", len(gone)), " "))
		}
	}
	several("--replace", o.Replace, next.Replace, words.Count(len(o.Replace), "object"))
	several("--target", o.Targets, next.Targets, words.CountOf(len(o.Targets), "address", "addresses"))
	if o.RefreshOnly && !next.RefreshOnly {
		drop("--refresh-only", "--refresh-only")
	}
	if o.Destroy && !next.Destroy {
		drop("--destroy", "--destroy")
	}
	if o.Inherited { // what a pin says the next run has as well
		o.Vars, o.Images = nil, nil
	}
	for _, name := range missing(o.Vars, next.Vars) {
		drop("--var "+name, "--var "+name)
	}
	for _, name := range missing(slices.Sorted(maps.Keys(o.Images)), slices.Sorted(maps.Keys(next.Images))) {
		drop("--image "+name, "--image "+name+"=ID")
	}
	return said, typed
}

// missing are the names that one list has and another one has not.
func missing(had, has []string) []string {
	return slices.DeleteFunc(slices.Clone(had), func(name string) bool { return slices.Contains(has, name) })
}

// again is the line that asks for a run's plan once more.
func again(run *store.Run, options []string) string {
	verb := "plan"
	if run.AtApplied {
		verb = "recover"
	}
	return "sallyport " + verb + " " + run.Stack + " " + strings.Join(options, " ")
}

// Dropped says what a superseded run takes with it: no other run has the values that a person gave to this one, and whoever gave
// them would wait for what is not coming. So it is with what a person asked of its plan. Empty if there is nothing of the kind.
func Dropped(run *store.Run) string {
	said, typed := dropped(run, store.PlanOptions{})
	if len(said) == 0 {
		return ""
	}
	return "; " + strings.Join(said, ", ") + " went with it: say it again with a new plan if it is still wanted: " + again(run, typed)
}

// InsteadOf are the warnings of a run with the options next which takes the place of another one: what a person asked of that is not in its
// plan. Nil if there is nothing of the kind.
func InsteadOf(old *store.Run, next store.PlanOptions) []string {
	said, typed := dropped(old, next)
	if len(said) == 0 {
		return nil
	}
	by := ""
	if old.RequestedBy != "" {
		by = ", which " + old.RequestedBy + " asked for"
	}
	return []string{fmt.Sprintf("#%d, whose place this takes, had %s%s: this plan does not have it; to ask for it again: %s", old.ID, strings.Join(said, ", "), by, again(old, typed))}
}
