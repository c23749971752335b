package errands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/contain"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/engine"
	"sallyport/agent/execute"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/agent/locks"
	"sallyport/agent/rundir"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/diag"
	"sallyport/notify"
	"sallyport/store"
	"sallyport/store/disk"
)

const (
	// repairTimeout bounds what a person's repair may take, the installation of providers included.
	repairTimeout = 10 * time.Minute
	// pushedStateFile is the name of a left state once it was pushed, in the run's directory.
	pushedStateFile = "pushed.tfstate"
)

// repairs runs one repair, which goes on when the person goes away, and returns what to tell them.
func (e *Errands) repairs(ctx context.Context, r engine.Repair) (string, error) {
	return e.errand(ctx, r.Stack, r.By, func(ctx context.Context) (string, error) { return e.carryOutRepair(ctx, r) })
}

// errand does something to a stack's state that goes on when the person goes away, alone of its kind.
func (e *Errands) errand(ctx context.Context, stack, by string, work func(context.Context) (string, error)) (string, error) {
	type answer struct {
		message string
		err     error
	}
	answered := make(chan answer, 1)
	over := e.work.RunForOperator(stack, func(ctx context.Context) {
		var message string
		err := contain.Do("mending the state of "+stack, func() (err error) {
			message, err = work(ctx)
			return err
		})
		e.health.LogIfPanic(err, "stack", stack, "by", by)
		answered <- answer{message, err} // whoever waits for it gets an answer in any case
	})
	if over == nil {
		return "", hint.Refuse("wait a moment", "something else is being done to the state of %s right now", stack)
	}
	select {
	case <-over:
		select {
		case got := <-answered:
			return got.message, got.err
		default:
			return "", errCutOff
		}
	case <-ctx.Done():
		return "", fmt.Errorf("it goes on without you; sallyport status tells how it ended: %w", ctx.Err())
	}
}

func (e *Errands) carryOutRepair(ctx context.Context, r engine.Repair) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, repairTimeout)
	defer cancel()
	cause := e.engines.WithTempCheckout(ctx, r)
	var message string
	err := e.journal.Update(func(tx *journal.Tx) (err error) {
		if cause == nil {
			message, err = r.Done(tx)
			return errors.Join(err, locks.LookNow(tx.Tx, r.Stack))
		}
		told, err := r.Failed(tx, cause)
		if told != nil {
			cause = told
		}
		return err
	})
	if cause != nil {
		e.log.Warn("a repair failed", "stack", r.Stack, "by", r.By, "err", e.health.Redact(cause.Error()))
		return "", errors.Join(cause, err)
	}
	return message, err
}

// quiet refuses repairs of a stack while an apply of it, or something that one started, is at work.
func (e *Errands) quiet(tx *store.Tx, dataDir string, st *store.StackState) error {
	if st.OpenRun != 0 {
		open, err := tx.Run(st.OpenRun)
		if err != nil {
			return err
		}
		if open.Status == store.Applying {
			return hint.Refuse(fmt.Sprintf("wait for it, or: sallyport cancel %d", open.ID), "#%d of stack %s is applying", open.ID, st.Name)
		}
	}
	left := e.ledger.LeftOf(dataDir, st)
	if left.Alive && left.Ending {
		return errPassing
	}
	if alive := lifecycle.Alive(st, left); alive.Any() {
		return hint.Refuse(alive.Hint, "%s", alive.Why)
	}
	return nil
}

// errPassing: what is in the way goes away in a moment.
var errPassing = errors.New("an apply has only just ended")

// prepared reads what a repair needs, once the runner of an apply that has just ended is gone.
func (e *Errands) prepared(ctx context.Context, read func(*store.Tx) error) error {
	for {
		err := e.store.View(read)
		if !errors.Is(err, errPassing) || ctx.Err() != nil {
			return err
		}
		clock.Sleep(ctx, execute.ExitLook, nil)
	}
}

// Unlock forces the state lock with an id open, for a person.
func (e *Errands) Unlock(ctx context.Context, stack, id, by string) (string, error) {
	conf := e.active.Current.Load()
	s := conf.Stack(stack)
	if s == nil {
		return "", control.NoStack(stack, active.StackNames(conf))
	}
	if id == "" || strings.HasPrefix(id, "-") {
		return "", control.Errorf(control.Usage, "%q is not the id of a state lock", id).WithHint("sallyport unlock %s LOCK_ID; sallyport status shows the id", stack)
	}
	r := engine.Repair{Stack: stack, By: by}
	err := e.prepared(ctx, func(tx *store.Tx) error {
		st, err := tx.Stack(stack)
		if err != nil {
			return err
		}
		if err := e.quiet(tx, conf.Cfg.DataDir, st); err != nil {
			return err
		}
		if l := st.LeftLock; l != nil && l.ID != "" && l.ID != id {
			return hint.Refuse(notify.LockHint(l, stack), "the state lock that was met is %s, not %s", l.ID, id)
		}
		if r.Commit, err = commitOf(tx, st, s); err == nil {
			r.Lent, err = LentAt(tx, st, r.Commit)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	r.Work = func(ctx context.Context, p terraform.PlanOptions) error {
		return e.engines.Terraform().Unlock(ctx, p, id)
	}
	r.Done = func(tx *journal.Tx) (string, error) {
		st, err := tx.Stack(stack)
		if err != nil {
			return "", err
		}
		if err := tx.AddEvent(store.Event{Type: "unlock", Stack: stack, By: by, Text: id}); err != nil {
			return "", err
		}
		return fmt.Sprintf("The state of %s is unlocked (%s).", stack, id), e.ledger.LockGone(tx.Tx, st, by)
	}
	r.Failed = func(tx *journal.Tx, cause error) (error, error) {
		return e.notUnlocked(stack, cause), locks.LookNow(tx.Tx, stack)
	}
	return e.repairs(ctx, r)
}

// notUnlocked says why a lock was not opened and what to do.
func (e *Errands) notUnlocked(stack string, cause error) error {
	var other *terraform.OtherLockError
	switch {
	case errors.Is(cause, terraform.ErrNotLocked):
		return hint.Refuse("nothing has to be unlocked; what waited is looked at again now", "the state of %s is not locked now", stack)
	case errors.As(cause, &other):
		next := "release it with the backend's own tools once nobody works on this state"
		if other.Held.ID != "" {
			next = fmt.Sprintf("find out who holds it and ask them; then: sallyport unlock %s %s", stack, e.health.Redact(other.Held.ID))
		}
		return hint.Refuse(next, "%s", e.health.Redact(other.Error()))
	}
	return cause
}

// commitOf is the commit whose files say where a stack's state is: that of its newest run, whose modules and providers are
// kept, so that it works with the git server and the registry away.
func commitOf(tx *store.Tx, st *store.StackState, s *config.Stack) (string, error) {
	for _, id := range []int{st.NewestRun, st.LastApply} {
		run, err := tx.Run(id)
		if err == nil && run.Repository == s.Repository {
			return run.Commit, nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
	}
	repository, err := tx.Repository(s.Repository)
	if err == nil && repository.Head == "" {
		err = hint.Refuse("see sallyport status; the first poll must succeed once", "repository %s was not read yet", s.Repository)
	}
	return repository.Head, err
}

// PushState pushes the state that an apply could not save, for a person.
func (e *Errands) PushState(ctx context.Context, ref, by string) (string, error) {
	conf := e.active.Current.Load()
	var run *store.Run
	var file string
	err := e.prepared(ctx, func(tx *store.Tx) (err error) {
		if run, err = e.leftStateOf(tx, conf, ref); err != nil {
			return err
		}
		st, err := tx.Stack(run.Stack)
		if err != nil {
			return err
		}
		if err := e.quiet(tx, conf.Cfg.DataDir, st); err != nil {
			return err
		}
		file, err = leftFile(conf, run, st)
		return err
	})
	if err != nil {
		return "", err
	}
	stack := run.Stack
	return e.repairs(ctx, engine.Repair{
		Stack: stack, By: by, Commit: run.Commit, Lent: engine.LentForApply, // somebody approved it
		Work: func(ctx context.Context, p terraform.PlanOptions) error {
			return e.engines.Terraform().PushState(ctx, p, file)
		},
		Done: func(tx *journal.Tx) (string, error) { return e.pushed(tx.Tx, run, file, by) },
		Failed: func(tx *journal.Tx, cause error) (error, error) {
			var failed *diag.Error
			if !errors.As(cause, &failed) {
				return nil, nil
			}
			if failed.Lock != nil {
				return e.pushLocked(tx.Tx, conf, stack, run.ID, failed)
			}
			if failed.StateMoved() {
				return hint.Refuse(fmt.Sprintf("somebody changed the state since. Compare %s with `terraform state pull`; if it is not wanted any more, move it away, then: sallyport plan %s", file, stack),
					"%s", e.health.Redact(failed.Error())), nil
			}
			return nil, nil
		},
	})
}

// leftStateOf finds the run whose left state a person means: 12, #12, or a stack that has one.
func (e *Errands) leftStateOf(tx *store.Tx, conf *active.Config, ref string) (*store.Run, error) {
	id, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(ref), "#"))
	if err != nil {
		if conf.Stack(ref) == nil {
			return nil, control.NoStack(ref, active.StackNames(conf))
		}
		st, err := tx.Stack(ref)
		if err != nil {
			return nil, err
		}
		if st.LeftState == "" {
			return nil, hint.Refuse("", "no apply of %s has left a state that waits to be pushed", ref)
		}
		id = st.LastApply
		if n, err := strconv.Atoi(filepath.Base(filepath.Dir(st.LeftState))); err == nil {
			id = n
		}
	}
	run, err := tx.Run(id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, control.Errorf(control.NotFound, "there is no run #%d", id).WithHint("sallyport runs lists them")
	}
	return run, err
}

// leftFile is a run's left state, if it is there and the one that its stack waits for.
func leftFile(conf *active.Config, run *store.Run, st *store.StackState) (string, error) {
	dir := datadir.Run(conf.Cfg.DataDir, run.ID)
	file := filepath.Join(dir, rundir.SavedStateFile)
	if st.LeftState != "" && st.LeftState != file {
		return "", hint.Refuse("sallyport state push "+st.Name, "stack %s waits for the state in %s, not for one of #%d", st.Name, st.LeftState, run.ID)
	}
	_, err := os.Stat(file)
	if !errors.Is(err, os.ErrNotExist) {
		return file, err
	}
	if _, err := os.Stat(filepath.Join(dir, pushedStateFile)); err == nil {
		return "", hint.Refuse("", "the state of #%d was pushed already", run.ID)
	}
	return "", hint.Refuse("", "the apply of #%d has left no state that waits to be pushed", run.ID)
}

// pushed records that a left state is at its backend. If the commit fails after the file was renamed, its absence says the
// same: a state that was moved away holds up nobody.
func (e *Errands) pushed(tx *store.Tx, run *store.Run, file, by string) (string, error) {
	dir := filepath.Dir(file)
	if err := disk.IgnoreMissing(os.Rename(file, filepath.Join(dir, pushedStateFile))); err != nil {
		return "", fmt.Errorf("putting the pushed state aside: %w", err)
	}
	if err := disk.Sync(dir); err != nil { // or it would wait to be pushed again after a power cut
		return "", fmt.Errorf("putting the pushed state aside: %w", err)
	}
	st, err := tx.Stack(run.Stack)
	if err != nil {
		return "", err
	}
	st.LeftState = ""
	if err := tx.PutStack(st); err != nil {
		return "", err
	}
	if err := tx.AddEvent(store.Event{Type: "state push", Run: run.ID, Stack: run.Stack, By: by, Text: filepath.Base(file)}); err != nil {
		return "", err
	}
	now, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
		if r.Apply != nil {
			r.Apply.PushedBy = by
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s pushed the state that #%d could not save; %s is planned again.", by, run.ID, run.Stack)
	return fmt.Sprintf("The state of #%d is pushed; stack %s goes on.", run.ID, run.Stack), e.ledger.Say(tx, now, store.MessageReply, "pushed", text)
}

// pushLocked notes the lock that was in the way of a push: while a state waits to be pushed nothing is planned, so nobody
// else would meet it.
func (e *Errands) pushLocked(tx *store.Tx, conf *active.Config, stack string, run int, failed *diag.Error) (told, err error) {
	st, err := tx.Stack(stack)
	if err != nil {
		return nil, err
	}
	lock := e.ledger.NoteLock(conf, st, failed.Lock)
	if err := tx.PutStack(st); err != nil {
		return nil, err
	}
	next := fmt.Sprintf("%s; and after that: sallyport state push %d", notify.LockHint(lock, stack), run)
	return hint.Refuse(next, "the state was not pushed: %s", notify.LockText(lock)), locks.RecordLock(tx, lock)
}
