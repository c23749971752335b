package errands

import (
	"errors"
	"fmt"

	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/agent/locks"
	"sallyport/store"
)

// occupation is a person's work on a stack's state. While it lasts nothing of the stack is planned or applied: two who change
// one state at a time undo each other's work. It is in the store, so that status says who it is, and ends with the process that
// does it.
type occupation struct {
	event string // its type in the history; that of its end has " end" after it
	stack string
	by    string
	what  string // the command, as the history and people have it
	// alone: it changes what plans are made on, so no run of the stack may be open beside it.
	alone bool
}

// lockStack begins a person's work on a stack's state, unless the stack is at something else.
func (e *Errands) lockStack(task occupation) error {
	conf := e.active.Current.Load()
	return e.journal.Update(func(tx *journal.Tx) error {
		st, err := tx.Stack(task.stack)
		if err != nil {
			return err
		}
		if err := e.quiet(tx.Tx, conf.Cfg.DataDir, st); err != nil {
			return err
		}
		if st.Occupied != nil {
			return hint.Refuse("wait until that has ended", "%s", lifecycle.OccupiedBy(st.Occupied))
		}
		if task.alone && st.OpenRun != 0 {
			open, err := tx.Run(st.OpenRun)
			if err != nil {
				return err
			}
			if open.Status != store.Pending || open.Held == "" {
				return hint.Refuse(fmt.Sprintf("sallyport cancel %d, then again", open.ID), "#%d of stack %s is %s, and what it waits with was planned on the state of now", open.ID, task.stack, open.Status)
			}
		}
		st.Occupied = &store.Pause{By: task.by, At: e.now().UTC(), Reason: task.what}
		if err := tx.AddEvent(store.Event{Type: task.event, Stack: task.stack, By: task.by, Text: task.what}); err != nil {
			return err
		}
		return tx.PutStack(st)
	})
}

// unlockStack ends such work and says in the history how; nothing if it has ended already.
func unlockStack(tx *journal.Tx, task occupation, ending string) error {
	st, err := tx.Stack(task.stack)
	if err != nil || st.Occupied == nil {
		return err
	}
	st.Occupied = nil
	tx.Moves()
	return errors.Join(
		tx.AddEvent(store.Event{Type: task.event + " end", Stack: task.stack, By: task.by, Text: task.what + ": " + ending}),
		tx.PutStack(st), locks.LookNow(tx.Tx, task.stack))
}

// UnlockAll ends what an agent before this one was in the middle of: it died with that one.
func (e *Errands) UnlockAll() error {
	var left []occupation
	err := e.store.View(func(tx *store.Tx) error {
		stacks, err := tx.Stacks()
		for _, st := range stacks {
			if st.Occupied != nil {
				left = append(left, occupation{event: "occupation", stack: st.Name, by: st.Occupied.By, what: st.Occupied.Reason})
			}
		}
		return err
	})
	for _, task := range left {
		err = errors.Join(err, e.journal.Update(func(tx *journal.Tx) error {
			text := fmt.Sprintf("%s was at work on the state of %s (%s) when the agent stopped: look at how far it came.", task.by, task.stack, task.what)
			return errors.Join(unlockStack(tx, task, "the agent stopped in the middle of it"), tx.Enqueue(e.ledger.Note("vacated/"+task.stack+"/"+e.epoch, text)))
		}))
	}
	return err
}
