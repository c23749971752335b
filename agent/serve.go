package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/store"
)

// desktop answers the command line. It is a type of its own because an agent has verbs of the same names inside.
type desktop struct{ *Agent }

var (
	_ control.Reader   = desktop{}
	_ control.Operator = desktop{}
)

// socketServer is the agent's end of the unix socket.
type socketServer struct {
	agent  *Agent
	server *control.Server
}

// listen takes the socket before anything runs: somebody else on it means that another agent is at work.
func (a *Agent) listen() (*socketServer, error) {
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
func (a *Agent) allow(c control.Caller) error {
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
	a, w := d.Agent, d.world.Load()
	started := a.started.UTC()
	out := control.Status{
		Agent:        control.Agent{Running: true, Version: a.opts.Version, StartedAt: &started, ID: a.id},
		Repositories: []control.Repository{}, Stacks: []control.Stack{}, PullRequests: []control.Run{}, Unreviewed: []control.Run{}, Problems: []control.Problem{},
		Names: []control.Name{},
	}
	err := a.store.View(func(tx *store.Tx) error {
		agent, err := tx.Agent()
		if err != nil {
			return err
		}
		out.Agent.Paused, out.Agent.Pause = agent.Paused != nil, control.PauseOf(agent.Paused)
		if w.cfg.Backup != nil {
			if out.Agent.Backup, err = control.LoadBackups(tx); err != nil {
				return err
			}
			if out.Agent.Backup == nil {
				out.Agent.Backup = &control.Backups{}
			}
			out.Agent.Backup.Schedule = w.cfg.Backup.Schedule
		}
		glass, err := glassRuns(tx)
		if err != nil {
			return err
		}
		for _, run := range glass {
			out.Unreviewed = append(out.Unreviewed, control.RunOf(run))
		}
		outbox, err := tx.Outbox()
		if err != nil {
			return err
		}
		out.Outbox = len(outbox)
		if out.Names, err = namesOf(tx, w); err != nil {
			return err
		}
		if err := a.repositoriesOf(tx, w, &out); err != nil {
			return err
		}
		var planned []string
		for _, r := range w.cfg.Repositories {
			if r.GitHub.PlanPullRequests {
				planned = append(planned, r.Name)
			}
		}
		if out.PullRequests, err = control.PullRequestsOf(tx, planned); err != nil {
			return err
		}
		return a.stacksOf(tx, w, &out)
	})
	for _, f := range a.faults.list() {
		if strings.HasPrefix(f.Source, "repository ") && !strings.Contains(f.Source, ":") {
			continue // shown with the repository
		}
		since := f.Since
		out.Problems = append(out.Problems, control.Problem{Source: f.Source, Error: a.redact(f.Error), Hint: f.Hint, Since: &since})
	}
	return out, err
}

// namesOf are the names of the configuration that were resolved to ids, with when.
func namesOf(tx *store.Tx, w *world) ([]control.Name, error) {
	names := []control.Name{}
	if w.cfg.Slack == nil {
		return names, nil
	}
	keys := map[string]string{}
	for name := range channelsOf(w) {
		keys[channelKey(name)] = name
	}
	entries := w.cfg.Slack.Approvers
	for _, s := range w.allStacks() {
		entries = append(slices.Clip(entries), s.Approvers...)
	}
	for _, entry := range entries {
		keys[emailKey(entry)] = entry
	}
	for key, name := range keys {
		var kept identity
		found, err := tx.Setting(key, &kept)
		if err != nil {
			return nil, err
		}
		if found {
			names = append(names, control.Name{Name: name, ID: kept.ID, At: kept.At})
		}
	}
	slices.SortFunc(names, func(a, b control.Name) int { return strings.Compare(a.Name, b.Name) })
	return names, nil
}

func (a *Agent) repositoriesOf(tx *store.Tx, w *world, out *control.Status) error {
	hints := map[string]string{}
	for _, f := range a.faults.list() {
		hints[f.Source] = f.Hint
	}
	for _, r := range w.cfg.Repositories {
		s, err := tx.Repository(r.Name)
		if err != nil {
			return err
		}
		if s.URL == "" {
			s.URL, s.Branch = r.URL, r.Branch
		}
		if at := a.people.lastPoll(r.Name); at.After(s.PolledAt) {
			s.PolledAt = at
		}
		shown := control.RepositoryOf(s)
		shown.Hint = hints["repository "+r.Name]
		out.Repositories = append(out.Repositories, shown)
	}
	return nil
}

func (a *Agent) stacksOf(tx *store.Tx, w *world, out *control.Status) error {
	for _, s := range w.allStacks() {
		st, err := tx.Stack(s.Name)
		if err != nil {
			return err
		}
		st.Repository, st.Dir, st.Workspace, st.Engine = s.Repository, s.Dir, s.Workspace, s.Engine
		var run *store.Run
		if st.NewestRun != 0 {
			if run, err = tx.Run(st.NewestRun); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		if s.Drift == "" {
			st.Drift = nil // nobody looks any more: what was found once says nothing
		}
		shown := control.StackOf(st, run)
		if c := shut(s, a.now()); c.why != "" {
			shown.ApplyClosed = c.why
			if opens := c.opens.UTC(); !opens.IsZero() {
				shown.ApplyOpensAt = &opens
			}
		}
		out.Stacks = append(out.Stacks, shown)
	}
	return nil
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
