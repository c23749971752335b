package phrase

import (
	"fmt"

	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// LeftOut tells of applies of some addresses only.
type LeftOut struct {
	Stack         *store.StackState
	ShowAddresses bool // false: how many there are
}

// maxLeftOut is how many of them are told each in a sentence of its own.
const maxLeftOut = 3

// Before are the warnings of the next plan, a run's: what was left out before it, and whether it is in it. Nil if nothing was.
func (l LeftOut) Before(run *store.Run) []string {
	all := l.Stack.LeftOut
	if len(all) == 0 {
		return nil
	}
	var lines []string
	for _, t := range all[:min(len(all), maxLeftOut)] {
		if !l.ShowAddresses {
			t.Targets = []string{words.CountOf(len(t.Targets), "address", "addresses")}
		}
		lines = append(lines, "something was left out before: "+notify.LeftOutText(t))
	}
	if more := len(all) - maxLeftOut; more > 0 {
		lines = append(lines, fmt.Sprintf("so did %s before that: sallyport runs %s", words.CountOf(more, "run", "runs"), run.Stack))
	}
	switch newer := all[0].Commit != run.Commit && run.Commit == l.Stack.AppliedCommit; {
	case run.Options.Targeted():
		lines = append(lines, "this plan leaves something out, too")
	case newer:
		lines = append(lines, "this plan is of the commit that is applied, and may take back what was applied of another one")
	default:
		lines = append(lines, "this plan is of all of commit "+words.Short(run.Commit)+": it has what was left out of that")
	}
	return lines
}
