package api

import (
	"context"
	"errors"
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/lifecycle/votes"
	"sallyport/agent/peercred"
	"sallyport/agent/rundir"
	"sallyport/store"
)

// Desktop answers the command line. It is a type of its own because an agent has verbs of the same names inside.
type Desktop struct{ *SocketAPI }

var (
	_ control.Reader   = Desktop{}
	_ control.Operator = Desktop{}
)

// socketServer is the agent's end of the unix socket.
type socketServer struct {
	agent  *SocketAPI
	server *socket.Server
}

// Listen takes the socket before anything runs: somebody else on it means that another agent is at work.
func (sa *SocketAPI) Listen() (*socketServer, error) {
	d := Desktop{sa}
	server, err := socket.Listen(socket.ServerOptions{
		Socket: sa.active.Cfg().Socket, Reader: d, Operator: d, Trials: d, Log: sa.log, Allow: sa.allow, Changes: sa.changes.Next, Version: sa.version,
		Names: sa.active.Names(),
	})
	if err != nil {
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	return &socketServer{sa, server}, nil
}

func (s *socketServer) Serve(ctx context.Context) {
	if err := s.server.Serve(ctx); err != nil && ctx.Err() == nil {
		s.agent.faults.Set("socket", err)
		s.agent.log.Error("serving the socket", "err", err)
	}
}

// allow refuses callers who are our own children: what terraform runs must never decide about its own run.
//
// Who cannot be told is refused: a process that hides must not decide. Under systemd everything in the service's own
// control group is ours, daemons that left their parents included.
func (sa *SocketAPI) allow(c peercred.Caller) error {
	if c.UID < 0 || c.PID <= 1 {
		return control.Errorf(control.Refused, "the kernel does not say who is asking")
	}
	if p := sa.active.Current.Load().Pool; p.User(c.UID) != nil || p != nil && c.User == p.Name() {
		return control.Errorf(control.Refused, "terraform's user %s cannot decide anything", c.User)
	}
	if ownUser(c.UID) {
		return control.Errorf(control.Refused, "the agent's own user cannot decide anything: what terraform runs may be that user too").WithHint("use an account of yours that is in the socket's group, or sudo")
	}
	line, err := c.Lineage()
	if err != nil {
		return control.Errorf(control.Refused, "nobody knows who is asking: %v", err)
	}
	if inside, err := insideRun(line, sa.active.Cfg().DataDir); err != nil {
		return control.Errorf(control.Refused, "nobody knows who is asking: %v", err)
	} else if inside {
		return control.Errorf(control.Refused, "what runs inside a plan or an apply cannot decide anything")
	}
	return nil
}

// Status implements control.Reader.
func (d Desktop) Status(context.Context) (control.Status, error) {
	g, err := d.viewer.Glance(d.active.Current.Load())
	if err != nil {
		return control.Status{}, err
	}
	return g.Answer(), nil
}

// Why implements control.Reader.
func (d Desktop) Why(ctx context.Context, name string) (control.Why, error) {
	return d.viewer.Why(ctx, d.active.Current.Load(), name)
}

// Runs implements control.Reader.
func (d Desktop) Runs(_ context.Context, q control.RunsQuery) ([]control.Run, error) {
	conf := d.active.Current.Load()
	return control.RunsIn(d.store, q, control.Shown{Stacks: active.StackNames(conf), Run: func(r *store.Run) control.Run { return shown(conf, r) }})
}

// find turns what a person calls a run into the run.
func (d Desktop) find(ref string) (*store.Run, error) { return control.FindRun(d.store, ref) }

// shown is find for whoever only looks.
func (d Desktop) shown(ref string) (*store.Run, error) { return control.FindShown(d.store, ref) }

// Run implements control.Reader.
func (d Desktop) Run(_ context.Context, ref string) (control.Run, error) {
	run, err := d.shown(ref)
	if err != nil {
		return control.Run{}, err
	}
	out := shown(d.active.Current.Load(), run)
	return out, d.store.View(func(tx *store.Tx) error { return out.NamePlace(tx, run) })
}

// shown is a run as the command line sees it, with the approvals that it waits for.
func shown(conf *active.Config, run *store.Run) control.Run {
	out := control.RunOf(run)
	if s := conf.Stack(run.Stack); s != nil && run.Status == store.Planned {
		_, got := votes.Weigh(run, s)
		out.Approvals = &control.Approvals{Counted: got, Needed: max(1, s.Approvals), WaitsFor: conf.WaitsFor(run, s)}
	}
	return out
}

// Around implements control.Reader.
func (d Desktop) Around(_ context.Context, ref string) (out control.Around, err error) {
	run, err := d.shown(ref)
	if err != nil {
		return out, err
	}
	conf := d.active.Current.Load()
	configured := func(stack string) *control.Configured {
		if s := conf.Stack(stack); s != nil {
			return &control.Configured{Label: s.Label, DependsOn: s.DependsOn}
		}
		return nil
	}
	err = d.store.View(func(tx *store.Tx) error {
		out, err = control.AroundOf(tx, run, configured)
		return err
	})
	return out, err
}

// PlanText implements control.Reader.
func (d Desktop) PlanText(_ context.Context, ref string) (string, error) {
	run, err := control.FindHead(d.store, ref)
	if err != nil {
		return "", err
	}
	text, err := d.engines.PlanText(run.ID)
	if errors.Is(err, store.ErrNotFound) {
		return "", control.Errorf(control.NotFound, "#%d has no plan (%s)", run.ID, run.Status)
	}
	return d.health.Redact(text), err
}

// Log implements control.Reader.
func (d Desktop) Log(_ context.Context, ref string) (string, error) {
	run, err := d.shown(ref)
	if err != nil {
		return "", err
	}
	if run.Apply == nil {
		return "", control.Errorf(control.NotFound, "#%d was not applied (%s), so there is no log", run.ID, run.Status)
	}
	text, err := rundir.ReadLog(datadir.Run(d.active.Cfg().DataDir, run.ID))
	return d.health.Redact(text), err
}

// Verify implements control.Reader.
func (d Desktop) Verify(context.Context) (control.Verification, error) {
	return control.VerificationOf(d.store), nil
}

// Audit implements control.Reader.
func (d Desktop) Audit(_ context.Context, q control.AuditQuery) (control.Audit, error) {
	return control.AuditIn(d.store, q, active.StackNames(d.active.Current.Load()))
}

// crossing makes an error fit for the socket.
func crossing(err error) error {
	var refusal *hint.Refusal
	switch {
	case errors.As(err, &refusal):
		return control.Errorf(control.Refused, "%s", refusal.Why).WithHint("%s", refusal.Hint)
	case errors.Is(err, store.ErrConflict):
		return control.Errorf(control.Conflict, "the run moved on meanwhile: %v", err).WithHint("look again: sallyport status")
	}
	if errors.Is(err, store.ErrFull) {
		return control.Errorf(control.Internal, "this was not recorded and nothing was done: %v", err).
			WithHint("make room in the data directory, then say it again")
	}
	return err
}
