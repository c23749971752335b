package ledger

import (
	"errors"
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/fault"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle/again"
	"sallyport/agent/lifecycle/effects"
	"sallyport/agent/lifecycle/look"
	"sallyport/agent/phrase"
	"sallyport/notify/words"
	"sallyport/store"
)

// Create fills in what people want to know of a new run's commit and stores the run.
func (l *Ledger) Create(tx *journal.Tx, conf *active.Config, run *store.Run) error {
	if git := conf.Repos[run.Repository]; git != nil {
		if c, err := git.Commit(run.Commit); err == nil {
			run.Author, run.AuthorEmail = l.health.Redact(c.Author), l.health.Redact(c.AuthorEmail)
			run.Subject = l.health.Redact(c.Subject)
		}
	}
	st, err := tx.Stack(run.Stack)
	if err != nil {
		return err
	}
	if run.Position == "" {
		run.Position = phrase.Position(run, st)
	}
	if s := conf.Stack(run.Stack); s != nil {
		run.Engine = s.Engine
	}
	if run.Head == "" {
		run.Head = run.Commit
	}
	vars, err := l.inherit(tx.Tx, st, run)
	if err != nil {
		return err
	}
	tx.Moves()
	tx.Passes("new", string(store.Pending))
	l.hideIn(run)
	if err := tx.CreateRun(run); err != nil {
		return err
	}
	if err := errors.Join(PutGiven(tx.Tx, run.ID, vars), l.Publish(tx.Tx, run)); err != nil {
		return err
	}
	tx.LogAfter(l.log, "run created", "run", run.ID, "stack", run.Stack, "commit", words.Short(run.Commit), "kind", run.Kind, "reason", run.Reason)
	return nil
}

// Move is the one place where runs change their status: the transition, the stack's memory of it, and the messages
// that it causes, in the caller's transaction.
func (l *Ledger) Move(tx *journal.Tx, conf *active.Config, run *store.Run, m store.Move, change func(*store.Run) error) (*store.Run, error) {
	tx.Moves()
	tx.Passes(string(m.From), string(m.To))
	tx.After(func() { l.driftSoon.Store(true) }) // a stack may be free for a check
	m.Text = l.health.Redact(m.Text)
	moved, err := tx.Transition(run.ID, m, func(r *store.Run) error {
		if change != nil {
			if err := change(r); err != nil {
				return err
			}
		}
		if m.To == store.Superseded && r.Error != "" {
			r.Error += phrase.Dropped(r)
		}
		l.hideIn(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(l.EnqueueOverview(tx.Tx, moved), l.EnqueueMove(tx.Tx, conf, moved, m)); err != nil {
		return nil, fmt.Errorf("announcing: %w", err)
	}
	if err := l.Publish(tx.Tx, moved); err != nil {
		return nil, err
	}
	if moved.Status.Terminal() {
		tx.After(func() { l.ended.Add(moved.ID) })
		if err := l.Remember(tx.Tx, moved); err != nil {
			return nil, err
		}
	}
	tx.LogAfter(l.log, "run moved", "run", run.ID, "stack", run.Stack, "commit", words.Short(run.Commit), "from", m.From, "to", m.To, "text", m.Text)
	return moved, nil
}

// hideIn takes secrets out of the sentences about a run, which go from its record to the card, the store, comments and status.
// The names in its plan are hidden where that is made, see [terraform.Plan].
func (l *Ledger) hideIn(r *store.Run) {
	for _, text := range []*string{&r.Reason, &r.Error, &r.Hint, &r.Held, &r.Asks, &r.Position, &r.GitDown} {
		*text = l.health.Redact(*text)
	}
	for _, list := range [][]string{r.Warnings, r.Notes} {
		for i := range list {
			list[i] = l.health.Redact(list[i])
		}
	}
	for i := range r.HookNotes {
		n := &r.HookNotes[i]
		n.Text = l.health.Redact(n.Text)
		for j := range n.Facts {
			n.Facts[j].Value = l.health.Redact(n.Facts[j].Value)
		}
	}
}

// MoveNow is move in a transaction of its own.
func (l *Ledger) MoveNow(conf *active.Config, run *store.Run, m store.Move, change func(*store.Run) error) error {
	return l.journal.Update(func(tx *journal.Tx) error {
		_, err := l.Move(tx, conf, run, m, change)
		return err
	})
}

// Remember writes down what the end of a run means for its stack.
func (l *Ledger) Remember(tx *store.Tx, run *store.Run) error {
	st, err := tx.Stack(run.Stack)
	if err != nil {
		return err
	}
	if run.Kind == store.KindDrift && run.Status == store.NoChanges {
		st.CheckedAt = l.now().UTC()
		return tx.PutStack(st) // what it found went away by itself: nothing was applied
	}
	have := st.Look
	st.Look = look.After(have, run)
	if run.Status != store.Applied && run.Status != store.NoChanges {
		if run.Apply == nil || run.Status == store.Stale {
			if st.Look == have {
				return nil
			}
			return tx.PutStack(st)
		}
		st.Partly = run.ID
		leaveOut(st, run)
		if run.Status != store.Interrupted && run.Apply.LeftState == "" && run.Plan != nil && run.Plan.NewState {
			st.Resources = max(st.Resources, min(run.Apply.Done, run.Plan.Add)) // terraform has saved them
		}
		return tx.PutStack(st)
	}
	if run.Status == store.Applied && run.Engine == config.EnginePacker {
		if err := l.built(tx, st, run); err != nil {
			return err
		}
	}
	if !run.Options.Partial() {
		st.Images = run.Images
	}
	if !run.Options.Targeted() {
		if run.Status == store.Applied {
			st.Changed = run.ID
		} else if st.Partly != 0 {
			st.Changed = st.Partly // it had done everything, as this run has found
		}
		st.Unfinished = 0 // people have seen it on this run's card
	}
	other := l.rememberOther(tx, st, run)
	if !other || run.Options.Destroy {
		st.Partly = 0 // a state that was only brought up to date still holds what an apply left half-made
		NothingLeftOut(st)
	}
	if !other {
		st.AppliedCommit, st.AppliedRun, st.AppliedInputs, st.Destroyed = run.Commit, run.ID, run.Inputs, nil
		if run.Status == store.Applied {
			st.AppliedAt = l.now().UTC()
		} else {
			st.CheckedAt = l.now().UTC()
		}
		if repository, err := tx.Repository(run.Repository); err == nil && run.Commit == repository.Head {
			st.Behind, st.BehindBy = 0, "" // otherwise discover counts what is still to come
		}
	}
	if run.Status == store.Applied {
		if err := l.unpinFor(tx, st, run); err != nil {
			return err
		}
	}
	if run.Status == store.Applied && run.Plan != nil {
		st.Resources = max(0, st.Resources+effects.Grown(run.Plan))
		again.Made(st, run.Plan)
	}
	return tx.PutStack(st)
}

// Keep holds the commits that stacks were applied at in the mirror, whatever happens to the branch. That of a run which has ended well
// is not always it: a plan of some addresses only leaves the stack at the one before.
func (l *Ledger) Keep(git active.Mirror, run *store.Run) {
	if git == nil {
		return // the repository left the configuration meanwhile
	}
	var st *store.StackState
	err := l.store.View(func(tx *store.Tx) (err error) {
		st, err = tx.Stack(run.Stack)
		return err
	})
	if err == nil && st.AppliedCommit != "" {
		err = git.Keep(run.Stack, st.AppliedCommit)
	}
	if err != nil {
		l.log.Warn("keeping the applied commit in the mirror", "run", run.ID, "stack", run.Stack, "commit", run.Commit, "err", err)
	}
	fault.Point("applied commit kept")
}

// CreateSuccessor makes the run that takes over from one that became stale or was interrupted: after an interrupted apply at
// the same commit, after a stale plan at the branch's newest commit.
//
// There is none when the stack left the configuration, or belongs to another repository now.
func (l *Ledger) CreateSuccessor(tx *journal.Tx, conf *active.Config, old *store.Run, reason string) error {
	if s := conf.Stack(old.Stack); s == nil || s.Repository != old.Repository {
		return nil
	}
	commit := old.Commit
	repository, err := tx.Repository(old.Repository)
	if err != nil {
		return err
	}
	head := old.Head
	if repository.Head != "" {
		head = repository.Head
	}
	if old.Status == store.Stale && !old.AtApplied && !old.Options.Commit {
		commit = head
	}
	next := &store.Run{
		Stack: old.Stack, Repository: old.Repository, Kind: store.KindRecovery, Commit: commit, Head: head,
		AtApplied: old.AtApplied, After: old.ID, Reason: reason, RequestedBy: old.RequestedBy, Asked: old.Asked, Options: old.Options,
	}
	if old.Options.Commit {
		next.Position = old.Position
	}
	if err := l.Create(tx, conf, next); err != nil {
		return err
	}
	return l.passOn(tx.Tx, old, next)
}
