// Package api answers the command line at the agent's socket, and decides who may ask: what terraform runs must never decide
// about its own run.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/archive"
	"sallyport/agent/bell"
	"sallyport/agent/control"
	"sallyport/agent/engine"
	"sallyport/agent/health"
	"sallyport/agent/operator"
	"sallyport/agent/operator/errands"
	"sallyport/agent/view"
	"sallyport/store"
)

// SocketAPI answers the command line.
type SocketAPI struct {
	health   *health.Health
	active   *active.Active
	engines  *engine.Engines
	viewer   *view.Viewer
	operator *operator.Operator
	changes  *bell.Broadcast
	faults   *health.Faults
	log      *slog.Logger
	now      func() time.Time
	store    *store.Store
	version  string
}

// Options are what socketAPI works with.
type Options struct {
	Health   *health.Health
	Active   *active.Active
	Engines  *engine.Engines
	Viewer   *view.Viewer
	Operator *operator.Operator
	Changes  *bell.Broadcast
	Faults   *health.Faults
	Log      *slog.Logger
	Now      func() time.Time
	Store    *store.Store
	Version  string
}

// New makes what answers at the socket.
func New(o Options) *SocketAPI {
	return &SocketAPI{
		health: o.Health, active: o.Active, engines: o.Engines, viewer: o.Viewer, operator: o.Operator,
		changes: o.Changes, faults: o.Faults, log: o.Log, now: o.Now, store: o.Store, version: o.Version,
	}
}

// Review implements control.Operator.
func (d Desktop) Review(_ context.Context, r control.ReviewRequest) (control.DecideResponse, error) {
	if err := d.lookOnly(); err != nil {
		return control.DecideResponse{}, err
	}
	run, err := d.find(r.Ref)
	if err != nil {
		return control.DecideResponse{}, err
	}
	run, err = d.operator.Review(run.ID, r.By.By(), r.Reason, nil)
	if err != nil {
		return control.DecideResponse{}, crossing(err)
	}
	return control.DecideResponse{Run: control.RunOf(run), Message: fmt.Sprintf("#%d %s is reviewed.", run.ID, run.Stack)}, nil
}

// Exec implements control.Operator.
func (d Desktop) Exec(ctx context.Context, r control.ExecRequest, streams control.Streams) (int, error) {
	if err := d.lookOnly(); err != nil {
		return 0, err
	}
	if errands.Reveals(r.Args) {
		if err := inClear(r.By); err != nil {
			return 0, err
		}
	}
	code, err := d.operator.Exec(ctx, r, streams)
	return code, d.saidBy(err)
}

// States implements control.Reader.
func (d Desktop) States(_ context.Context, stack string) ([]archive.StateCopy, error) {
	if err := d.lookOnly(); err != nil {
		return nil, err
	}
	conf := d.active.Current.Load()
	copies, err := archive.StateCopies(conf.Cfg.DataDir, stack)
	if err == nil && len(copies) == 0 && conf.Stack(stack) == nil {
		return nil, control.NoStack(stack, active.StackNames(conf))
	}
	return copies, err
}

// MigrateState implements control.Operator.
func (d Desktop) MigrateState(ctx context.Context, r control.MigrateStateRequest) (control.RepairResponse, error) {
	if err := d.lookOnly(); err != nil {
		return control.RepairResponse{}, err
	}
	if r.From != "" {
		if err := anyBackend(r.By); err != nil {
			return control.RepairResponse{}, err
		}
	}
	text, err := d.operator.MigrateState(ctx, errands.Migration{Stack: r.Stack, From: r.From, Commit: r.Commit, By: r.By.By()})
	return control.RepairResponse{Message: text}, d.saidBy(err)
}

// RestoreState implements control.Operator.
func (d Desktop) RestoreState(ctx context.Context, r control.RestoreStateRequest) (control.RepairResponse, error) {
	if err := d.lookOnly(); err != nil {
		return control.RepairResponse{}, err
	}
	text, err := d.operator.RestoreState(ctx, r.Stack, r.Ref, r.By.By())
	return control.RepairResponse{Message: text}, d.saidBy(err)
}

// MoveState implements control.Operator.
func (d Desktop) MoveState(ctx context.Context, r control.MoveStateRequest) (control.RepairResponse, error) {
	if err := d.lookOnly(); err != nil {
		return control.RepairResponse{}, err
	}
	text, err := d.operator.MoveState(ctx, errands.StateMove{Old: r.Old, New: r.New}, r.By.By())
	return control.RepairResponse{Message: text}, d.saidBy(err)
}

// Trial has another terraform tried on every stack, for whoever may have runs started.
func (d Desktop) Trial(ctx context.Context, r control.TrialRequest, tell func(control.TrialNews) error) error {
	if err := d.lookOnly(); err != nil {
		return err
	}
	return d.saidBy(d.operator.Trial(ctx, r, tell))
}
