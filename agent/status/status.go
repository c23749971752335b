// Package status puts together what is shown of an agent and its stacks at a glance.
//
// # Four who show it
//
// The answer to `sallyport status` over the socket, the one that the command line reads from the data directory when no agent
// answers, the answer to `status` in Slack, and the daily line: all of them are made of one [Glance], so that none of them
// leaves out, or says otherwise, what another one shows.
//
// # How
//
// [Read] looks at the store in one transaction. What the store does not hold (what is configured, what fails right now, whether a
// window is open) comes in a [Process], which only a running agent can fill; without one the glance is what the data directory
// says. From there on nothing is read any more: [Glance.Answer] is the JSON of the socket, [Glance.Slack] and [Glance.Daily] are
// texts.
package status

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/store"
)

// Process is what a running agent knows and its store does not.
type Process struct {
	Version   string
	StartedAt time.Time
	ID        string
	Now       time.Time
	// Backups is the schedule of the backups that leave the machine; empty if none is configured.
	Backups string
	Web     string               // the socket at which pages are shown; empty: none are
	Socket  *control.SlackSocket // to Slack; nil: none is to be open
	// Names are the names in the configuration of which Slack is asked for the id, by the setting that keeps that.
	Names        map[string]string
	Repositories []Repository // in the order of the configuration
	Stacks       []Stack      // in the order in which they are shown
	// Problems are what fails now, by source. Secrets are taken out of them.
	Problems []control.Problem
}

// Repository is a repository as it is configured.
type Repository struct {
	Name, URL, Branch string
	PolledAt          time.Time // the last poll since the agent's start that got an answer; zero if there was none
	Previews          bool      // its pull requests are planned
}

// Stack is a stack as it is configured.
type Stack struct {
	Name, Repository, Dir, Workspace, Engine string
	Mode                                     string // as in control.Stack
	DriftChecks                              bool
	Closed                                   Closed
	Approvals                                int // that a plan needs, of different people
	// Counted is how many approvals of a run count. Who is the same person is a rule, which is not for here.
	Counted func(*store.Run) int
	// WaitsFor are those who can give the next one, as accounts.
	WaitsFor func(*store.Run) []string
}

// Closed says why a stack's plans are not applied now; nothing if they are.
type Closed struct {
	Why    string
	Opens  time.Time // zero: nobody can say
	Frozen bool      // by a freeze, not only outside a window
}

// Glance is an agent and all that it watches at one moment.
type Glance struct {
	process      *Process // nil: no agent runs
	agent        *store.AgentState
	backups      *control.Backups
	repositories []repository
	stacks       []stack
	open         []*store.Run // oldest first, previews too
	previews     []*store.Run
	unreviewed   []*store.Run // oldest first
	outbox       int
	names        []control.Name
	problems     []control.Problem
}

type repository struct {
	*store.RepositoryState
	hint string
}

type stack struct {
	*store.StackState
	run    *store.Run // nil: it has none that is kept
	mode   string
	closed Closed

	approvals *control.Approvals // nil unless its run waits for some
}

// Read looks at everything once. p is nil where no agent runs.
func Read(tx *store.Tx, p *Process) (*Glance, error) {
	g := &Glance{process: p}
	var err error
	if g.agent, err = tx.Agent(); err != nil {
		return nil, err
	}
	if g.open, err = tx.OpenRuns(); err != nil {
		return nil, err
	}
	if g.unreviewed, err = unreviewed(tx); err != nil {
		return nil, err
	}
	for _, read := range []func(*store.Tx) error{g.readBackups, g.readOutbox, g.readNames, g.readRepositories, g.readPreviews, g.readStacks} {
		if err := read(tx); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *Glance) readBackups(tx *store.Tx) error {
	if g.process != nil && g.process.Backups == "" {
		return nil // what was once sent says nothing any more
	}
	var err error
	if g.backups, err = control.LoadBackups(tx); err != nil || g.process == nil {
		return err
	}
	if g.backups == nil {
		g.backups = &control.Backups{}
	}
	g.backups.Schedule = g.process.Backups
	return nil
}

func (g *Glance) readOutbox(tx *store.Tx) error {
	outbox, err := tx.Outbox()
	g.outbox = len(outbox)
	return err
}

// readNames looks up what Slack's names in the configuration were resolved to, and when.
func (g *Glance) readNames(tx *store.Tx) error {
	g.names = []control.Name{}
	if g.process == nil {
		return nil
	}
	for setting, name := range g.process.Names {
		kept, found, err := store.Key[control.Name](setting).Get(tx) // id and time, as they were kept
		if err != nil {
			return err
		}
		if found {
			kept.Name = name
			g.names = append(g.names, kept)
		}
	}
	slices.SortFunc(g.names, func(a, b control.Name) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (g *Glance) readRepositories(tx *store.Tx) error {
	if g.process == nil {
		all, err := tx.Repositories()
		for _, r := range all {
			g.repositories = append(g.repositories, repository{RepositoryState: r})
		}
		return err
	}
	hints := map[string]string{}
	for _, p := range g.process.Problems {
		hints[p.Source] = p.Hint
		if !ofRepository(p) {
			g.problems = append(g.problems, p)
		}
	}
	for _, c := range g.process.Repositories {
		r, err := tx.Repository(c.Name)
		if err != nil {
			return err
		}
		switch {
		case r.URL != "" && (r.URL != c.URL || r.Branch != c.Branch):
			r.PolledAt = time.Time{} // it names another place since, which has not answered yet
		case c.PolledAt.After(r.PolledAt):
			r.PolledAt = c.PolledAt
		}
		r.URL, r.Branch = c.URL, c.Branch
		g.repositories = append(g.repositories, repository{r, hints[repositorySource+c.Name]})
	}
	return nil
}

// repositorySource begins the source of a problem of a repository; what is behind a colon after the name fails beside the
// polling of it.
const repositorySource = "repository "

// ofRepository reports whether a problem is shown with its repository, whose record has the same error.
func ofRepository(p control.Problem) bool {
	return strings.HasPrefix(p.Source, repositorySource) && !strings.Contains(p.Source, ":")
}

// readPreviews finds the previews of open pull requests, each at the head that was looked at last.
func (g *Glance) readPreviews(tx *store.Tx) error {
	for _, name := range g.previewed() {
		pulls, err := tx.PullRequests(name)
		if err != nil {
			return err
		}
		for _, p := range pulls {
			for _, stack := range slices.Sorted(maps.Keys(p.Runs)) {
				run, err := kept(tx, p.Runs[stack])
				if err != nil {
					return err
				}
				if run != nil {
					g.previews = append(g.previews, run)
				}
			}
		}
	}
	return nil
}

// previewed are the repositories whose pull requests are planned; all of them where nobody knows the configuration.
func (g *Glance) previewed() []string {
	var names []string
	if g.process == nil {
		for _, r := range g.repositories {
			names = append(names, r.Name)
		}
		return names
	}
	for _, r := range g.process.Repositories {
		if r.Previews {
			names = append(names, r.Name)
		}
	}
	return names
}

func (g *Glance) readStacks(tx *store.Tx) error {
	var all []stack
	if g.process == nil {
		states, err := tx.Stacks()
		if err != nil {
			return err
		}
		for _, st := range states {
			all = append(all, stack{StackState: st})
		}
	} else {
		for _, c := range g.process.Stacks {
			st, err := tx.Stack(c.Name)
			if err != nil {
				return err
			}
			st.Repository, st.Dir, st.Workspace, st.Engine = c.Repository, c.Dir, c.Workspace, c.Engine
			if !c.DriftChecks {
				st.Drift = nil // nobody looks any more: what was found once says nothing
			}
			all = append(all, stack{StackState: st, closed: c.Closed, mode: c.Mode})
		}
	}
	open := make(map[int]*store.Run, len(g.open))
	for _, r := range g.open {
		open[r.ID] = r
	}
	for i := range all {
		newest := all[i].OpenRun // one that has not ended comes before all others
		if newest == 0 {
			newest = all[i].NewestRun
		}
		var err error
		if all[i].run = open[newest]; all[i].run == nil { // one that is read already is not read again: with its plan it can be large
			if all[i].run, err = kept(tx, newest); err != nil {
				return err
			}
		}
		if r := all[i].run; g.process != nil && r != nil && r.Status == store.Planned {
			c := g.process.Stacks[i]
			all[i].approvals = &control.Approvals{Counted: c.Counted(r), Needed: max(1, c.Approvals), WaitsFor: c.WaitsFor(r)}
		}
	}
	g.stacks = all
	return nil
}

// kept is a run; nil for none, and for one that is no longer kept.
func kept(tx *store.Tx, id int) (*store.Run, error) {
	if id == 0 {
		return nil, nil
	}
	run, err := tx.Run(id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return run, err
}

// UnreviewedSetting keeps the numbers of the runs that one person approved alone and nobody else has reviewed.
const UnreviewedSetting store.Key[[]int] = "breakglass"

func unreviewed(tx *store.Tx) ([]*store.Run, error) {
	ids, _, err := UnreviewedSetting.Get(tx)
	if err != nil {
		return nil, err
	}
	var out []*store.Run
	for _, id := range ids {
		run, err := kept(tx, id)
		if err != nil {
			return nil, err
		}
		if run != nil {
			out = append(out, run)
		}
	}
	return out, nil
}
