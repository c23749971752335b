package status

import (
	"time"

	"sallyport/agent/control"
	"sallyport/notify/people"
	"sallyport/store"
)

// Offline is the status that a data directory tells without an agent.
func Offline(tx *store.Tx) (control.Status, error) {
	g, err := Read(tx, nil)
	if err != nil {
		return control.Status{}, err
	}
	answer := g.Answer()
	names, err := people.Kept(tx)
	if err != nil {
		return control.Status{}, err
	}
	return answer, answer.Name(names)
}

// Answer is the object of `sallyport status --json`: lists in it are empty, never null.
func (g *Glance) Answer() control.Status {
	out := control.Status{
		Agent: control.Agent{
			Version: g.agent.Version, StartedAt: instant(g.agent.StartedAt), ID: g.agent.ID,
			Paused: g.agent.Paused != nil, Pause: control.PauseOf(g.agent.Paused), Backup: g.backups,
		},
		Repositories: make([]control.Repository, 0, len(g.repositories)), Stacks: make([]control.Stack, 0, len(g.stacks)),
		PullRequests: runs(g.previews), Unreviewed: runs(g.unreviewed),
		Problems: append([]control.Problem{}, g.problems...), Names: g.names, Outbox: g.outbox,
		People: map[string]string{},
	}
	if p := g.process; p != nil {
		out.Agent.Running, out.Agent.Version, out.Agent.StartedAt, out.Agent.ID = true, p.Version, instant(p.StartedAt), p.ID
		out.Agent.Web = p.Web
		out.Agent.Socket = p.Socket
	}
	for _, r := range g.repositories {
		shown := control.RepositoryOf(r.RepositoryState)
		shown.Hint = r.hint
		out.Repositories = append(out.Repositories, shown)
	}
	for _, s := range g.stacks {
		shown := control.StackOf(s.StackState, s.run)
		shown.Mode, shown.ApplyClosed, shown.Approvals = s.mode, s.closed.Why, s.approvals
		if shown.Run != nil {
			shown.Run.Approvals = s.approvals
		}
		if s.closed.Why != "" {
			shown.ApplyOpensAt = instant(s.closed.Opens)
		}
		out.Stacks = append(out.Stacks, shown)
	}
	return out
}

func runs(list []*store.Run) []control.Run {
	out := make([]control.Run, 0, len(list))
	for _, r := range list {
		out = append(out, control.RunOf(r))
	}
	return out
}

// instant makes an unset time null in JSON and every other UTC.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
