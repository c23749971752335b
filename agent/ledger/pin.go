package ledger

import (
	"fmt"
	"time"

	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

// A pin holds back the commit runs of a stack after a person had something applied that the branch does not say: an older
// commit, a variable that is not in git. Without it the next commit, of whatever kind, would undo that in passing. It is set
// in the transaction that starts the apply, since half an apply is undone just as easily, and goes when somebody resumes
// the stack or has a plan of the branch applied knowingly.

// PinFor notes in st what the apply of a run that starts now means for the pin.
func (l *Ledger) PinFor(tx *store.Tx, st *store.StackState, run *store.Run) error {
	if st.Pin != nil && run.Options.Inherited {
		st.Pin.Run = run.ID // the values move on with the newest run, so that they can be found
		return nil
	}
	if !run.Options.Pins() {
		return nil
	}
	by := run.RequestedBy
	if by == "" {
		by = "agent" // the run took over from one of a person's
	}
	st.Pin = &store.Pin{
		Run: run.ID, Commit: run.Commit, Back: run.Options.Back, Vars: run.Options.Vars, Images: run.Options.Images, By: by, At: l.now().UTC(), Reason: run.Reason,
	}
	if err := tx.AddEvent(store.Event{Type: "pin", Run: run.ID, Stack: st.Name, By: by, Text: lifecycle.PinnedAt(st.Pin)}); err != nil {
		return err
	}
	text := fmt.Sprintf("%s is pinned from now on %s. Runs of newer commits wait until somebody says: resume %s", st.Name, lifecycle.PinnedAt(st.Pin), st.Name)
	return l.Say(tx, run, store.MessageReply, "pin", text)
}

// unpinFor releases a pin when a run was applied that says something else; who approved it was warned on the card.
func (l *Ledger) unpinFor(tx *store.Tx, st *store.StackState, run *store.Run) error {
	if !lifecycle.ReleasesPin(st.Pin, run) {
		return nil
	}
	why := fmt.Sprintf("#%d was applied, which is not what the stack was pinned to", run.ID)
	if err := tx.AddEvent(store.Event{Type: "unpin", Run: run.ID, Stack: st.Name, By: run.RequestedBy, Text: why}); err != nil {
		return err
	}
	st.Pin = nil
	return l.Say(tx, run, store.MessageReply, "unpin", st.Name+" is not pinned any more: "+why+".")
}

// Unpin releases a pin for a person, and has the branch planned again where it says something else.
func (l *Ledger) Unpin(tx *journal.Tx, st *store.StackState, by string) error {
	pin := st.Pin
	if pin == nil {
		return nil
	}
	st.Pin = nil
	if err := tx.AddEvent(store.Event{Type: "unpin", Run: pin.Run, Stack: st.Name, By: by, Text: lifecycle.PinnedAt(pin)}); err != nil {
		return err
	}
	if st.OpenRun == 0 {
		st.LastCommitCommit = "" // the head was answered before somebody went back: it is asked about once more
		tx.Moves()
	}
	text := fmt.Sprintf("%s follows the branch again: %s released the pin %s.", st.Name, by, lifecycle.PinnedAt(pin))
	if len(pin.Vars) > 0 || len(pin.Images) > 0 {
		text += " To see what git says about it: plan " + st.Name
	}
	return tx.Enqueue(l.Note(fmt.Sprintf("unpin/%s/%d", st.Name, pin.Run), text))
}

// inherit lets a run at the commit that a stack is pinned to use the variables of the pin: a recovery or a check for drift
// compares with what is applied, and that has them. It returns their values.
func (l *Ledger) inherit(tx *store.Tx, st *store.StackState, run *store.Run) (map[string]string, error) {
	pin := st.Pin
	same := pin != nil && run.Commit == pin.Commit && (run.AtApplied || run.Kind == store.KindDrift)
	if !same || len(run.Options.Vars) > 0 || len(run.Options.Images) > 0 {
		return nil, nil
	}
	if len(pin.Images) > 0 {
		run.Options.Images, run.Options.Inherited = pin.Images, true
	}
	if len(pin.Vars) == 0 {
		return nil, nil
	}
	vars, err := givenOf(tx, &store.Run{ID: pin.Run, Stack: run.Stack, Options: store.PlanOptions{Vars: pin.Vars}})
	if err != nil {
		return nil, err
	}
	run.Options.Vars, run.Options.Inherited = pin.Vars, true
	return vars, nil
}

// rememberOther writes down what the end of a run means whose plan was not all of its commit; false: it was an ordinary one.
func (l *Ledger) rememberOther(tx *store.Tx, st *store.StackState, run *store.Run) bool {
	o := run.Options
	switch {
	case o.Destroy && run.Status == store.Applied:
		// Nothing is applied any more. What destroyed it was no commit, and none makes it anew by itself.
		st.AppliedCommit, st.AppliedAt, st.AppliedInputs, st.Behind, st.BehindBy, st.AppliedRun = "", time.Time{}, "", 0, "", run.ID
		st.Destroyed = &store.Destroyed{Run: run.ID, At: l.now().UTC()}
		if repository, err := tx.Repository(run.Repository); err == nil && repository.Head != "" {
			st.LastCommitCommit = repository.Head
		}
		return true
	case o.Targeted():
		leaveOut(st, run)
		return true
	case o.Partial():
		return true
	case run.Status == store.NoChanges && !o.Inherited && (o.Back || len(o.Vars) > 0 || len(o.Images) > 0):
		return true // somebody looked whether there is a difference; that says nothing of what is applied
	}
	return false
}
