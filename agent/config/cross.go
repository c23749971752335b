package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/agent/config/circles"
	"sallyport/agent/config/decode"
	"sallyport/agent/config/foreach"
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
		decode.In(d.l, b.scope, func() {
			d.approvable(b)
			d.withheld(b)
			d.imagesExist(b)
		})
	}
	if len(d.unnamed) > 0 {
		d.l.Warn(d.slackAt, "nobody in Slack can approve %s: neither this block nor theirs names approvers, so that only the command line can", words.List(slices.Compact(d.unnamed), 5))
	}
}

// called is how people call a block.
func (b *stackBlock) called() string {
	if b.glob != "" {
		return fmt.Sprintf("stacks %q", b.glob)
	}
	return b.Name
}

// sameState refuses two stacks that would share one state: each would undo the other's work. Those that a glob makes of one directory are
// known as far as no directory decides where their states are; package globs looks again.
func (d *stackDecoder) sameState() {
	first := map[string]*stackBlock{}
	for _, b := range d.blocks {
		if b.Engine == EnginePacker || b.glob == "" && b.Dir == "" {
			continue
		}
		key := b.Repository + "\x00" + StateKey(b.Dir, b.Stack)
		if b.of != nil {
			s, err := b.of.StackFor(anyDir)
			if b.of.Key == "" || err != nil {
				continue
			}
			key = b.of.Block + "\x00" + StateKey("", s)
		}
		other, dup := first[key]
		switch {
		case !dup:
			first[key] = b
		case b.scope.Each != nil && other.attrs.Header == b.attrs.Header:
			d.l.Fault(firstRange(b.scope.Each.At, b.attrs.At(foreach.Name)), "Two stacks, one state",
				"For %q and for %q the block has the same dir, workspace and backend_config. Tell them apart: workspace = each.key, or a backend_config with each.key in it.",
				other.scope.Each.Key, b.scope.Each.Key)
		default:
			d.l.Fault(b.attrs.Header, "Two stacks, one state",
				"Stack %q at %s has the same repository, dir, workspace and backend_config. One of them needs another workspace or backend_config.",
				other.Name, decode.Place(other.attrs.Header))
		}
	}
}

// anyDir stands for whatever directory a glob may match.
const anyDir = "dir"

func backendKey(m map[string]redact.Secret) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+"\x01"+m[k].Reveal())
	}
	return strings.Join(parts, "\x02")
}

// couldMake reports whether the glob of a block could make a stack of this name.
func (b *stackBlock) couldMake(name string) bool {
	if b.attrs.Get("name") != nil {
		return true
	}
	if key := b.of.Key; key != "" {
		short, ends := strings.CutSuffix(name, "-"+key)
		return len(name) == naming.MaxStack || ends && naming.CouldMake(b.glob, b.Repository, short)
	}
	return naming.CouldMake(b.glob, b.Repository, name)
}

// dependencies checks that what stacks depend on is there, in the same repository, and without a cycle.
func (d *stackDecoder) dependencies() {
	var stacks []*Stack
	for _, b := range d.blocks {
		if b.glob == "" && b.Engine != EnginePacker {
			stacks = append(stacks, b.Stack)
		}
	}
	for _, b := range d.blocks {
		decode.In(d.l, b.scope, func() {
			for i, name := range b.DependsOn {
				d.dependency(b, d.stackNamed(name), name, i)
			}
		})
	}
	for _, cycle := range Cycles(stacks) {
		b := d.stackNamed(cycle[0])
		d.l.Fault(b.attrs.At("depends_on"), "Cycle of dependencies", "Each of these stacks would wait for the next for ever: %s.", strings.Join(append(cycle, cycle[0]), " -> "))
	}
}

// stackNamed is the stack of a name that has a block; nil if there is none.
func (d *stackDecoder) stackNamed(name string) *stackBlock {
	for _, b := range d.blocks {
		if b.glob == "" && b.Engine != EnginePacker && b.Name == name {
			return b
		}
	}
	return nil
}

func (d *stackDecoder) dependency(b, up *stackBlock, name string, i int) {
	if up != nil {
		if up.Repository != b.Repository && up.Repository != "" && b.Repository != "" {
			d.l.Fault(b.attrs.Element("depends_on", i), "Unknown dependency", "Stack %q is in repository %q; depends_on works within one repository, since it orders the runs of one commit.", name, up.Repository)
		}
		return
	}
	if d.partial {
		return // it may be one of those that are not made
	}
	var names []string
	for _, other := range d.blocks {
		if other.Repository != b.Repository || other.Engine == EnginePacker {
			continue
		}
		if other.glob != "" {
			if naming.GlobFault(other.glob) == "" && other.couldMake(name) {
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
	after := map[string][]string{}
	for _, s := range stacks {
		after[s.Name] = s.DependsOn
	}
	return circles.Of(after)
}

// approvable checks that enough people exist to approve a plan of the stack.
func (d *stackDecoder) approvable(b *stackBlock) {
	if b.Mode == ModeObserve || b.of != nil && b.attrs.Refers("approvers", "dir") {
		return // who could is known with the directories
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
		d.l.Warn(b.attrs.At("allow_self_approval"), "without person blocks nobody can be told from the author of a commit, so allow_self_approval = false lets nobody approve; add person blocks with github (or gitlab, or gitea) and slack")
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
	if r == nil || !r.Site.PlanPullRequests || r.Site.SecretsToPreviews {
		return
	}
	names := b.Secrets.List()
	if b.AWS != nil && b.AWS.PlanRole() == b.AWS.RoleARN {
		names = append(names, "the role of its applies, since aws names no plan_role_arn")
	}
	if len(names) > 0 {
		d.l.Warn(b.attrs.Header, "plans of %s are not given this stack's secrets (%s); secrets_to_previews = true in the %s block of %s gives them, and so to whoever opens a %s",
			r.Site.Changes(), strings.Join(names, ", "), r.Site.Kind, r.Name, strings.TrimSuffix(r.Site.Changes(), "s"))
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
