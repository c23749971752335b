package engine

import (
	"context"

	"sallyport/agent/config"
	"sallyport/agent/engine/kept"
)

// MoveState makes the state that is kept for an old name of a stack, and its copies, those of the stack, and writes down that they
// are. Moved tells whether there was a state. It may be repeated after a crash: what has moved already is left alone.
func (e *Engines) MoveState(ctx context.Context, old string, s *config.Stack) (moved bool, err error) {
	let, err := e.settleStates(ctx, old, s.Name)
	defer let()
	if err != nil {
		return false, err
	}
	return kept.Move(e.active.Cfg().DataDir, old, s)
}
