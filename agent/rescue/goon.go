package rescue

import (
	"errors"
	"fmt"
	"time"

	"sallyport/store"
)

// SkippedRuns is how many run numbers a copy that takes over leaves out: the agent went on after the copy was made, and
// what people saw under those numbers must never be confused with something else.
const SkippedRuns = 1000

// A Copy is a store that was copied some time ago and is to take over.
type Copy struct {
	Path string    // of the file
	What string    // what the copy is, for people: "a backup"
	At   time.Time // when it was made
	By   string    // cli:jane or agent, for the history
	Now  func() time.Time

	// Least is the highest run number that is known to have been given, from wherever; 0 if none is.
	Least int
	// Goes says of a run that has not ended that it is left alone: its apply is looked after by whoever asks for this.
	Goes func(*store.Run) bool
	// Also is done in the same transaction.
	Also func(*store.Tx, *Revived) error
}

// Revived says what [GoOn] did.
type Revived struct {
	Ended   []int // runs that were waiting and have ended
	NextRun int
}

// GoOn makes a copy of a store fit to go on from: runs that were open then have ended, and run numbers leave a gap.
func GoOn(c Copy) (out Revived, err error) {
	out = Revived{Ended: []int{}}
	s, err := store.Open(store.Options{Path: c.Path, Now: c.Now})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return out, s.Update(func(tx *store.Tx) error {
		if err := c.endRuns(tx, &out); err != nil {
			return err
		}
		if c.Also != nil {
			if err := c.Also(tx, &out); err != nil {
				return err
			}
		}
		if err := editCards(tx, out.Ended); err != nil {
			return err
		}
		if err := c.skip(tx, &out); err != nil {
			return err
		}
		// Whoever read Slack with the copy's memory would obey a second time what was obeyed after it was made.
		if err := DeafBefore.Put(tx, c.now().UTC()); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{
			Type: "restore", By: c.By,
			Text: fmt.Sprintf("from %s of %s; run numbers go on at #%d", c.What, c.At.UTC().Format("2006-01-02 15:04:05 MST"), out.NextRun),
		})
	})
}

// DeafBefore keeps the time when a copy took over. What was said to the bot in Slack before that is
// not obeyed: it may have been obeyed already.
const DeafBefore store.Key[time.Time] = "restored"

// DoubtKey keeps of a run that its end may have been told before the copy took over.
func DoubtKey(run int) store.Key[bool] { return store.Key[bool](fmt.Sprintf("doubt/%d", run)) }

func (c *Copy) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// skip leaves the gap in the run numbers. They are counted from the highest number that is known.
func (c *Copy) skip(tx *store.Tx, out *Revived) error {
	next, err := tx.NextRun()
	if err != nil {
		return err
	}
	gap := SkippedRuns + max(0, c.Least-(next-1))
	out.NextRun = next + gap
	return tx.SkipRuns(gap)
}

// endRuns ends every open run. Their plan files and checkouts are not in the copy, and the world moved on since.
func (c *Copy) endRuns(tx *store.Tx, out *Revived) error {
	open, err := tx.OpenRuns()
	if err != nil {
		return err
	}
	why := "the data was restored from " + c.What + " of " + c.At.UTC().Format("2006-01-02 15:04 MST")
	for _, r := range open {
		if c.Goes != nil && c.Goes(r) {
			if err := DoubtKey(r.ID).Put(tx, true); err != nil {
				return err
			}
			continue
		}
		move := store.Move{From: r.Status, To: endOf(r.Status), By: c.By, Text: why}
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
		if r.Kind == store.KindPullRequest {
			// It is looked at anew, and planned if it is still open at that head.
			if err := tx.DeletePullRequest(r.Repository, r.PullRequest); err != nil {
				return err
			}
		}
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

// DropMessages empties the outbox: the agent that made a backup sent what was in it.
func DropMessages(tx *store.Tx) error {
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

// doubtMessages makes the agent look for each message in Slack before it sends it: whether it was sent after the copy was
// made is not known.
func doubtMessages(tx *store.Tx) error {
	messages, err := tx.Outbox()
	if err != nil {
		return err
	}
	for _, m := range messages {
		if m.Kind.ForSite() || m.Kind.ForReceiver() {
			continue // sent twice it does no harm
		}
		m.Sending = true
		if err := tx.PutMessage(m); err != nil {
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
