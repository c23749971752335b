package votes

import (
	"slices"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/store"
)

// MayBreakGlass refuses whoever is not named, and a reason that is none.
func MayBreakGlass(s *config.Stack, v Vote) error {
	switch {
	case !strings.HasPrefix(v.By, "cli:"):
		return hint.Refuse("on the host: sallyport approve RUN --break-glass --reason TEXT", "the glass is broken on the command line only")
	case !namedForGlass(s, v.By):
		next := "add the person's login on this machine to break_glass"
		if account, _ := store.Account(v.By); account == "cli:root" {
			next = "without sudo you are yourself; or name root in break_glass"
		}
		return hint.Refuse(next, "%s is not named in break_glass of stack %s", v.By, s.Name)
	case strings.TrimSpace(v.Reason) == "":
		return hint.Refuse("--reason TEXT", "who breaks the glass says why")
	}
	return nil
}

// namedForGlass reports whether somebody on the command line is one of the stack's break_glass.
func namedForGlass(s *config.Stack, by string) bool {
	by, _ = store.Account(by)
	name, cli := strings.CutPrefix(by, "cli:")
	return cli && slices.Contains(s.BreakGlass, name)
}

// GlassBroken reports whether a vote that counts stands for all approvals. The name is looked up again: who was taken out of
// the configuration since has approved like anybody else.
func GlassBroken(s *config.Stack, d store.Decision) bool {
	return d.BreakGlass && d.Verdict == store.Approve && namedForGlass(s, d.By)
}

// Unreviewed reports whether a run waits for a review.
func Unreviewed(run *store.Run) bool { return run.BreakGlass != nil && run.BreakGlass.ReviewedBy == "" }

// MayReview refuses the review of somebody who may be the one who broke the glass.
func MayReview(people []config.Person, run *store.Run, by string) error {
	g := run.BreakGlass
	switch {
	case g == nil:
		return hint.Refuse("", "nobody broke the glass of #%d", run.ID)
	case g.ReviewedBy != "":
		return hint.Refuse("", "#%d was reviewed by %s already", run.ID, g.ReviewedBy)
	case by == g.By || SamePerson(PersonOf(people, by), g.Person):
		return hint.Refuse("in Slack, or with person blocks that tell people on this machine apart", "somebody else than %s has to review #%d", g.By, run.ID)
	}
	return nil
}
