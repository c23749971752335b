package errands

import (
	"context"
	"errors"
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/agent/engine"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/diag"
	"sallyport/store"
)

// restored is what a restore of a state did.
type restored struct {
	copied archive.StateCopy
	kept   string // the name of the copy of what was replaced; empty: there was nothing
	serial int64
}

// RestoreState makes a kept copy the state of a stack again, for a person. What it replaces is kept like what is before an
// apply, so that a restore can be taken back in the same way.
func (e *Errands) RestoreState(ctx context.Context, stack, ref, by string) (string, error) {
	conf := e.active.Current.Load()
	s := conf.Stack(stack)
	if s == nil {
		return "", control.NoStack(stack, active.StackNames(conf))
	}
	copied, content, err := archive.FindState(conf.Cfg.DataDir, stack, ref)
	if err != nil {
		return "", err
	}
	out := restored{copied: copied}
	var commit string
	var lent engine.Lent
	err = e.prepared(ctx, func(tx *store.Tx) error {
		st, err := tx.Stack(stack)
		if err != nil {
			return err
		}
		if err := e.quiet(tx, conf.Cfg.DataDir, st); err != nil {
			return err
		}
		out.kept = archive.BeforeRepair(st.NewestRun, e.now())
		if commit, err = commitOf(tx, st, s); err != nil {
			return err
		}
		if lent, err = LentAt(tx, st, commit); err != nil || lent == engine.LentForApply {
			return err
		}
		last, err := approved(tx, st, st.LastApply)
		if err == nil && last != nil {
			commit, lent = last.Commit, engine.LentForApply // of the newest nobody has approved what it makes an init run
		}
		return err
	})
	if err != nil {
		return "", err
	}
	task := occupation{event: "state restore", stack: stack, by: by, what: "state restore " + copied.Name, alone: true}
	if err := e.lockStack(task); err != nil {
		return "", err
	}
	message, err := e.repairs(ctx, engine.Repair{
		Stack: stack, By: by, Commit: commit, Lent: lent,
		Work: func(ctx context.Context, p terraform.PlanOptions) (err error) {
			replaced := false
			out.serial, err = terraform.RestoreState(ctx, p, terraform.RestoreOptions{State: content, Keep: func(current []byte) error {
				replaced = true
				return archive.KeepState(conf.Cfg.DataDir, stack, out.kept, current)
			}})
			if !replaced {
				out.kept = ""
			}
			return err
		},
		Done: func(tx *journal.Tx) (string, error) {
			text, err := e.stateRestored(tx.Tx, task, out)
			return text, errors.Join(err, unlockStack(tx, task, fmt.Sprintf("serial %d", out.serial)))
		},
		Failed: func(tx *journal.Tx, cause error) (error, error) {
			err := unlockStack(tx, task, "failed: "+e.health.Redact(cause.Error()))
			var failed *diag.Error
			var other *terraform.LineageError
			switch {
			case errors.As(cause, &other):
				return hint.Refuse("the stack's state was made anew since then; what is in the copy can be looked at and imported by hand", "%s", other.Error()), err
			case errors.As(cause, &failed) && failed.StateMoved():
				return hint.Refuse("try again", "somebody changed the state in this moment, and nothing was restored"), err
			}
			return nil, err
		},
	})
	if err != nil && ctx.Err() == nil { // something else was being done, and this has not begun
		err = errors.Join(err, e.journal.Update(func(tx *journal.Tx) error { return unlockStack(tx, task, "not begun") }))
	}
	return message, err
}

// stateRestored records that a state is back, and tells the channel: what runs are planned on is another one now.
func (e *Errands) stateRestored(tx *store.Tx, task occupation, r restored) (string, error) {
	kept := ""
	if r.kept != "" {
		c, _ := archive.CopyName(r.kept)
		kept = " The state that it replaced is kept: sallyport state restore " + task.stack + " " + c + " brings that one back."
	}
	text := fmt.Sprintf("The state of %s is again that of %s (%s, serial %d then and %d now).%s", task.stack,
		r.copied.At.Format("2006-01-02 15:04 MST"), r.copied.Name, r.copied.Serial, r.serial, kept)
	if err := tx.Enqueue(e.ledger.Note(fmt.Sprintf("state-restore/%s/%d", task.stack, r.serial), task.by+" restored a state. "+text+" To see the effect: plan "+task.stack)); err != nil {
		return "", err
	}
	return text + " To see the effect: sallyport plan " + task.stack, nil
}
