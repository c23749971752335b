package control

import (
	"slices"
	"strings"

	"sallyport/notify/people"
	"sallyport/store"
)

// Around is what belongs to a run and is not the run itself: how it came to be what it is, and the other stacks of its commit.
type Around struct {
	Label string `json:"label"` // of its stack, which stands first in every message; empty where no agent tells
	// Ordered: which stack comes after which is known, which only the configuration says; without an agent nobody knows it.
	Ordered bool        `json:"ordered"`
	Stacks  []Neighbour `json:"stacks"` // of the same commit, this one among them, by name; only this one if the commit touches no other
	More    int         `json:"more"`   // stacks of the commit that are left out
	// Events are the run's own part of the history, oldest first, at most the newest [MaxEvents] of them.
	Events []AuditEntry      `json:"events"`
	People map[string]string `json:"people"` // what the accounts in it are called, where anybody knows
}

// Neighbour is a stack that a commit touches, with its newest run at that commit.
type Neighbour struct {
	Stack  string       `json:"stack"`
	Label  string       `json:"label"`
	Run    int          `json:"run"`
	Status store.Status `json:"status"`
	// After are those of the same list that come before it, directly or by way of stacks that are not in the list.
	After []string `json:"after"`
}

// Configured is what the configuration says of a stack.
type Configured struct {
	Label     string
	DependsOn []string
}

const (
	// MaxEvents is how many entries of a run's history are told.
	MaxEvents = 500
	// maxNeighbours is how many stacks of a commit are told.
	maxNeighbours = 100
	// nearRuns is how far in numbers other runs of a commit are looked for, both ways. They are made together, or, after the apply of
	// another one, soon; no index finds them, and ten thousand runs are too many to read for one page.
	nearRuns = 200
)

// AroundOf looks around a run. configured says what the configuration has of a stack, nil for one that it does not have; it is nil itself
// where no agent tells.
func AroundOf(tx *store.Tx, run *store.Run, configured func(stack string) *Configured) (Around, error) {
	out := Around{Ordered: configured != nil, Stacks: []Neighbour{}, Events: []AuditEntry{}, People: map[string]string{}}
	if configured == nil {
		configured = func(string) *Configured { return nil }
	}
	if c := configured(run.Stack); c != nil {
		out.Label = c.Label
	}
	events, err := tx.Events(store.EventFilter{Run: run.ID, Limit: MaxEvents})
	if err != nil {
		return out, err
	}
	for i := range events {
		out.Events = append(out.Events, auditEntryOf(&events[i], run))
	}
	newest, err := atCommit(tx, run)
	if err != nil {
		return out, err
	}
	for name, r := range newest {
		n := Neighbour{Stack: name, Run: r.ID, Status: r.Status, After: []string{}}
		if c := configured(name); c != nil {
			n.Label, n.After = c.Label, before(name, newest, configured)
		}
		out.Stacks = append(out.Stacks, n)
	}
	slices.SortFunc(out.Stacks, func(a, b Neighbour) int { return strings.Compare(a.Stack, b.Stack) })
	out.cut(run.Stack)
	return out, nil
}

// cut leaves out what is too much to draw, and never the run's own stack.
func (a *Around) cut(own string) {
	if a.More = len(a.Stacks) - maxNeighbours; a.More <= 0 {
		a.More = 0
		return
	}
	i := slices.IndexFunc(a.Stacks, func(n Neighbour) bool { return n.Stack == own })
	if i >= maxNeighbours {
		a.Stacks[maxNeighbours-1] = a.Stacks[i]
	}
	a.Stacks = a.Stacks[:maxNeighbours]
	left := map[string]bool{}
	for _, n := range a.Stacks {
		left[n.Stack] = true
	}
	for i := range a.Stacks {
		a.Stacks[i].After = slices.DeleteFunc(a.Stacks[i].After, func(name string) bool { return !left[name] })
	}
}

// atCommit are the runs of a run's commit, by stack: the newest of each, but of its own stack the run itself. Those of a pull request are
// the ones of that pull request.
func atCommit(tx *store.Tx, run *store.Run) (map[string]*store.Run, error) {
	newest := map[string]*store.Run{run.Stack: run}
	if run.Commit == "" {
		return newest, nil
	}
	near, err := tx.Runs(store.RunFilter{Before: run.ID + nearRuns + 1, Limit: 2*nearRuns + 1})
	for _, r := range near { // newest first
		same := r.Repository == run.Repository && r.Commit == run.Commit && r.PullRequest == run.PullRequest
		if same && r.ID >= run.ID-nearRuns && newest[r.Stack] == nil {
			newest[r.Stack] = r
		}
	}
	return newest, err
}

// before are the stacks of a set after which one of them comes.
func before(name string, in map[string]*store.Run, configured func(string) *Configured) []string {
	out, seen := []string{}, map[string]bool{name: true}
	for next := slices.Clone(configured(name).DependsOn); len(next) > 0; next = next[1:] {
		up := next[0]
		if seen[up] {
			continue
		}
		seen[up] = true
		if in[up] != nil {
			out = append(out, up)
		} else if c := configured(up); c != nil {
			next = append(next, c.DependsOn...)
		}
	}
	slices.Sort(out)
	return out
}

// Name adds what the people are called of whom it speaks.
func (a *Around) Name(names people.Names) (err error) {
	a.People, err = names.In(a.Events)
	return err
}

// Called is the same for people: with names in the place of accounts.
func (a Around) Called() Around { return called(a, a.People) }
