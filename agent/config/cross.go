package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/identity"
	"sallyport/agent/config/naming"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// crossCheck looks at what one block alone cannot tell.
func (d *stackDecoder) crossCheck() {
	d.sameState()
	d.dependencies()
	for _, b := range d.blocks {
		d.approvable(b)
		d.withheld(b)
		d.imagesExist(b)
	}
	if len(d.unnamed) > 0 {
		d.l.Warn(d.slackAt, "nobody in Slack can approve %s: neither this block nor theirs names approvers, so that only the command line can", words.List(d.unnamed, 5))
	}
}

// called is how people call a block.
func (b *stackBlock) called() string {
	if b.glob != "" {
		return fmt.Sprintf("stacks %q", b.glob)
	}
	return b.Name
}

// sameState refuses two stacks that would share one state: each would undo the other's work.
func (d *stackDecoder) sameState() {
	first := map[string]*stackBlock{}
	for _, b := range d.blocks {
		if b.glob != "" || b.Dir == "" || b.Engine == EnginePacker {
			continue
		}
		key := b.Repository + "\x00" + StateKey(b.Dir, b.Stack)
		other, dup := first[key]
		if !dup {
			first[key] = b
			continue
		}
		d.l.Fault(b.attrs.Header, "Two stacks, one state",
			"Stack %q at %s has the same repository, dir, workspace and backend_config. One of them needs another workspace or backend_config.",
			other.Name, decode.Place(other.attrs.Header))
	}
}

func backendKey(m map[string]redact.Secret) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+"\x01"+m[k].Reveal())
	}
	return strings.Join(parts, "\x02")
}

// dependencies checks that what stacks depend on is there, in the same repository, and without a cycle.
func (d *stackDecoder) dependencies() {
	byName := map[string]*stackBlock{}
	var stacks []*Stack
	for _, b := range d.blocks {
		if b.glob == "" && b.Engine != EnginePacker {
			byName[b.Name] = b
			stacks = append(stacks, b.Stack)
		}
	}
	for _, b := range d.blocks {
		for i, name := range b.DependsOn {
			d.dependency(b, byName[name], name, i)
		}
	}
	for _, cycle := range Cycles(stacks) {
		b := byName[cycle[0]]
		d.l.Fault(b.attrs.At("depends_on"), "Cycle of dependencies", "Each of these stacks would wait for the next for ever: %s.", strings.Join(append(cycle, cycle[0]), " -> "))
	}
}

func (d *stackDecoder) dependency(b, up *stackBlock, name string, i int) {
	if up != nil {
		if up.Repository != b.Repository && up.Repository != "" && b.Repository != "" {
			d.l.Fault(b.attrs.Element("depends_on", i), "Unknown dependency", "Stack %q is in repository %q; depends_on works within one repository, since it orders the runs of one commit.", name, up.Repository)
		}
		return
	}
	var names []string
	for _, other := range d.blocks {
		if other.Repository != b.Repository || other.Engine == EnginePacker {
			continue
		}
		if other.glob != "" {
			if naming.GlobFault(other.glob) == "" && naming.CouldMake(other.glob, other.Repository, name) {
				return // which directories there are is known only when the repository has been read
			}
			continue
		}
		if other.Name != b.Name {
			names = append(names, other.Name)
		}
	}
	if len(names) == 0 {
		d.l.Fault(b.attrs.Element("depends_on", i), "Unknown dependency", "There is no stack %q in this repository.", name)
		return
	}
	d.l.Fault(b.attrs.Element("depends_on", i), "Unknown dependency", "There is no stack %q in this repository, but %s.", name, decode.OrList(names))
}

// Cycles returns the cycles of depends_on, each once, as names that begin with the first in the alphabet. The agent asks again when
// stacks blocks have become stacks.
func Cycles(stacks []*Stack) [][]string {
	byName := map[string]*Stack{}
	for _, s := range stacks {
		byName[s.Name] = s
	}
	const (
		open = iota + 1
		done
	)
	state := map[string]int{}
	var path []string
	var cycles [][]string
	var visit func(name string)
	visit = func(name string) {
		state[name] = open
		path = append(path, name)
		ups := slices.Sorted(slices.Values(byName[name].DependsOn))
		for _, up := range slices.Compact(ups) {
			switch {
			case byName[up] == nil || state[up] == done:
			case state[up] == open:
				cycles = append(cycles, rotated(path[slices.Index(path, up):]))
			default:
				visit(up)
			}
		}
		path = path[:len(path)-1]
		state[name] = done
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if state[name] == 0 {
			visit(name)
		}
	}
	return cycles
}

// rotated copies a cycle so that it begins with the first name in the alphabet.
func rotated(cycle []string) []string {
	first := slices.Index(cycle, slices.Min(cycle))
	return append(slices.Clone(cycle[first:]), cycle[:first]...)
}

// approvable checks that enough people exist to approve a plan of the stack.
func (d *stackDecoder) approvable(b *stackBlock) {
	if b.Mode == ModeObserve {
		return
	}
	approvers := b.Approvers
	if d.cfg.Slack != nil && len(approvers) == 0 {
		approvers = d.cfg.Slack.Approvers
	}
	if d.cfg.Slack == nil {
		approvers = nil
	}
	if len(approvers) == 0 && d.cfg.Slack != nil && !d.cfg.CLIApprovals {
		d.l.Fault(b.attrs.Header, "Nobody can approve", "Neither the stack nor the slack block names approvers, and cli_approvals is false.")
		return
	}
	if len(approvers) == 0 && d.cfg.Slack != nil {
		d.unnamed = append(d.unnamed, b.called())
	}
	people, bounded := d.people(approvers)
	most, hint := people, ""
	if d.cfg.CLIApprovals {
		most, hint = people+1, " All votes on the command line together are those of one person unless person blocks with os tell who is who."
	}
	switch {
	case !bounded || most == 0:
	case b.Approvals > most:
		d.l.Fault(b.attrs.At("approvals"), "Too many approvals", "approvals = %d, but only %s can approve.%s", b.Approvals, words.CountOf(most, "person", "people"), hint)
	case people > 0 && b.Approvals > people:
		d.l.Warn(b.attrs.At("approvals"), "approvals = %d, and only %s can be told apart: a vote on the command line adds to those of others only if a person block with os tells whose it is", b.Approvals, words.CountOf(people, "person", "people"))
	}
	d.tiedShells(b)
	if !b.AllowSelfApproval && len(d.cfg.People) == 0 {
		d.l.Warn(b.attrs.At("allow_self_approval"), "without person blocks nobody can be told from the author of a commit, so allow_self_approval = false lets nobody approve; add person blocks with github and slack")
	}
}

// people counts the humans who can approve. It is unbounded if a user group is among them, whose members only Slack knows.
func (d *stackDecoder) people(approvers []string) (n int, bounded bool) {
	humans := map[string]bool{}
	bySlack := map[string]string{}
	for _, p := range d.cfg.People {
		if p.Slack != "" {
			bySlack[p.Slack] = p.Name
		}
		if p.OS != "" && d.cfg.CLIApprovals {
			humans["person "+p.Name] = true
		}
	}
	for _, id := range approvers {
		switch name, known := bySlack[id]; {
		case identity.Group.MatchString(id):
			return 0, false
		case known:
			humans["person "+name] = true
		default:
			humans["slack "+id] = true
		}
	}
	return len(humans), true
}

// withheld warns of what previews of a stack do without.
func (d *stackDecoder) withheld(b *stackBlock) {
	r := d.cfg.Repository(b.Repository)
	if r == nil || !r.GitHub.PlanPullRequests || r.GitHub.SecretsToPreviews {
		return
	}
	names := b.Secrets.List()
	if b.AWS != nil && b.AWS.PlanRole() == b.AWS.RoleARN {
		names = append(names, "the role of its applies, since aws names no plan_role_arn")
	}
	if len(names) > 0 {
		d.l.Warn(b.attrs.Header, "plans of pull requests are not given this stack's secrets (%s); secrets_to_previews = true in the github block of %s gives them, and so to whoever opens a pull request",
			strings.Join(names, ", "), r.Name)
	}
}

// tiedShells warns where two people are asked for and a vote from a shell may be one human's second: it counts as one of
// somebody who has voted already unless a person block says whose it is.
func (d *stackDecoder) tiedShells(b *stackBlock) {
	if b.Approvals < 2 || !d.cfg.CLIApprovals {
		return
	}
	tied := false
	for _, p := range d.cfg.People {
		switch {
		case p.OS == "":
		case p.Slack == "" && d.cfg.Slack != nil:
			d.l.Warn(b.attrs.At("approvals"), "person %q has os and no slack: should the same human have an account in Slack too, two approvals can be theirs; add slack, or take os out", p.Name)
			tied = true
		default:
			tied = true
		}
	}
	if !tied {
		d.l.Warn(b.attrs.At("approvals"), "no person block has os, so approvals from shells never add to those of others: nobody knows whose they are; add person blocks with slack and os, or set cli_approvals = false")
	}
}

// StateKey is what makes a stack of a directory another one than the others of that directory: its state.
func StateKey(dir string, s *Stack) string {
	return strings.Join([]string{dir, s.Workspace, backendKey(s.BackendConfig)}, "\x00")
}
