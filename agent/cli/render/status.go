package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/notify"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// Status is the status for somebody who was woken up: what is broken, then what waits for a person and the very line
// to type, then everything else.
func (w Width) Status(s control.Status, now time.Time) string {
	var b strings.Builder
	b.WriteString(agentText(s.Agent, s.Outbox, now))
	b.WriteString(looksText(s.Stacks, now))
	b.WriteString(problemsText(s, now))
	b.WriteString(pausesText(s.Stacks, now))
	b.WriteString(glassText(s.Unreviewed, now))
	b.WriteString(openText(s, now))
	b.WriteString(pinsText(s.Stacks, now))
	told := w.Folded(local(b.String(), now))
	b.Reset()
	if len(s.Repositories) > 0 {
		b.WriteString("\n" + paint(bold, "repositories") + "\n" + w.repositoriesTable(s.Repositories, now))
	}
	if len(s.Stacks) > 0 {
		b.WriteString("\n" + paint(bold, "stacks") + "\n" + w.stacksTable(s.Stacks, now))
	}
	return told + local(b.String(), now) + w.Folded(namesText(s.Names, now))
}

// namesText says what names in the configuration were resolved to, and how long ago: an old id may be of a channel
// that was made anew since.
func namesText(names []control.Name, now time.Time) string {
	if len(names) == 0 {
		return ""
	}
	var parts []string
	for _, n := range names {
		parts = append(parts, redact.CleanLine(fmt.Sprintf("%s is %s (asked %s)", n.Name, n.ID, ago(&n.At, now))))
	}
	return "\nin slack " + strings.Join(parts, ", ") + "\n"
}

// pauseText is " by cli:jane 2 hours ago: the reason".
func pauseText(p *control.Pause, now time.Time) string {
	text := " by " + store.By(p.By, p.Login) + " " + ago(&p.At, now)
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

// pausesText lists the stacks that people hold: who, since when and why.
func pausesText(stacks []control.Stack, now time.Time) string {
	text := ""
	for _, s := range stacks {
		if s.Pause != nil {
			text += "  " + redact.CleanLine(s.Name+pauseText(s.Pause, now)) + "\n    sallyport resume " + redact.CleanLine(s.Name) + "\n"
		}
	}
	if text == "" {
		return ""
	}
	return "\n" + paint(yellowBold, "paused") + "\n" + text
}

// glassText lists what was approved by one person alone and nobody else has reviewed.
func glassText(runs []control.Run, now time.Time) string {
	text := ""
	for _, r := range runs {
		if g := r.BreakGlass; g != nil {
			text += "  " + paint(bold, RunName(r)) + redact.CleanLine(fmt.Sprintf(" %s, %s: by %s %s: %s", r.Stack, r.Status, g.By, ago(g.At, now), g.Reason)) +
				"\n    sallyport review " + strconv.Itoa(r.ID) + "\n"
		}
	}
	if text == "" {
		return ""
	}
	return "\n" + paint(redBold, "break glass, not reviewed") + "\n" + text
}

// maxLooks is how many stacks the line about them names; each is told of below it.
const maxLooks = 5

// looksText lists the stacks of which something failed and waits for a person, why, and what to type.
func looksText(stacks []control.Stack, now time.Time) string {
	var texts []string
	details := ""
	for _, s := range stacks {
		l := s.Look
		if l == nil {
			continue
		}
		texts = append(texts, l.Text)
		ended := ""
		if l.At != nil {
			ended = ", ended " + ago(l.At, now)
		}
		details += "  " + paint(bold, "#"+strconv.Itoa(l.Run)) + redact.CleanLine(" "+s.Name+ended) + "\n"
		if l.Cause != "" {
			details += "      " + paint(red, redact.CleanLine(l.Cause)) + "\n"
		}
		if s.Partly != nil && s.Partly.Run == l.Run {
			details += "      what it had begun may be half-made\n"
		}
		details += "      next: " + redact.CleanLine(l.Hint) + "\n      if it may stay as it is: sallyport resume " + redact.CleanLine(s.Name) + "\n"
	}
	if len(texts) == 0 {
		return ""
	}
	return "\n" + paint(redBold, redact.CleanLine(notify.NeedLook(texts, maxLooks))) + "\n" + details
}

// problemsText lists what does not work: of the agent, of repositories, of stacks.
func problemsText(s control.Status, now time.Time) string {
	var b strings.Builder
	problems := problemsOf(s)
	if len(problems) == 0 {
		return ""
	}
	b.WriteString("\n" + paint(redBold, "problems") + "\n")
	for _, p := range problems {
		since := ""
		if p.Since != nil {
			since = " (" + lasts(p.Since, now) + ")"
		}
		lines := problemLines(p.Error)
		b.WriteString("  " + redact.CleanLine(p.Source) + ": " + paint(red, lines[0]) + since + "\n")
		for _, line := range lines[1:] {
			b.WriteString("    " + paint(red, line) + "\n")
		}
		if p.Hint != "" {
			b.WriteString("    hint: " + redact.CleanLine(p.Hint) + "\n")
		}
	}
	return b.String()
}

// problemsOf are what does not work.
func problemsOf(s control.Status) []control.Problem {
	problems := append([]control.Problem(nil), s.Problems...)
	for _, r := range s.Repositories {
		if r.Error != "" {
			problems = append(problems, control.Problem{Source: "repository " + r.Name, Error: r.Error, Hint: r.Hint, Since: r.ErrorAt})
		}
	}
	for _, st := range s.Stacks {
		if st.Error != "" {
			problems = append(problems, control.Problem{Source: "stack " + st.Name, Error: st.Error})
		}
		if l := st.LeftLock; l != nil {
			problems = append(problems, control.Problem{Source: "stack " + st.Name, Error: l.Text, Hint: l.Hint, Since: l.FoundAt})
		}
		if r := st.Run; r != nil && st.Look == nil && r.ID > st.Seen && r.Error != "" && (r.Status == store.Errored || r.Status == store.Interrupted) {
			problems = append(problems, control.Problem{Source: fmt.Sprintf("stack %s, %s %s", st.Name, RunName(*r), r.Status), Error: words.FirstLine(r.Error, len(r.Error)), Hint: r.Hint, Since: r.EndedAt})
		}
		for _, c := range st.Checks {
			problems = append(problems, control.Problem{Source: "stack " + st.Name, Error: notify.CheckLine(store.FailedCheck(c))})
		}
		if p := st.Partly; p != nil && p.Run > st.Seen && (st.Look == nil || st.Look.Run != p.Run) {
			problems = append(problems, control.Problem{Source: "stack " + st.Name, Error: p.Text, Hint: p.Hint})
		}
		problems = append(problems, leftOut(st)...)
		if d := st.Drift; d != nil && d.Error != "" {
			problems = append(problems, control.Problem{Source: "stack " + st.Name + ", drift checks", Error: words.FirstLine(d.Error, len(d.Error)), Hint: d.Hint, Since: d.ErrorAt})
		}
		if st.LeftState != "" {
			problems = append(problems, control.Problem{Source: "stack " + st.Name, Error: "an apply could not save its state, which lies in " + st.LeftState,
				Hint: "when the backend is back: sallyport state push " + st.Name})
		}
	}
	return problems
}

// maxProblemLines is how many lines of one problem are shown: one that says of how many things it is, three of them, and how many
// more there are.
const maxProblemLines = 5

// problemLines are the lines of an error, which may be about several things, at least one. They are bounded: a problem must not bury
// those after it.
func problemLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(redact.CleanLine(line)); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return []string{""}
	}
	if more := len(lines) - (maxProblemLines - 1); more > 1 {
		lines = append(lines[:maxProblemLines-1], "and "+words.CountOf(more, "line", "lines")+" more, which sallyport status --json has")
	}
	return lines
}

// openText lists the runs that have not ended, those that wait for a person first.
func openText(s control.Status, now time.Time) string {
	var waiting, moving []string
	for _, st := range s.Stacks {
		switch {
		case st.Run == nil || st.Run.Status.Terminal():
		case st.Run.Status == store.Planned:
			waiting = append(waiting, waitingText(*st.Run, st.Approvals, now))
		default:
			moving = append(moving, movingText(*st.Run, now))
		}
	}
	for _, r := range s.PullRequests {
		if !r.Status.Terminal() {
			moving = append(moving, movingText(r, now))
		}
	}
	text := "\nnothing waits for a person\n"
	if broken(s) {
		text = "\nno plan waits for an approval\n"
	}
	if len(waiting) > 0 {
		text = "\n" + paint(yellowBold, "waiting for a person")
		if !s.Agent.Running {
			text += ", and for an agent to run, which takes the decisions"
		}
		text += "\n" + strings.Join(waiting, "")
	}
	if len(moving) > 0 {
		text += "\n" + paint(bold, "at work") + "\n" + strings.Join(moving, "")
	}
	return text
}

// broken reports whether a person has to see to something, whatever waits.
func broken(s control.Status) bool {
	return len(problemsOf(s)) > 0 || len(s.Unreviewed) > 0 || slices.ContainsFunc(s.Stacks, func(st control.Stack) bool { return st.Look != nil })
}

// waitingText is one run that waits for a decision.
func waitingText(r control.Run, a *control.Approvals, now time.Time) string {
	line := fmt.Sprintf(" %s: %s", r.Stack, Counts(r.Plan))
	if r.PlannedAt != nil {
		line += ", planned " + ago(r.PlannedAt, now)
	}
	if r.ExpiresAt != nil {
		line += ", expires " + ago(r.ExpiresAt, now)
	}
	text := "  " + paint(bold, RunName(r)) + redact.CleanLine(line) + "\n"
	for _, kind := range r.Options.Kinds {
		text += "      " + paint(redBold, redact.CleanLine(kind)) + "\n"
	}
	text += HookWarnings(r)
	if about := About(r); about != "" {
		text += "      " + redact.CleanLine(about) + "\n"
	}
	text += Dangers(r.Plan)
	for _, d := range r.Decisions {
		text += "      " + redact.CleanLine(fmt.Sprintf("%s by %s %s", d.Verdict, store.By(d.By, d.Login), ago(d.At, now))) + "\n"
	}
	if a.Worth() {
		text += "      " + redact.CleanLine(a.String()) + "\n"
	}
	if r.Held != "" {
		text += "      " + waits(r.Held) + "\n"
		if r.Hint != "" {
			text += "      hint: " + redact.CleanLine(r.Hint) + "\n"
		}
	}
	return text + "      sallyport show " + strconv.Itoa(r.ID) + " --plan\n      " + paint(bold, r.Decisive()) + "\n"
}

// maxDangers is how many addresses a status names; show names them all.
const maxDangers = 5

// Dangers lists what a plan takes away, with the numbers of the card. Nobody should have to look for that.
func Dangers(p *control.Plan) string {
	if p == nil {
		return ""
	}
	var lines []string
	for i, c := range p.Changes {
		if c.Destroys() || c.MustName {
			mark, style := markOf(c)
			lines = append(lines, fmt.Sprintf("      %3d  ", i+1)+paint(style, mark)+" "+redact.CleanLine(c.Address)+paint(yellow, changeNote(c))+"\n")
		}
	}
	if more := len(lines) - maxDangers; more > 0 {
		lines = append(lines[:maxDangers], fmt.Sprintf("           and %d more\n", more))
	}
	return strings.Join(lines, "")
}

// movingText is one run that moves on, or would if it were not held.
func movingText(r control.Run, now time.Time) string {
	line := fmt.Sprintf(" %s: ", r.Stack)
	tail := ""
	if r.Status == store.Applying {
		tail = applyProgress(r.Apply)
	}
	if r.UpdatedAt != nil && r.Status != store.Applying {
		tail = " " + lasts(r.UpdatedAt, now)
	}
	text := "  " + paint(bold, RunName(r)) + redact.CleanLine(line) + paint(statusStyle(r.Status), string(r.Status)) + redact.CleanLine(tail) + "\n"
	if how := unfollowed(r.Apply); how != "" {
		text += "      " + how + "\n"
	}
	if r.Held != "" {
		text += "      " + waits(r.Held) + "\n"
		if r.Hint != "" {
			text += "      hint: " + redact.CleanLine(r.Hint) + "\n"
		}
	}
	return text
}

// waits says why a run does not move on; some reasons begin with the word. That it is approved stands beside it.
func waits(held string) string {
	held = strings.TrimPrefix(redact.CleanLine(held), "approved; ")
	if strings.HasPrefix(held, "waits ") {
		return held
	}
	return "waits, " + held
}

// RunName is #12.
func RunName(r control.Run) string { return "#" + strconv.Itoa(r.ID) }

// About is what the run is for: the commit's subject, or who asked and why. What a person asked for has little to do with the commit
// that the branch is at.
func About(r control.Run) string {
	var parts []string
	if r.RequestedBy != "" && (r.Kind == store.KindManual || r.Options.Destroy) {
		asked := "asked by " + store.By(r.RequestedBy, r.RequestedLogin)
		if r.Reason != "" {
			asked += ": " + r.Reason
		}
		if r.Commit != "" {
			asked += ", at " + short(r.Commit)
		}
		return asked
	}
	if r.Subject != "" {
		parts = append(parts, `"`+r.Subject+`"`)
	}
	if r.Author != "" {
		parts = append(parts, "by "+r.Author)
	}
	if r.Commit != "" {
		parts = append(parts, "at "+short(r.Commit))
	}
	if r.Reason == notify.FirstSeen {
		parts = append(parts, "(first plan of this stack)")
	} else if r.Reason != "" {
		parts = append(parts, "("+r.Reason+")")
	}
	return strings.Join(parts, " ")
}

// maxNote bounds what a table says of an error; show and the list of problems say all of it.
const maxNote = 60
