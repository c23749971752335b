package status

import (
	"fmt"
	"strings"
	"time"

	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// maxDaily bounds each part of the daily line; `status` shows everything.
const maxDaily = 10

// Daily is what waits, what drifted and what is behind; empty on a quiet day. Only a running agent says it.
func (g *Glance) Daily() string {
	now := g.process.Now
	var waits, late, marked, behind, drifted, paused []string
	if g.agent.Paused != nil {
		paused = append(paused, "the agent "+notify.Paused(g.agent.Paused))
	}
	for _, run := range g.open {
		switch {
		case run.Status == store.Approved && run.Held != "":
			late = append(late, fmt.Sprintf("#%d %s (%s)", run.ID, run.Stack, held(run)))
		case run.Status == store.Planned || run.Status == store.Approved:
			waits = append(waits, fmt.Sprintf("#%d %s (%s for %s)", run.ID, run.Stack, run.Status, words.Age(now.Sub(run.PlannedAt))))
		}
	}
	for _, s := range g.stacks {
		if s.Behind != 0 {
			behind = append(behind, behindText(s.StackState, now))
		}
		if d := s.Drift; d.Found() {
			drifted = append(drifted, fmt.Sprintf("%s since %s (%s)", s.Name, words.Instant(d.Since), notify.Drifted(d)))
		}
		if s.Paused != nil {
			paused = append(paused, s.Name+" "+notify.Paused(s.Paused))
		}
	}
	for _, run := range g.unreviewed {
		marked = append(marked, fmt.Sprintf("#%d %s by %s", run.ID, run.Stack, run.BreakGlass.By))
	}
	lines := g.looks()
	for _, part := range []struct {
		what string
		list []string
	}{{"Waiting for people", waits}, {"Approved, not applied yet", late}, {"Break glass, not reviewed", marked}, {"Behind the branch", behind}, {"Drifted", drifted}, {"Paused", paused}} {
		if len(part.list) > 0 {
			lines = append(lines, fmt.Sprintf("%s: %s.", part.what, words.List(part.list, maxDaily)))
		}
	}
	return strings.Join(lines, "\n")
}

// behindText says how far and since when a stack is behind.
func behindText(st *store.StackState, now time.Time) string {
	text := st.Name + " by " + words.Count(st.Behind, "commit")
	if st.Behind < 0 {
		text = st.Name + " by nobody knows how many commits"
	}
	if st.BehindSince.IsZero() {
		return text
	}
	return fmt.Sprintf("%s since %s (%s)", text, words.Instant(st.BehindSince), words.Age(now.Sub(st.BehindSince)))
}
