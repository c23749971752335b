package errands

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/stack"
	"sallyport/store"
)

// StateMove names a stack as it was called and as it is called now. They are the same if only its directory is another one.
type StateMove struct{ Old, New string }

// MoveState gives to a stack what another name of it has: the state that the agent keeps, its copies, what was applied and when, and
// its history. It is for a stack whose directory, and with a glob its name, was changed: for everything here it is a new one then.
func (e *Errands) MoveState(ctx context.Context, m StateMove, by string) (string, error) {
	conf := e.active.Current.Load()
	s := conf.Stack(m.New)
	if s == nil {
		return "", control.NoStack(m.New, active.StackNames(conf))
	}
	stays, err := e.staysStack(conf, m)
	if err != nil {
		return "", err
	}
	if stays {
		return "", hint.Refuse("take it out of the configuration, or rename its directory on the branch, first", "%s is a stack of its own still", m.Old)
	}
	if s.Engine == config.EnginePacker {
		return "", hint.Refuse("it is built under its new name", "%s is an image, and has no state", m.New)
	}
	if err := e.prepared(ctx, func(tx *store.Tx) error { return e.movable(tx, conf.Cfg.DataDir, m) }); err != nil {
		return "", err
	}
	task := occupation{event: "state move", stack: m.New, by: by, what: fmt.Sprintf("state move %s %s", m.Old, m.New), alone: true}
	if err := e.lockStack(task); err != nil {
		return "", err
	}
	moved, err := e.engines.MoveState(ctx, m.Old, s) // a crash after this is made good by the same command again
	text := ""
	err = errors.Join(err, e.journal.Update(func(tx *journal.Tx) error {
		if err != nil {
			return unlockStack(tx, task, "failed: "+e.health.Redact(err.Error()))
		}
		if err := unlockStack(tx, task, "done"); err != nil {
			return err
		}
		var told error
		text, told = e.stateMoved(tx, m, moved, by)
		return told
	}))
	return text, err
}

// staysStack reports whether the old name is one of a stack that goes on: it has a block, or its directory is on the branch. One that
// a glob found stays in the list when it is not, for what its state holds.
func (e *Errands) staysStack(conf *active.Config, m StateMove) (bool, error) {
	old := conf.Stack(m.Old)
	if m.Old == m.New || old == nil {
		return false, nil
	}
	if slices.ContainsFunc(conf.Cfg.Stacks, func(s *config.Stack) bool { return s.Name == m.Old }) {
		return true, nil
	}
	tree, err := conf.Repos[old.Repository].Tree(e.ledger.HeadOf(old.Repository))
	if err != nil {
		return true, err
	}
	_, err = stack.Footprint(tree, stack.DefinitionOf(old))
	if errors.Is(err, stack.ErrNoDir) {
		return false, nil
	}
	return true, err
}

// movable refuses what would lose or mix up anything.
func (e *Errands) movable(tx *store.Tx, dataDir string, m StateMove) error {
	was, err := tx.Stack(m.Old)
	if err != nil {
		return err
	}
	is, err := tx.Stack(m.New)
	if err != nil {
		return err
	}
	if m.Old != m.New && was.Repository == "" && was.NewestRun == 0 {
		return hint.Refuse("sallyport status lists the stacks, and sallyport runs the names that there were", "nothing is known of a stack %s", m.Old)
	}
	if m.Old != m.New && (is.AppliedCommit != "" || is.Resources > 0) {
		return hint.Refuse("what both have has to be put together by hand: sallyport exec "+m.New+" -- state mv ...", "%s was applied itself, and has a state of its own", m.New)
	}
	for _, st := range []*store.StackState{was, is} {
		if err := e.quiet(tx, dataDir, st); err != nil {
			return err
		}
		if st.LeftState != "" || st.LeftLock != nil {
			return hint.Refuse("clear that away first, see sallyport status", "an apply of %s has left something behind", st.Name)
		}
		if st.OpenRun != 0 {
			return hint.Refuse(fmt.Sprintf("sallyport cancel %d, then again", st.OpenRun), "#%d of %s is open, and was not made for the state that %s gets", st.OpenRun, st.Name, m.New)
		}
	}
	return nil
}

// stateMoved carries over what is recorded, and tells everybody.
func (e *Errands) stateMoved(tx *journal.Tx, m StateMove, moved bool, by string) (string, error) {
	is, err := tx.Stack(m.New)
	if err != nil {
		return "", err
	}
	if m.Old != m.New {
		was, err := tx.Stack(m.Old)
		if err != nil {
			return "", err
		}
		is.TakeOver(was)
		if err := tx.PutStack(was); err != nil {
			return "", err
		}
	}
	newest, err := tx.Runs(store.RunFilter{Limit: 1})
	if err != nil {
		return "", err
	}
	if len(newest) > 0 {
		is.Moved = newest[0].ID // what was approved until now were files of another directory
	}
	if err := tx.PutStack(is); err != nil {
		return "", err
	}
	tx.Moves()
	what := "What was applied as " + m.Old + " counts as applied for " + m.New
	switch {
	case m.Old == m.New:
		what = "The state kept for " + m.New + " is that of its directory of now"
	case moved:
		what += ", and the state that is kept moved with it"
	default:
		what += "; its state lies where its backend says, and stays there"
	}
	note := e.ledger.Note(fmt.Sprintf("state-move/%s/%d", m.New, e.now().UnixMilli()), fmt.Sprintf("%s: state move %s %s. %s.", by, m.Old, m.New, what))
	return what + ". To see the effect: sallyport plan " + m.New, tx.Enqueue(note)
}
