package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sallyport/agent/asuser"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/journal"
	"sallyport/agent/terraform"
)

// A Repair is what a person does about what an apply left behind: unlocking a state, pushing one.
type Repair struct {
	Stack  string
	By     string
	Commit string                                                  // whose files say where the state is
	Lent   Lent                                                    // to what those files make terraform run
	Work   func(context.Context, terraform.PlanOptions) error      // terraform's part
	Done   func(tx *journal.Tx) (message string, err error)        // after success
	Failed func(tx *journal.Tx, cause error) (told error, e error) // what people are told, and what is noted; may be nil
}

// WithTempCheckout lets terraform work on the stack's state from a directory that is made for this and removed at once: what it
// needs there, credentials of the backend included, must not lie around.
func (e *Engines) WithTempCheckout(ctx context.Context, r Repair) (err error) {
	conf := e.active.Current.Load()
	s := conf.Stack(r.Stack)
	if s == nil {
		return control.Errorf(control.NotFound, "there is no stack %q any more", r.Stack)
	}
	found, err := e.active.FindTool(ctx, conf, s.Tool)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(datadir.Scratch(e.active.Cfg().DataDir), 0o700); err != nil {
		return fmt.Errorf("making a directory to work in: %w", err)
	}
	dir, err := os.MkdirTemp(datadir.Scratch(e.active.Cfg().DataDir), s.Name+"-")
	if err != nil {
		return fmt.Errorf("making a directory to work in: %w", err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			e.log.Error("removing the directory of a repair", "stack", r.Stack, "err", err)
		}
	}()
	if err := conf.Pool.Anyone().Public().Enter(datadir.Scratch(e.active.Cfg().DataDir)); err != nil {
		return err
	}
	at, err := e.Begin(ctx, conf, asuser.Work{Name: "work on the state of " + s.Name + " in " + filepath.Base(dir)}, s, true, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, at.End()) }()
	o, err := e.checkout(ctx, conf, s, r.Commit, dir, at.User())
	if err != nil {
		return err
	}
	if o.LockTimeout, err = e.lockPatience(s); err != nil {
		return err
	}
	o.Tool = found
	r.Lent.Lend(s, &o)
	return r.Work(ctx, o)
}
