package view

import (
	"slices"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/lifecycle/votes"
	"sallyport/agent/lifecycle/window"
	"sallyport/agent/status"
	"sallyport/store"
)

// Glance looks at everything that is shown of this agent.
func (v *Viewer) Glance(conf *active.Config) (g *status.Glance, err error) {
	process := v.Process(conf)
	err = v.store.View(func(tx *store.Tx) error {
		g, err = status.Read(tx, process)
		return err
	})
	return g, err
}

// Process is what a glance shows that is not in the store.
func (v *Viewer) Process(conf *active.Config) *status.Process {
	now := v.now()
	p := &status.Process{Version: v.version, StartedAt: v.started, ID: v.id, Now: now, Names: namesOf(conf)}
	if v.socket != nil {
		if p.Socket = v.socket(); p.Socket != nil {
			p.Socket.Error = v.health.Redact(p.Socket.Error)
		}
	}
	if conf.Cfg.Backup != nil {
		p.Backups = conf.Cfg.Backup.Schedule
	}
	if conf.Cfg.Web != nil {
		p.Web = conf.Cfg.Web.Socket
	}
	for _, r := range conf.Cfg.Repositories {
		p.Repositories = append(p.Repositories, status.Repository{
			Name: r.Name, URL: r.URL, Branch: r.Branch, PolledAt: v.polls.LastPoll(r.Name), Previews: r.Site.PlanPullRequests,
		})
	}
	for _, s := range conf.AllStacks() {
		c := window.At(s, now)
		p.Stacks = append(p.Stacks, status.Stack{
			Name: s.Name, Repository: s.Repository, Dir: s.Dir, Workspace: s.Workspace, Engine: s.Engine, Mode: modeOf(s), DriftChecks: s.Drift != "",
			Closed:    status.Closed{Why: c.Why, Opens: c.Opens, Frozen: window.FreezeAt(s, now) != nil},
			Approvals: s.Approvals, Counted: func(run *store.Run) int { _, got := votes.Weigh(run, s); return got },
			WaitsFor: func(run *store.Run) []string { return conf.WaitsFor(run, s) },
		})
	}
	for _, f := range v.faults.List() {
		since := f.Since
		p.Problems = append(p.Problems, control.Problem{Source: f.Source, Error: v.health.Redact(f.Error), Hint: f.Hint, Since: &since})
	}
	return p
}

// modeOf is the mode of a stack as it is shown.
func modeOf(s *config.Stack) string {
	if s.Mode == config.ModeObserve {
		return control.ModeObserve
	}
	return control.ModeNormal
}

// namesOf are the names in the configuration of which Slack is asked for the id, by the setting that keeps it.
func namesOf(conf *active.Config) map[string]string {
	names := map[string]string{}
	if conf.Cfg.Slack == nil {
		return names
	}
	for name := range active.ChannelsOf(conf) {
		names[string(active.ChannelKey(name))] = name
	}
	entries := conf.Cfg.Slack.Approvers
	for _, s := range conf.AllStacks() {
		entries = append(slices.Clip(entries), s.Approvers...)
	}
	for _, entry := range entries {
		names[string(active.EmailKey(entry))] = entry
	}
	return names
}
