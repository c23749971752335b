package announce

import (
	"fmt"
	"sort"

	"sallyport/agent/active"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// summary sums up the first runs of many stacks in one message when all of them were planned, so that a new
// installation with forty clean stacks says one thing and not forty.
func (ms *Messages) summary(tx *store.Tx, conf *active.Config, run *store.Run) error {
	if run.Batch == 0 {
		return nil
	}
	open, found, err := BatchKey(run.Batch).Get(tx)
	if err != nil || !found {
		return err
	}
	var clean, waiting, bad, same, differ []string
	for _, id := range open.Runs {
		r, err := tx.Run(id)
		if err != nil {
			return err
		}
		switch r.Status {
		case store.Pending, store.Planning:
			return nil // not all yet
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
		{"Only observed, without changes", same}, {"Only observed, with changes", differ}, {"Could not be planned", bad}} {
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

// OpenBatch are the first runs of stacks that one message has to sum up when all of them were planned.
type OpenBatch struct {
	Runs []int `json:"runs"`
}

// BatchKey is where it is kept which runs a message sums up.
func BatchKey(batch int) store.Key[OpenBatch] {
	return store.Key[OpenBatch](fmt.Sprintf("batch/%d", batch))
}
