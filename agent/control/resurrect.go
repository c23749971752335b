package control

import (
	"errors"
	"fmt"

	"sallyport/store"
)

// goOn makes a store that was copied some time ago fit to go on from: runs that were open then have ended, run numbers
// leave a gap, and people are not told again what they were told after the backup.
func (o *RestoreOptions) goOn(path string, out *Restored) (err error) {
	s, err := store.Open(store.Options{Path: path, Now: o.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Update(func(tx *store.Tx) error {
		if err := o.endRuns(tx, out); err != nil {
			return err
		}
		if err := dropMessages(tx); err != nil {
			return err
		}
		if err := editCards(tx, out.Ended); err != nil {
			return err
		}
		newest, err := tx.Runs(store.RunFilter{Limit: 1})
		if err != nil {
			return err
		}
		if len(newest) > 0 {
			out.NextRun = newest[0].ID
		}
		out.NextRun += skippedRuns + 1
		if err := tx.SkipRuns(skippedRuns); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{
			Type: "restore", By: o.By,
			Text: fmt.Sprintf("from a backup of %s; run numbers go on at #%d", out.BackupAt.UTC().Format("2006-01-02 15:04:05 MST"), out.NextRun),
		})
	})
}

// endRuns ends every open run. Their plan files and checkouts are not in a backup, and the world moved on since.
func (o *RestoreOptions) endRuns(tx *store.Tx, out *Restored) error {
	open, err := tx.OpenRuns()
	if err != nil {
		return err
	}
	why := "the data was restored from a backup of " + out.BackupAt.UTC().Format("2006-01-02 15:04 MST")
	for _, r := range open {
		move := store.Move{From: r.Status, To: endOf(r.Status), By: o.By, Text: why}
		_, err := tx.Transition(r.ID, move, func(r *store.Run) error {
			r.Error = why
			if r.Status == store.Interrupted {
				r.Error = why + ", and this run was applying then: how that ended is not known"
			}
			return nil
		})
		if err != nil {
			return err
		}
		out.Ended = append(out.Ended, r.ID)
		if r.Kind != store.KindCommit {
			continue
		}
		// Nobody answered for this commit: it must get another run, or it would be forgotten.
		st, err := tx.Stack(r.Stack)
		if err != nil {
			return err
		}
		st.LastCommitCommit = ""
		if err := tx.PutStack(st); err != nil {
			return err
		}
	}
	return nil
}

// endOf is the end that the table of transitions allows for a run whose plan is gone.
func endOf(s store.Status) store.Status {
	switch s {
	case store.Planned, store.Approved:
		return store.Stale
	case store.Applying:
		return store.Interrupted
	default:
		return store.Canceled
	}
}

// dropMessages empties the outbox: the agent that made the backup sent those.
func dropMessages(tx *store.Tx) error {
	messages, err := tx.Outbox()
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := tx.DeleteMessage(m.Seq); err != nil {
			return err
		}
	}
	return nil
}

// editCards makes the messages of the runs that were ended say so. The key is the one under which the agent edits cards.
func editCards(tx *store.Tx, runs []int) error {
	for _, id := range runs {
		r, err := tx.Run(id)
		if err != nil {
			return err
		}
		if r.Card == nil {
			continue
		}
		if err := tx.Enqueue(store.Message{Kind: store.MessageCard, Run: id, Key: fmt.Sprintf("card/%d", id)}); err != nil {
			return err
		}
	}
	return nil
}
