package notify

import (
	"fmt"
	"strings"

	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// Facts are what a person wants to know beside the changes: the commit, why the run exists, what to beware of. One
// line each. Who asked and who decided is not among them, see [Card.Votes]: Slack shows people in its own way.
func (c Card) Facts() []string {
	var facts []string
	add := func(text string) {
		if text = line(text); text != "" {
			facts = append(facts, text)
		}
	}
	add(c.Mark)
	asked := c.Lead() != nil || c.Kind == store.KindDrift
	if !asked { // else it is whatever commit the branch was at
		add(c.commit())
	}
	for _, o := range c.Origin {
		add(o)
	}
	add(c.kind())
	for _, text := range c.news() {
		add(text)
	}
	if asked {
		add(c.commit())
	}
	for _, n := range c.Notes {
		add(n)
	}
	for _, f := range hookFacts(c) {
		add(f)
	}
	add(c.gitDown())
	for _, w := range c.Warnings {
		if c.ended() && strings.HasPrefix(w, GoesAhead) {
			continue // of what it did not wait for, which has moved on
		}
		add("warning: " + w)
	}
	for _, text := range c.checkFacts() {
		add(text)
	}
	add(c.deferredFact())
	add(c.classes())
	if c.Asks != "" && c.Status == store.Planned {
		if c.ShowAddresses {
			add("asks: " + c.Asks)
		} else {
			add(fmt.Sprintf("asks: its policy does not apply this by itself; why: sallyport show %d", c.Run))
		}
	}
	if c.Held != "" && !c.Status.Terminal() {
		add("held: " + c.Held)
		if c.Hint != "" && (c.Status == store.Approved || c.Status == store.Applying) { // else it is in Reply
			add("next: " + c.typed(c.Hint))
		}
	}
	if c.Status == store.Applying && c.Apply != nil && c.Apply.Current != "" && c.ShowAddresses {
		add("now: " + c.Apply.Current)
	}
	if c.Apply != nil && len(c.Apply.Open) > 0 && c.Status.Terminal() && c.ShowAddresses {
		add("started and not completed: " + words.List(c.Apply.Open, 10))
	}
	if len(c.Artifacts) > 0 && c.ShowAddresses {
		add("made: " + words.List(artifacts(c.Artifacts), 10))
	}
	if c.Status == store.Applied && c.Apply != nil && len(c.Apply.Outputs) > 0 {
		add("outputs: " + words.List(c.Apply.Outputs, 20))
	}
	for _, text := range hookNotes(c) { // last, where the card is cut
		add(text)
	}
	return facts
}

// gitDown is since when and why the repository cannot be read, as long as somebody has to decide without it.
func (c Card) gitDown() string {
	const unread = "the repository cannot be read"
	switch {
	case c.GitDown == "" || c.ended():
		return ""
	case strings.HasPrefix(c.GitDown, unread):
		return c.GitDown
	}
	return unread + ": " + c.GitDown
}

// news is how the commit lies to what is applied, as long as nobody has decided: of a run that has ended it is not true any more.
func (c Card) news() []string {
	switch fresh := c.Plan != nil && c.Plan.NewState; {
	case c.ended():
		return nil
	case c.First && fresh:
		return []string{"First plan of this stack: everything is new"}
	case c.First:
		return []string{"First plan of this stack: nothing of it was applied by sallyport yet"}
	case fresh:
		return []string{c.Position, "no state yet: everything is new"}
	}
	return []string{c.Position}
}

// ended reports whether a run that somebody could decide about has ended. A preview is shown after its end only.
func (c Card) ended() bool { return c.Status.Terminal() && c.Status != store.Previewed }

func (c Card) commit() string {
	if c.Commit == "" {
		return ""
	}
	text := "commit " + words.Short(c.Commit)
	if c.Author != "" {
		text += " by " + line(c.Author)
	}
	if c.Subject != "" {
		text += ": " + words.Cut(line(c.Subject), 200)
	}
	return text
}

func (c Card) kind() string {
	var text string
	switch c.Kind {
	case store.KindManual:
		if c.Lead() != nil {
			return "" // that said it
		}
		text = "asked for by a person"
	case store.KindDrift:
		text = "drift check"
	case store.KindRecovery:
		text = "recovery"
	case store.KindDependency:
		text = "something that it depends on changed"
	case store.KindSchedule:
		text = "built again without a change"
	case store.KindPullRequest:
		text = "preview of a pull request"
	}
	if c.Reason == "" {
		return text
	}
	if text == "" {
		return line(c.Reason)
	}
	return text + ": " + line(c.Reason)
}

// classes counts the changes by how they came about, where they are not all the configuration's.
func (c Card) classes() string {
	if c.Plan == nil {
		return ""
	}
	n := map[store.Class]int{}
	for _, ch := range c.Plan.Changes {
		n[ch.Class]++
	}
	if n[store.ClassRecreate]+n[store.ClassDrift] == 0 {
		return ""
	}
	var parts []string
	for _, class := range []struct {
		class store.Class
		words string
	}{{store.ClassRecreate, "gone and to be created again"}, {store.ClassDrift, "changed outside"}, {store.ClassConfig, "configuration"}} {
		if n[class.class] > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", class.words, n[class.class]))
		}
	}
	return strings.Join(parts, " · ")
}

// artifacts are artifacts in words.
func artifacts(list []store.Artifact) []string {
	var out []string
	for _, a := range list {
		text := a.Builder + " " + a.ID
		if a.Region != "" {
			text += " in " + a.Region
		}
		out = append(out, text)
	}
	return out
}

// Vote is one decision as people read it.
type Vote struct {
	By    string // slack:ID, cli:USER, policy:NAME
	Words string // what follows: "approved", "denied: wrong zone"
	// Reason of a lead, in a person's words.
	Reason string
}

// String is the vote as plain text.
func (v Vote) String() string {
	if v.Reason == "" {
		return v.By + " " + v.Words
	}
	return v.By + " " + v.Words + ": " + v.Reason
}

// Lead is what a person asked for, and who: with that their card begins. Nil for a run that came about by itself.
func (c Card) Lead() *Vote {
	if c.RequestedBy == "" || c.Kind != store.KindManual && !c.Options.Destroy {
		return nil
	}
	what := "asked for a plan"
	switch o := c.Options; {
	case o.Destroy:
		what = "asked to destroy everything"
	case o.RefreshOnly:
		what = "asked to bring the state up to date"
	case len(o.Replace) > 0:
		what = "asked to replace " + words.Count(len(o.Replace), "object")
	case o.Targeted():
		what = "asked for a plan of " + words.CountOf(len(o.Targets), "address", "addresses") + " only"
	case o.Commit:
		what = "asked for a plan of commit " + words.Short(c.Commit)
	case c.Recover:
		what = "asked to recover what is applied"
	case c.Build:
		what = "asked for a build"
	}
	lead := &Vote{By: line(c.RequestedBy), Words: what}
	if c.Kind == store.KindManual {
		lead.Reason = words.Cut(line(c.Reason), 200)
	}
	return lead
}

// Votes are who asked for the run and who decided what about it, in the order of time.
func (c Card) Votes() []Vote {
	var votes []Vote
	if c.RequestedBy != "" && c.Lead() == nil {
		votes = append(votes, Vote{By: line(c.RequestedBy), Words: "asked"})
	}
	for _, d := range c.Decisions {
		v := Vote{By: line(d.By), Words: "approved"}
		if d.Verdict == store.Deny {
			v.Words = "denied"
			if w, ok, _ := ParseDecision(d.Text); ok && w.Reason != "" {
				v.Words += ": " + words.Cut(line(w.Reason), 200)
			}
		}
		if d.Withdrawn != "" {
			v.Words += " (does not count: " + line(d.Withdrawn) + ")"
		}
		votes = append(votes, v)
	}
	return votes
}

// Marker is the small print that tells messages of one agent and run from all others: "sallyport #12 · digest 3f2a9c013f ·
// agent 5d41402abc".
func (c Card) Marker() string {
	text := fmt.Sprintf("sallyport #%d", c.Run)
	if d := c.PlanDigest(); d != "" {
		text += " · digest " + words.Short(d)
	}
	if c.Agent != "" {
		text += " · agent " + words.Short(c.Agent)
	}
	if c.Status == store.Planned && !c.ExpiresAt.IsZero() {
		text += " · expires " + c.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC")
	}
	return line(text)
}

// PlanDigest is the digest of the plan, empty before there is one.
func (c Card) PlanDigest() string {
	if c.Digest != "" {
		return c.Digest
	}
	if c.Plan != nil {
		return c.Plan.Digest
	}
	return ""
}

// Took is how long an apply took, empty while it is not over.
func (c Card) Took() string {
	if c.Apply == nil || c.Apply.StartedAt.IsZero() || c.Apply.EndedAt.IsZero() {
		return ""
	}
	d := c.Apply.EndedAt.Sub(c.Apply.StartedAt)
	return words.Span(d)
}

// ErrorWord says what the error of a run in that status is: of one that somebody or something else ended it is why, and no error.
func ErrorWord(status store.Status) string {
	switch status {
	case store.Canceled, store.Discarded, store.Superseded, store.Expired:
		return "why"
	}
	return "error"
}

// Plain is the whole card as plain text of several lines, for the log and the terminal.
func (c Card) Plain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", c.Title(), c.StatusWord())
	for _, k := range append(c.Kinds(), c.HookWarnings()...) {
		fmt.Fprintf(&b, "  %s\n", k)
	}
	if lead := c.Lead(); lead != nil {
		fmt.Fprintf(&b, "  %s\n", lead)
	}
	for _, f := range c.Facts() {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	for _, v := range c.Votes() {
		fmt.Fprintf(&b, "  %s\n", v)
	}
	if c.Plan != nil {
		fmt.Fprintf(&b, "  %s\n", c.Said())
		for _, l := range c.Lines() {
			fmt.Fprintf(&b, "    %s\n", l)
		}
		if !c.ShowAddresses && len(c.Plan.Changes) > 0 {
			fmt.Fprintf(&b, "    (addresses are not shown here: sallyport show %d)\n", c.Run)
		}
		if o := c.Outputs(); o != "" {
			fmt.Fprintf(&b, "    %s\n", o)
		}
	}
	if c.Error != "" {
		fmt.Fprintf(&b, "  %s: %s\n", ErrorWord(c.Status), strings.ReplaceAll(strings.TrimSpace(redact.Clean(c.Error)), "\n", "\n    "))
	}
	if t := c.Took(); t != "" {
		fmt.Fprintf(&b, "  took %s\n", t)
	}
	if r := c.Reply(); r != "" {
		fmt.Fprintf(&b, "  %s\n", r)
	}
	fmt.Fprintf(&b, "  %s\n", c.Marker())
	return b.String()
}
