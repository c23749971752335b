package announce

import (
	"fmt"
	"slices"
	"sort"

	"sallyport/agent/active"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// summary sums up the first runs of many stacks in one message when all of them were planned that can be, so that a new
// installation with forty clean stacks says one thing and not forty. What waits for a stack that people have to decide about is told as
// that: nobody may hear of the others only when they have moved on.
func (ms *Messages) summary(tx *store.Tx, conf *active.Config, run *store.Run) error {
	if run.Batch == 0 {
		return nil
	}
	open, found, err := BatchKey(run.Batch).Get(tx)
	if err != nil || !found {
		return err
	}
	runs := map[string]*store.Run{}
	for _, id := range slices.Backward(open.Runs) { // those that were made last are planned last: one that says "not yet" is found soon
		r, err := tx.Run(id)
		if err != nil {
			return err
		}
		if r.Status == store.Planning || r.Status == store.Pending && !dependent(conf, r) {
			return nil // not all yet
		}
		runs[r.Stack] = r
	}
	var clean, waiting, bad, same, differ, later []string
	for _, r := range runs {
		switch r.Status {
		case store.Pending:
			if !waitsForPeople(conf, runs, r, len(runs)) {
				return nil // not all yet
			}
			later = append(later, fmt.Sprintf("%s #%d", notify.StackName(r.Stack), r.ID))
		case store.NoChanges:
			clean = append(clean, notify.StackName(r.Stack))
		case store.Previewed:
			if r.Plan != nil && r.Plan.Empty {
				same = append(same, notify.StackName(r.Stack))
			} else {
				differ = append(differ, fmt.Sprintf("%s #%d", notify.StackName(r.Stack), r.ID))
			}
		case store.Errored:
			bad = append(bad, fmt.Sprintf("%s #%d", notify.StackName(r.Stack), r.ID))
		default:
			waiting = append(waiting, fmt.Sprintf("%s #%d", notify.StackName(r.Stack), r.ID))
		}
	}
	text := words.CountOf(len(open.Runs), "stack was", "stacks were") + " seen for the first time."
	for _, part := range []struct {
		what string
		list []string
	}{{"Without changes, taken as they are", clean}, {"With changes", waiting},
		{"Only observed, without changes", same}, {"Only observed, with changes", differ}, {"Could not be planned", bad}, {"Planned once others have ended well", later}} {
		if len(part.list) > 0 {
			sort.Strings(part.list)
			text += fmt.Sprintf(" %s: %s.", part.what, words.List(part.list, 30))
		}
	}
	if err := BatchKey(run.Batch).Forget(tx); err != nil {
		return err
	}
	return tx.Enqueue(ms.Note(fmt.Sprintf("batch/%d", run.Batch), text))
}

// dependent reports whether a run's stack depends on others, which it may wait for.
func dependent(conf *active.Config, run *store.Run) bool {
	s := conf.Stack(run.Stack)
	return s != nil && len(s.DependsOn) > 0
}

// waitsForPeople reports whether a run that is not planned yet waits for one of the others that people have to decide about or mend. most
// bounds how far that is followed.
func waitsForPeople(conf *active.Config, runs map[string]*store.Run, run *store.Run, most int) bool {
	s := conf.Stack(run.Stack)
	if s == nil || most == 0 {
		return false
	}
	for _, name := range s.DependsOn {
		up := runs[name]
		if up == nil {
			continue
		}
		switch up.Status {
		case store.Planning, store.NoChanges, store.Applied, store.Previewed:
		case store.Pending:
			if waitsForPeople(conf, runs, up, most-1) {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// OpenBatch are the first runs of stacks that one message has to sum up when all of them were planned.
type OpenBatch struct {
	Runs []int `json:"runs"`
}

// BatchKey is where it is kept which runs a message sums up.
func BatchKey(batch int) store.Key[OpenBatch] {
	return store.Key[OpenBatch](fmt.Sprintf("batch/%d", batch))
}
