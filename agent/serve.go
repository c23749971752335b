package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/lifecycle"
	"sallyport/agent/peercred"
	"sallyport/agent/status"
	"sallyport/store"
)

// desktop answers the command line. It is a type of its own because an agent has verbs of the same names inside.
type desktop struct{ *socketAPI }

var (
	_ control.Reader   = desktop{}
	_ control.Operator = desktop{}
)

// socketServer is the agent's end of the unix socket.
type socketServer struct {
	agent  *socketAPI
	server *control.Server
}

// listen takes the socket before anything runs: somebody else on it means that another agent is at work.
func (a *socketAPI) listen() (*socketServer, error) {
	d := desktop{a}
	server, err := control.Listen(control.ServerOptions{
		Socket: a.cfg().Socket, Reader: d, Operator: d, Log: a.log, Allow: a.allow, Changes: a.changes.next,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	return &socketServer{a, server}, nil
}

func (s *socketServer) serve(ctx context.Context) {
	if err := s.server.Serve(ctx); err != nil && ctx.Err() == nil {
		s.agent.faults.set("socket", err)
		s.agent.log.Error("serving the socket", "err", err)
	}
}

// allow refuses callers who are our own children: what terraform runs must never decide about its own run.
//
// Who cannot be told is refused: a process that hides must not decide. Under systemd everything in the service's own
// control group is ours, daemons that left their parents included.
func (a *socketAPI) allow(c peercred.Caller) error {
	if c.UID < 0 || c.PID <= 1 {
		return control.Errorf(control.Refused, "the kernel does not say who is asking")
	}
	if p := a.world.Load().pool; p.User(c.UID) != nil || p != nil && c.User == p.Name() {
		return control.Errorf(control.Refused, "terraform's user %s cannot decide anything", c.User)
	}
	if ownUser(c.UID) {
		return control.Errorf(control.Refused, "the agent's own user cannot decide anything: what terraform runs may be that user too").WithHint("use an account of yours that is in the socket's group, or sudo")
	}
	line, err := c.Lineage()
	if err != nil {
		return control.Errorf(control.Refused, "nobody knows who is asking: %v", err)
	}
	if inside, err := insideRun(line, a.cfg().DataDir); err != nil {
		return control.Errorf(control.Refused, "nobody knows who is asking: %v", err)
	} else if inside {
		return control.Errorf(control.Refused, "what runs inside a plan or an apply cannot decide anything")
	}
	return nil
}

// Status implements control.Reader.
func (d desktop) Status(context.Context) (control.Status, error) {
	g, err := d.glance(d.world.Load())
	if err != nil {
		return control.Status{}, err
	}
	return g.Answer(), nil
}

// glance looks at everything that is shown of this agent.
func (a *viewer) glance(w *world) (g *status.Glance, err error) {
	process := a.process(w)
	err = a.store.View(func(tx *store.Tx) error {
		g, err = status.Read(tx, process)
		return err
	})
	return g, err
}

// process is what a glance shows that is not in the store.
func (a *viewer) process(w *world) *status.Process {
	now := a.now()
	p := &status.Process{Version: a.version, StartedAt: a.started, ID: a.id, Now: now, Names: namesOf(w)}
	if w.cfg.Backup != nil {
		p.Backups = w.cfg.Backup.Schedule
	}
	for _, r := range w.cfg.Repositories {
		p.Repositories = append(p.Repositories, status.Repository{
			Name: r.Name, URL: r.URL, Branch: r.Branch, PolledAt: a.people.lastPoll(r.Name), Previews: r.GitHub.PlanPullRequests,
		})
	}
	for _, s := range w.allStacks() {
		c := lifecycle.WindowClosed(s, now)
		p.Stacks = append(p.Stacks, status.Stack{
			Name: s.Name, Repository: s.Repository, Dir: s.Dir, Workspace: s.Workspace, Engine: s.Engine, DriftChecks: s.Drift != "",
			Closed:    status.Closed{Why: c.Why, Opens: c.Opens, Frozen: lifecycle.FreezeAt(s, now) != nil},
			Approvals: s.Approvals, Counted: func(run *store.Run) int { _, got := lifecycle.Weigh(run, s); return got },
		})
	}
	for _, f := range a.faults.list() {
		since := f.Since
		p.Problems = append(p.Problems, control.Problem{Source: f.Source, Error: a.redact(f.Error), Hint: f.Hint, Since: &since})
	}
	return p
}

// namesOf are the names in the configuration of which Slack is asked for the id, by the setting that keeps it.
func namesOf(w *world) map[string]string {
	names := map[string]string{}
	if w.cfg.Slack == nil {
		return names
	}
	for name := range channelsOf(w) {
		names[channelKey(name)] = name
	}
	entries := w.cfg.Slack.Approvers
	for _, s := range w.allStacks() {
		entries = append(slices.Clip(entries), s.Approvers...)
	}
	for _, entry := range entries {
		names[emailKey(entry)] = entry
	}
	return names
}

// Runs implements control.Reader.
func (d desktop) Runs(_ context.Context, q control.RunsQuery) ([]control.Run, error) {
	return control.RunsIn(d.store, q, stackNames(d.world.Load()))
}

// find turns what a person calls a run into the run.
func (d desktop) find(ref string) (*store.Run, error) {
	var run *store.Run
	err := d.store.View(func(tx *store.Tx) error {
		open, err := tx.OpenRuns()
		if err != nil {
			return err
		}
		id, err := control.ResolveRef(ref, open)
		if err != nil {
			return err
		}
		run, err = tx.Run(id)
		if errors.Is(err, store.ErrNotFound) {
			return control.NoRun(tx, id)
		}
		return err
	})
	return run, err
}

// Run implements control.Reader.
func (d desktop) Run(_ context.Context, ref string) (control.Run, error) {
	run, err := d.find(ref)
	if err != nil {
		return control.Run{}, err
	}
	return control.RunOf(run), nil
}

// PlanText implements control.Reader.
func (d desktop) PlanText(_ context.Context, ref string) (string, error) {
	run, err := d.find(ref)
	if err != nil {
		return "", err
	}
	text, err := d.planText(run.ID)
	if errors.Is(err, store.ErrNotFound) {
		return "", control.Errorf(control.NotFound, "#%d has no plan (%s)", run.ID, run.Status)
	}
	return d.redact(text), err
}

// Log implements control.Reader.
func (d desktop) Log(_ context.Context, ref string) (string, error) {
	run, err := d.find(ref)
	if err != nil {
		return "", err
	}
	if run.Apply == nil {
		return "", control.Errorf(control.NotFound, "#%d was not applied (%s), so there is no log", run.ID, run.Status)
	}
	text, err := readLog(datadir.Run(d.cfg().DataDir, run.ID))
	return d.redact(text), err
}

// Verify implements control.Reader.
func (d desktop) Verify(context.Context) (control.Verification, error) {
	return control.VerificationOf(d.store), nil
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
