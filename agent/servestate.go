package agent

import (
	"context"

	"sallyport/agent/archive"
	"sallyport/agent/control"
)

// States implements control.Reader.
func (d desktop) States(_ context.Context, stack string) ([]archive.StateCopy, error) {
	if err := d.lookOnly(); err != nil {
		return nil, err
	}
	w := d.world.Load()
	copies, err := archive.StateCopies(w.cfg.DataDir, stack)
	if err == nil && len(copies) == 0 && w.stack(stack) == nil {
		return nil, noStack(w, stack)
	}
	return copies, err
}

// RestoreState implements control.Operator.
func (d desktop) RestoreState(ctx context.Context, r control.RestoreStateRequest) (control.RepairResponse, error) {
	if err := d.lookOnly(); err != nil {
		return control.RepairResponse{}, err
	}
	text, err := d.restoreState(ctx, r.Stack, r.Ref, r.By.By())
	return control.RepairResponse{Message: text}, d.saidBy(err)
}
