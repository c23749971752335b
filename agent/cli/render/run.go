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

// Run is a run as a card: what it is, what it changes, who said what, and what to do.
func Run(r control.Run, now time.Time) string {
	var b strings.Builder
	b.WriteString(paint(bold, RunName(r)+" "+redact.CleanLine(r.Stack)) + "  " + paint(statusStyle(r.Status), string(r.Status)) + "\n")
	for _, f := range runFacts(r, now) {
		if f.value == "" {
			continue
		}
		// Later lines of a value (an error of terraform's has many) stand below the first.
		value := strings.ReplaceAll(strings.TrimRight(redact.Clean(f.value), "\n"), "\n", "\n            ")
		b.WriteString("  " + paint(faint, fmt.Sprintf("%-9s", f.name)) + " " + paint(f.style, value) + "\n")
	}
	b.WriteString(changesText(r.Plan, ended(r)))
	b.WriteString(decisionsText(r, now))
	if line := r.Decisive(); line != "" {
		b.WriteString("\nto go on:  " + paint(bold, line) + "\nto refuse: sallyport deny " + strconv.Itoa(r.ID) + "\n")
	}
	return local(b.String(), now)
}

// ended reports whether a run that somebody could decide about has ended: what it said to whoever decides is not true any more.
func ended(r control.Run) bool { return r.Status.Terminal() && r.Status != store.Previewed }

// news is how a run's commit lies to what is applied, as long as nobody has decided.
func news(r control.Run) string {
	switch {
	case ended(r):
		return ""
	case r.Reason == notify.FirstSeen:
		return "first plan of this stack"
	}
	return r.Position
}

// fact is one line of a card.
type fact struct {
	name, value string
	style       style
}

func runFacts(r control.Run, now time.Time) []fact {
	none := plain
	commit := r.Commit
	if r.Change != "" {
		commit += " of " + r.Change
	}
	subject := r.Subject
	if r.Author != "" {
		subject += " (" + r.Author + ")"
	}
	kind := string(r.Kind)
	if r.RequestedBy != "" && r.Kind != store.KindRecovery {
		kind += " by " + store.By(r.RequestedBy, r.RequestedLogin)
	}
	if r.After != 0 {
		kind += fmt.Sprintf(", takes over from #%d", r.After)
	}
	if r.RequestedBy != "" && r.Kind == store.KindRecovery { // nobody has asked for this one
		kind += ", which " + store.By(r.RequestedBy, r.RequestedLogin) + " had asked for"
	}
	reason := r.Reason
	if reason == notify.FirstSeen {
		reason = "" // its position says so
	}
	facts := []fact{
		{"plan", strings.Join(r.Options.Kinds, "\n"), redBold}, {"WARNING", hookWarnings(r), yellowBold},
		{"kind", kind, none}, {"reason", reason, none}, {"commit", commit, none}, {"subject", subject, none}, {"position", news(r), none},
		{"created", when(r.CreatedAt, now), none},
	}
	if r.ExpiresAt != nil && r.Status == store.Planned {
		facts = append(facts, fact{"expires", when(r.ExpiresAt, now), none})
	}
	if r.Approvals.Worth() && r.Status == store.Planned {
		facts = append(facts, fact{"approvals", r.Approvals.String(), none})
	}
	if r.Apply != nil {
		facts = append(facts, fact{"apply", applyText(r.Apply, now), none}, fact{"process", unfollowed(r.Apply), none}, fact{"open", strings.Join(r.Apply.Open, "\n"), yellow})
		facts = append(facts, leftFacts(r)...)
	}
	if r.EndedAt != nil {
		facts = append(facts, fact{"ended", when(r.EndedAt, now), none})
	}
	if g := r.BreakGlass; g != nil {
		text := fmt.Sprintf("%s approved alone %s: %s", g.By, ago(g.At, now), g.Reason)
		if g.ReviewedBy == "" {
			text += "\nnobody else has reviewed it: sallyport review " + strconv.Itoa(r.ID)
		} else {
			text += fmt.Sprintf("\nreviewed by %s %s %s", g.ReviewedBy, ago(g.ReviewedAt, now), g.Review)
		}
		facts = append(facts, fact{"glass", text, red})
	}
	facts = append(facts, fact{"git", r.GitDown, yellow})
	for _, w := range r.Warnings {
		facts = append(facts, fact{"warning", w, yellow})
	}
	for _, c := range failedChecks(r) {
		facts = append(facts, fact{"check", notify.CheckLine(store.FailedCheck(c)), yellow})
	}
	facts = append(facts, hookFacts(r)...)
	return append(facts,
		fact{"asks", r.Asks, yellow}, fact{"waits", r.Held, yellow}, fact{notify.ErrorWord(r.Status), notify.OnceSaid(r.Error), red}, fact{"hint", r.Hint, none}, fact{"slack", r.Permalink, none})
}

// failedChecks are the checks that do not hold: after the apply, else while it was planned.
func failedChecks(r control.Run) []control.Check {
	switch {
	case r.Status == store.Applied && r.Apply != nil:
		return r.Apply.Checks
	case r.Plan != nil:
		return r.Plan.Checks
	}
	return nil
}

// leftFacts are what an apply left behind, and what became of it.
func leftFacts(r control.Run) []fact {
	var facts []fact
	if l := r.Apply.LeftLock; l != nil {
		facts = append(facts, fact{"lock", l.Text, yellow}, fact{"", l.Hint, plain})
	}
	if path := r.Apply.LeftState; path != "" {
		text := "it could not be saved, and was kept in " + path
		if r.Apply.PushedBy != "" {
			text = "it could not be saved, and was pushed by " + r.Apply.PushedBy
		}
		facts = append(facts, fact{"state", text, yellow})
	}
	return facts
}

func applyText(p *control.Apply, now time.Time) string {
	text := "started " + ago(p.StartedAt, now)
	if p.StartedAt != nil && p.EndedAt != nil {
		text = "took " + words.Span(p.EndedAt.Sub(*p.StartedAt))
	}
	return text + applyProgress(p)
}

// changesText lists what a plan touches, with the numbers that an approval may use.
func changesText(p *control.Plan, ended bool) string {
	if p == nil {
		return ""
	}
	head := Counts(p)
	if p.NewState && !ended {
		head += "; no state yet: everything is new"
	}
	var text strings.Builder // a plan can touch ten thousand things
	text.WriteString("\n" + paint(bold, "plan") + "  " + head + "\n")
	if empty := p.EmptyAgain(); empty > 0 && !ended {
		text.WriteString("      " + paint(yellow, notify.EmptyAgainCount(empty)) + "\n")
	}
	for i, c := range p.Changes {
		mark, style := markOf(c)
		note := changeNote(c)
		if ended {
			note = strings.TrimSuffix(note, mustName)
		}
		text.WriteString(fmt.Sprintf("  %3d  ", i+1) + paint(style, mark) + " " + redact.CleanLine(c.Address) + paint(yellow, note) + "\n")
	}
	for _, d := range p.Deferred {
		text.WriteString("       " + paint(yellow, redact.CleanLine("left to another plan: "+notify.DeferredText(store.Deferred(d)))) + "\n")
	}
	for _, o := range p.Outputs {
		text.WriteString("       " + redact.CleanLine("output "+o.Name+": "+strings.Join(o.Actions, ", ")) + "\n")
	}
	return text.String()
}

// mustName is said of a change that an approval has to name.
const mustName = ", must be named"

// changeNote is what is special about a change, ready to print.
func changeNote(c control.Change) string {
	note := ""
	if len(c.Attributes) > 0 {
		note = ": " + words.List(c.Attributes, notify.MaxAttributes)
	}
	if c.Class != store.ClassConfig && c.Class != "" {
		note = "  " + string(c.Class)
	}
	if c.Previous != "" && c.Previous != c.Address {
		note += "  moved from " + c.Previous
	}
	if c.Importing && !slices.Contains(c.Actions, "import") {
		note += "  imported: it exists already"
	}
	if c.Trigger != "" {
		note += "  " + c.Trigger
	}
	if slices.Contains(c.Actions, "forget") {
		note += "  forgotten, not destroyed"
	}
	if c.Routine {
		note += "  replaceable"
	}
	switch c.Before {
	case "":
	case store.BeforeThere:
		note += "  there before"
	default:
		note += "  perhaps there before"
	}
	if c.ComesBack {
		note += "  comes back EMPTY"
		if len(c.DataFrom) > 0 {
			note = strings.TrimSuffix(note, " EMPTY") + ", the configuration names " + words.List(c.DataFrom, 3)
		}
	}
	if c.Unknown {
		note += "  " + strings.Join(c.Actions, ", ") + ": UNKNOWN to sallyport" + mustName
	} else if c.MustName {
		note += "  PROTECTED" + mustName
	}
	return redact.Clean(note)
}

// markOf is terraform's sign for a change, three wide.
func markOf(c control.Change) (string, style) {
	switch strings.Join(c.Actions, ",") {
	case "create":
		return "  +", green
	case "delete":
		return "  -", red
	case "update":
		return "  ~", yellow
	case "delete,create":
		return "-/+", red
	case "create,delete":
		return "+/-", red
	case "read":
		return " <=", cyan
	case "forget":
		return "  .", red
	case "refresh":
		return " <~", cyan
	case "create,forget":
		return "+/.", red
	case "import":
		return " <+", cyan
	case "invoke":
		return "  !", red
	case "", "no-op":
		if c.Previous != "" {
			return "  >", plain
		}
		return "   ", plain
	default: // never blank: what is not known must not look harmless
		return "  ?", red
	}
}

func decisionsText(r control.Run, now time.Time) string {
	if len(r.Decisions) == 0 {
		return ""
	}
	text := "\n" + paint(bold, "decisions") + "\n"
	for _, d := range r.Decisions {
		style := green
		if d.Verdict == store.Deny {
			style = red
		}
		line := fmt.Sprintf(" by %s %s", store.By(d.By, d.Login), ago(d.At, now))
		said := d.Text
		if w, ok, _ := notify.ParseDecision(said); ok && d.Verdict == store.Deny {
			said = w.Reason // the verdict stands in front
		}
		if said != "" {
			line += ": " + said
		}
		text += "  " + paint(style, string(d.Verdict)) + redact.CleanLine(line) + "\n"
	}
	return text
}
