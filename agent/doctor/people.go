package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/notify/slack"
	"sallyport/notify/words"
)

// people are the allow-list, resolved.
type people struct {
	section *section
	// eligible are the ids of those whose approval would count, for each entry of the allow-lists.
	eligible map[string][]string
}

func isGroup(entry string) bool {
	return strings.HasPrefix(entry, "S") && !strings.Contains(entry, "@")
}

// entries are the lines of all allow-lists, each once.
func entries(cfg *config.Config) []string {
	all := slices.Clone(cfg.Slack.Approvers)
	for _, st := range allStacks(cfg) {
		all = append(all, st.Approvers...)
	}
	var once []string
	for _, e := range all {
		if !slices.Contains(once, e) {
			once = append(once, e)
		}
	}
	return once
}

// ask asks Slack who the approvers are.
func (p people) ask(ctx context.Context, client *slack.Client, self slack.Identity, entries []string) {
	for _, entry := range entries {
		if isGroup(entry) {
			p.group(ctx, client, self, entry)
			continue
		}
		find := client.User
		if strings.Contains(entry, "@") {
			find = client.UserByEmail
		}
		u, err := find(ctx, entry)
		if err != nil {
			p.section.fail(entry, hint.Of(err), "%v", err)
			continue
		}
		if why := whyNot(u, self); why != "" {
			p.section.fail(entry, "take the entry out, or name somebody else", "%s (%s) cannot approve: %s", u.Name, u.ID, why)
			continue
		}
		p.section.ok(entry, "%s (%s)", u.Name, u.ID)
		p.eligible[entry] = []string{u.ID}
	}
}

// group resolves a user group. A member who cannot approve is no fault: groups have all kinds of members.
func (p people) group(ctx context.Context, client *slack.Client, self slack.Identity, entry string) {
	ids, err := client.GroupMembers(ctx, entry)
	if err != nil {
		p.section.fail(entry, hint.Of(err), "%v", err)
		return
	}
	var may, mayNot []string
	for _, id := range ids {
		u, err := client.User(ctx, id)
		if err != nil {
			p.section.fail(entry, hint.Of(err), "member %s: %v", id, err)
			return
		}
		if why := whyNot(u, self); why != "" {
			mayNot = append(mayNot, fmt.Sprintf("%s (%s): %s", u.Name, u.ID, why))
			continue
		}
		may = append(may, fmt.Sprintf("%s (%s)", u.Name, u.ID))
		p.eligible[entry] = append(p.eligible[entry], u.ID)
	}
	if len(may) == 0 {
		p.section.fail(entry, "put somebody into the user group, or name another one", "nobody in the user group can approve")
	} else {
		p.section.ok(entry, "user group of %s: %s", words.CountOf(len(may), "person", "people"), strings.Join(may, ", "))
	}
	if len(mayNot) > 0 {
		p.section.warn(entry, "", "in the user group, and cannot approve: %s", strings.Join(mayNot, ", "))
	}
}

// whyNot says why somebody's approval would not count; empty if it would.
func whyNot(u slack.User, self slack.Identity) string {
	if !u.Active() {
		return u.Why()
	}
	if u.TeamID != self.TeamID && (self.EnterpriseID == "" || u.EnterpriseID != self.EnterpriseID) {
		return "the account belongs to another workspace"
	}
	return ""
}

// approvals compares, for each stack, how many people must approve with how many can. eligible is nil without Slack.
func approvals(s *section, cfg *config.Config, eligible map[string][]string) {
	enough := true
	for _, st := range allStacks(cfg) {
		if st.Mode == config.ModeObserve {
			continue
		}
		inSlack := distinct(cfg, st, eligible)
		have := len(inSlack)
		all := have + inShell(cfg, inSlack)
		name, hint := "approvals of "+st.Name, "name more approvers, or lower approvals"
		switch {
		case all < st.Approvals:
			s.fail(name, hint, "it needs %d, from different people, and %d can approve", st.Approvals, all)
		case have < st.Approvals && eligible != nil && len(approversOf(cfg, st)) == 0: // the configuration's own warning
		case have < st.Approvals && eligible != nil:
			s.warn(name, hint, "it needs %d, and %d can approve in Slack: the rest has to come from the command line", st.Approvals, have)
		default:
			continue
		}
		enough = false
	}
	if enough {
		s.ok("approvals", "every stack has enough approvers")
	}
}

// approversOf is the allow-list of a stack.
func approversOf(cfg *config.Config, st *config.Stack) []string {
	if len(st.Approvers) == 0 && cfg.Slack != nil {
		return cfg.Slack.Approvers
	}
	return st.Approvers
}

// distinct are the people in Slack who may approve a stack. Two accounts of one person count once.
func distinct(cfg *config.Config, st *config.Stack, eligible map[string][]string) map[string]bool {
	humans := map[string]bool{}
	for _, entry := range approversOf(cfg, st) {
		for _, id := range eligible[entry] {
			human := id
			for _, p := range cfg.People {
				if p.Slack == id {
					human = "person " + p.Name
				}
			}
			humans[human] = true
		}
	}
	return humans
}

// inShell is how many more people the command line can tell apart: those with a person block. Everybody else there counts as
// somebody who has voted already, and as one person where nobody else can vote.
func inShell(cfg *config.Config, counted map[string]bool) int {
	if !cfg.CLIApprovals {
		return 0
	}
	n := 0
	for _, p := range cfg.People {
		if p.OS != "" && !counted["person "+p.Name] {
			n++
		}
	}
	if n == 0 && len(counted) == 0 {
		n = 1
	}
	return n
}
