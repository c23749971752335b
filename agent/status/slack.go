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
	lines = append(lines, g.looks()...)
	for _, r := range g.repositories {
		switch {
		case r.Error != "":
			lines = append(lines, r.Name+": "+notify.Unreadable(r.RepositoryState))
		case r.HeldHead != "":
			lines = append(lines, r.Name+": "+notify.HeldText(r.RepositoryState))
		}
	}
	for _, s := range g.stacks {
		lines = append(lines, s.lines(g.process.Now)...)
	}
	for _, p := range g.problems {
		lines = append(lines, p.Source+": "+p.Error)
	}
	for _, run := range g.open {
		lines = append(lines, waitingLine(run, g.approvalsOf(run.ID), g.process.Now))
	}
	if len(g.open) == 0 {
		waits := "Nothing waits."
		if len(lines) > 0 {
			waits = "No plan waits." // something else does
		}
		lines = append(lines, fmt.Sprintf("%s %s watched.", waits, words.CountOf(len(g.stacks), "stack is", "stacks are")))
	}
	return strings.Join(lines, "\n")
}

// looks say which stacks a person has to look at, why, and what to do next.
func (g *Glance) looks() []string {
	texts := g.needLook()
	if len(texts) == 0 {
		return nil
	}
	lines := []string{notify.NeedLook(texts, maxDaily)}
	for _, s := range g.stacks {
		if s.Look == nil {
			continue
		}
		line := fmt.Sprintf("#%d %s", s.Look.Run, s.Name)
		if s.Look.Cause != "" {
			line += ": " + notify.Cause(s.Look.Cause)
		}
		lines = append(lines, words.Sentence(line)+" Next: "+s.next()+"; if it may stay as it is: resume "+s.Name)
	}
	return lines
}

// needLook are the stacks of which something failed and waits for a person, with how.
func (g *Glance) needLook() []string {
	var texts []string
	for _, s := range g.stacks {
		if s.Look != nil {
			texts = append(texts, notify.LookText(s.Name, s.Look))
		}
	}
	return texts
}

// next is what to do about what needs a look, as it is said to the bot.
func (s stack) next() string {
	switch r, since := s.run, notify.LookSince(s.StackState, s.run); {
	case since != "":
		return fmt.Sprintf("%s; to make sure that it is mended: plan %s", since, s.Name)
	case r != nil && r.ID > s.Look.Run && !r.Status.Terminal() && !s.Look.Began:
		return fmt.Sprintf("#%d is planned anew", r.ID)
	case r != nil && r.ID > s.Look.Run && !r.Status.Terminal():
		return fmt.Sprintf("#%d shows what is left to do", r.ID)
	case s.Look.Hint != "":
		return s.Look.Hint
	}
	return "plan " + s.Name
}

// lines are what is worth a word about a stack.
func (s stack) lines(now time.Time) []string {
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
	if s.Partly > s.Seen && (s.Look == nil || s.Look.Run != s.Partly) {
		say("", notify.PartlyText(s.Partly))
	}
	if len(s.LeftOut) > 0 { // without the addresses, which not everybody may read here
		t := s.LeftOut[0]
		t.Targets = []string{words.CountOf(len(t.Targets), "address", "addresses")}
		say("", notify.LeftOutText(t))
	}
	if d := s.Destroyed; d != nil {
		say("", fmt.Sprintf("destroyed by #%d, %s ago", d.Run, words.Age(now.Sub(d.At))))
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
		line += ": " + held(run)
		if next := notify.ToDo(run.Hint); next != "" {
			line += ". Next: " + next
		}
	} else if run.Status == store.Planned && !run.ExpiresAt.IsZero() {
		line += fmt.Sprintf(", good for %s more", words.Duration(run.ExpiresAt.Sub(now)))
	}
	return strings.TrimSpace(line)
}

// held is why a run that was said to be approved waits.
func held(run *store.Run) string {
	if run.Status != store.Approved {
		return run.Held
	}
	return strings.TrimPrefix(run.Held, "approved; ")
}
