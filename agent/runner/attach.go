package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Phase is where an apply stands, as far as can be known from outside.
type Phase int

// The phases of an apply.
const (
	NotStarted Phase = iota // no claim: nothing ever ran
	Running                 // there is no result, and a runner, terraform or an orphan lives
	Finished                // there is a result
	Lost                    // claimed, no result, nobody alive: nobody saw the end, and it must not be repeated
)

// String returns the phase in words.
func (p Phase) String() string {
	switch p {
	case NotStarted:
		return "not started"
	case Running:
		return "running"
	case Finished:
		return "finished"
	case Lost:
		return "lost"
	}
	return fmt.Sprintf("phase %d", int(p))
}

// State is what [Attach] found.
type State struct {
	Phase  Phase
	Claim  Claim   // zero if there is none, or if a crash left an empty one
	Result *Result // Finished only

	// TerraformStarted: terraform was executed, or a crash came in the instant between the mark and the execution.
	// If it is false in Lost, terraform certainly changed nothing.
	TerraformStarted bool
	// StillHeld: Finished, but something that terraform started (an orphaned local-exec) lives on, or in the moment after the
	// end the runner itself.
	StillHeld bool
	// InterruptAsked: somebody called [Interrupt].
	InterruptAsked bool
	// ErroredState is Result.ErroredState, or in Lost the path where terraform left such a file; empty without one.
	ErroredState string
	// Damage names a file of the run that is there and unreadable. A damaged result counts as none.
	Damage error
}

// Attach finds out how an apply stands, without disturbing it. The error is one of reading, not of the apply.
func Attach(runDir string) (State, error) {
	var s State
	err := readJSON(runDir, claimFile, &s.Claim)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return State{Phase: NotStarted}, nil
	case errors.Is(err, errDamaged):
		// A claim counts by being there: a crash while it was written must not allow a second start.
		s.Damage = err
	case err != nil:
		return State{}, fmt.Errorf("reading the claim of an apply: %w", err)
	}
	// First the lock, then the result. The other way round the runner could write the result and go away between
	// the two looks, and an apply that ended well would be reported as lost.
	held, err := lockHeld(runDir)
	if err != nil {
		return State{}, fmt.Errorf("probing the lock of an apply: %w", err)
	}
	if !held {
		left, err := survivors(runDir, s.Claim)
		if err != nil {
			return State{}, fmt.Errorf("looking for what an apply left running: %w", err)
		}
		held = len(left) > 0
	}
	s.TerraformStarted = exists(filepath.Join(runDir, startedFile))
	s.InterruptAsked = exists(filepath.Join(runDir, cancelFile))
	s.Result, err = ReadResult(runDir)
	switch {
	case err == nil:
		s.Phase, s.StillHeld, s.ErroredState = Finished, held, s.Result.ErroredState
		s.TerraformStarted = s.TerraformStarted && s.Result.Refused == ""
		return s, nil
	case errors.Is(err, errDamaged):
		s.Damage = err
	case !errors.Is(err, fs.ErrNotExist):
		return State{}, err
	}
	s.Phase = Running
	if !held {
		s.Phase = Lost
		s.ErroredState = strayState(runDir, s)
	}
	return s, nil
}

// strayState finds the errored.tfstate of an apply whose runner died before it could keep it. The runner makes sure
// before the start that there is none, so one that is there now is terraform's.
func strayState(runDir string, s State) string {
	if !s.TerraformStarted {
		return ""
	}
	for _, dir := range []string{runDir, s.Claim.Dir} {
		if path := filepath.Join(dir, erroredFile); filepath.IsAbs(path) && exists(path) {
			return path
		}
	}
	return ""
}
