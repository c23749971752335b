package notify

import (
	"fmt"
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

// maxChecks is how many failed checks a message tells one by one.
const maxChecks = 5

// CheckLine is a check that does not hold in one line: "check.certificate fails: it expires in 5 days".
func CheckLine(c store.FailedCheck) string {
	text := line(c.Address) + " fails"
	if c.Status == "error" {
		text = line(c.Address) + " could not be looked at"
	}
	var problems []string
	for _, p := range c.Problems {
		problems = append(problems, line(p))
	}
	if len(problems) > 0 {
		text += ": " + strings.Join(problems, "; ")
	}
	return words.Cut(text, 280)
}

// ChecksLines are checks that do not hold, a line each, and one that counts the rest.
func ChecksLines(checks []store.FailedCheck) []string {
	var lines []string
	for i, c := range checks {
		if i == maxChecks {
			lines = append(lines, "and "+words.CountOf(len(checks)-i, "more check fails", "more checks fail"))
			break
		}
		lines = append(lines, CheckLine(c))
	}
	return lines
}

// ChecksCount is how many checks do not hold: "1 check fails"; empty if all do.
func ChecksCount(checks []store.FailedCheck) string {
	if len(checks) == 0 {
		return ""
	}
	return words.CountOf(len(checks), "check fails", "checks fail")
}

// checks are those that do not hold as far as the run knows: after its apply, else while it was planned.
func (c Card) checks() []store.FailedCheck {
	switch {
	case c.Apply != nil && c.Status == store.Applied:
		return c.Apply.Checks
	case c.Plan != nil:
		return c.Plan.Checks
	}
	return nil
}

// checkFacts tell of them on the card.
func (c Card) checkFacts() []string {
	checks := c.checks()
	if len(checks) > 0 && !c.ShowAddresses {
		return []string{fmt.Sprintf("%s: sallyport show %d", ChecksCount(checks), c.Run)}
	}
	return ChecksLines(checks)
}

// deferredFact tells what the plan leaves to another one; empty if that is nothing.
func (c Card) deferredFact() string {
	if c.Plan == nil || len(c.Plan.Deferred) == 0 {
		return ""
	}
	text := words.CountOf(len(c.Plan.Deferred), "change is", "changes are") + " left to another plan"
	if !c.ShowAddresses {
		return text
	}
	var list []string
	for _, d := range c.Plan.Deferred {
		list = append(list, DeferredText(d))
	}
	return text + ": " + words.List(list, 5)
}

// DeferredText is a change that is left to another plan: "create of aws_instance.web (instance_count_unknown)".
func DeferredText(d store.Deferred) string {
	return fmt.Sprintf("%s of %s (%s)", kindOf(store.Change{Actions: d.Actions}).word, line(d.Address), line(d.Reason))
}
