// Package complete makes what a shell offers for a half-typed command: the names of stacks and repositories, and the runs that
// a verb is for. What a verb takes stands in its usage line, so that nothing is written down twice ([Arguments]).
//
// A candidate may be followed by a tab and a few words about it, which shells show beside it. These are others' words, so they are
// cleaned as everything that goes to a terminal.
package complete

import (
	"fmt"
	"strconv"
	"strings"

	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// stacks are the names of all stacks and images.
func stacks(s control.Status) []string {
	var out []string
	for _, st := range s.Stacks {
		about := ""
		if st.Run != nil {
			about = "#" + strconv.Itoa(st.Run.ID) + " " + string(st.Run.Status)
		}
		out = append(out, candidate(st.Name, about))
	}
	return out
}

// repositories are the names of all repositories.
func repositories(s control.Status) []string {
	var out []string
	for _, r := range s.Repositories {
		out = append(out, candidate(r.Name, r.Branch))
	}
	return out
}

// states are the names of the kept states of a stack.
func states(copies []archive.StateCopy) []string {
	var out []string
	for _, c := range copies {
		out = append(out, candidate(c.Name, fmt.Sprintf("serial %d, %s", c.Serial, words.CountOf(c.Resources, "resource", "resources"))))
	}
	return out
}

// runsFor are the numbers of those of the runs that a verb can do something about: those that wait for a decision, those that are
// open, or all.
func runsFor(verb string, runs []control.Run) []string {
	var out []string
	for _, r := range runs {
		if fits(verb, r.Status) {
			out = append(out, candidate(strconv.Itoa(r.ID), r.Stack+" "+string(r.Status)+" "+r.Subject))
		}
	}
	return out
}

func fits(verb string, s store.Status) bool {
	switch verb {
	case "approve":
		return s == store.Planned
	case "deny":
		return s == store.Planned || s == store.Approved
	case "cancel":
		return !s.Terminal()
	}
	return true
}

// maxAbout bounds the words about a candidate.
const maxAbout = 50

func candidate(name, about string) string {
	about = strings.TrimSpace(redact.CleanLine(about))
	if about == "" {
		return redact.CleanLine(name)
	}
	return redact.CleanLine(name) + "\t" + words.FirstLine(about, maxAbout)
}
