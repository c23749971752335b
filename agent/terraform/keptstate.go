package terraform

import (
	"errors"
	"fmt"
	"strings"

	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/keptstate"
)

// A plan needs the directory of the state that the agent keeps, to lock it, and code that runs while it is made can write there.
// Nobody has approved anything yet: what it changes is put back, and the plan is refused.
//
// An agent that is killed meanwhile sees none of that: see package keptstate, which writes down what the state was.

// copyState notes the state for [planner.stateUntouched]. Where a user is not one run's alone nobody could say who changed it.
func (p *planner) copyState() error {
	o := &p.o
	if !p.keptDir || o.NoLock || o.User == nil || !o.User.Exclusive || o.Rehearsal { // a copy is thrown away
		return nil
	}
	if o.StateBefore == "" {
		return errors.New("there is no place to note the state in")
	}
	err := keptstate.Note(o.StateDir, o.StateBefore)
	p.noted = err == nil
	return err
}

// stateUntouched is an error if the state is not what it was, and puts it back then.
func (p *planner) stateUntouched() error {
	o := &p.o
	if !p.noted {
		return nil
	}
	if err := o.User.End(); err != nil {
		return err
	}
	// A workspace that terraform has made for us is a directory without a file: what lies there is not terraform's.
	changed, err := keptstate.Settle(o.StateDir, o.StateBefore, "")
	if err != nil || len(changed) == 0 {
		return err
	}
	return &diag.Error{Op: "plan", ExitCode: -1,
		Err:  fmt.Errorf("what runs while %s is planned has changed its state (%s); that was taken back", o.Stack, strings.Join(changed, ", ")),
		Hint: "find out which of the programs that a plan of this commit runs did that; a plan must only read"}
}
