package status

import (
	"fmt"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// Slack is the answer to `status` in a channel: what is wrong, and what waits. Only a running agent is asked there.
func (g *Glance) Slack() string {
	var lines []string
	if paused := g.agent.Paused; paused != nil {
		lines = append(lines, "PAUSED "+notify.Paused(paused))
	}
	for _, r := range g.repositories {
		switch {
		case r.Error != "":
			lines = append(lines, r.Name+": "+notify.Unreadable(r.RepositoryState))
		case r.HeldHead != "":
			lines = append(lines, r.Name+": "+notify.HeldText(r.RepositoryState))
		}
	}
	for _, s := range g.stacks {
		lines = append(lines, s.lines()...)
	}
	for _, p := range g.problems {
		lines = append(lines, p.Source+": "+p.Error)
	}
	for _, run := range g.open {
		lines = append(lines, waitingLine(run, g.approvalsOf(run.ID), g.process.Now))
	}
	if len(g.open) == 0 {
		are := "are"
		if len(g.stacks) == 1 {
			are = "is"
		}
		lines = append(lines, fmt.Sprintf("Nothing waits. %s %s watched.", words.Count(len(g.stacks), "stack"), are))
	}
	return strings.Join(lines, "\n")
}

// lines are what is worth a word about a stack.
func (s stack) lines() []string {
	var lines []string
	say := func(words, text string) { lines = append(lines, s.Name+": "+words+text) }
	if s.Paused != nil {
		say("PAUSED ", notify.Paused(s.Paused))
	}
	if s.Error != "" {
		say("", notify.Cause(s.Error))
	}
	if d := s.Drift; d != nil && d.Error != "" {
		say("its drift checks fail: ", notify.Cause(d.Error))
	}
	if s.Partly != 0 {
		say("", notify.PartlyText(s.Partly))
	}
	if r := s.run; r != nil && (r.Status == store.Errored || r.Status == store.Interrupted) {
		lines = append(lines, fmt.Sprintf("#%d %s is %s: %s", r.ID, s.Name, r.Status, notify.Cause(r.Error)))
	}
	if s.closed.Frozen {
		say("", s.closed.Why)
	}
	return lines
}

// approvalsOf are how many approvals a run has and needs; nil unless it waits for some.
func (g *Glance) approvalsOf(run int) *control.Approvals {
	for _, s := range g.stacks {
		if s.run != nil && s.run.ID == run {
			return s.approvals
		}
	}
	return nil
}

// waitingLine says in one line what a run waits for.
func waitingLine(run *store.Run, a *control.Approvals, now time.Time) string {
	line := fmt.Sprintf("#%d %s is %s", run.ID, notify.StackName(run.Stack), run.Status)
	if a.Worth() {
		line += ", " + a.String()
	}
	if run.Held != "" {
		line += ": " + run.Held
	} else if run.Status == store.Planned && !run.ExpiresAt.IsZero() {
		line += fmt.Sprintf(", good for %s more", notify.Duration(run.ExpiresAt.Sub(now)))
	}
	return strings.TrimSpace(line)
}
