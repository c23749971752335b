package page

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/control"
	"sallyport/notify"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// view is the page as its template reads it.
type view struct {
	Title    string
	State    State
	Lead     string   // what happens, in a sentence
	Next     string   // what to do now; empty: nothing
	Kinds    []string // what makes the plan another one than the plain plan of its commit
	Bar      []segment
	Facts    []fact
	Contents []Link
	Trouble  []trouble
	Groups   []group
	Changes  int
	PlanGone string
	Outputs  []output
	OutParts []part
	Drift    []found
	Deferred []string
	Rest     []part
	Engine   string
	// RestTitle and ApplyTitle are the titles of what an image has under other names.
	RestTitle, ApplyTitle string
	Policies              []fact
	Hooks                 []said
	Votes                 []vote
	Apply                 []fact
	Log                   string
	Follow                bool // the log grows
	Events                []event
	Graph                 *Graph
	GraphTip              string
}

// fact is a name with a value.
type fact struct {
	Name, Value string
	Class       string // code, or that of a state
	URL         string
	Run         int // that the value names
	Moment      Moment
}

// trouble is something that is wrong.
type trouble struct{ Class, Word, Text, Hint string }

// output is an output that changes.
type output struct{ Name, Word string }

// found is what terraform found changed outside.
type found struct {
	Address string
	Parts   []part
}

// said is what one hook said.
type said struct {
	Name, Text string
	Warns      bool
	Facts      []fact
}

// vote is one decision.
type vote struct {
	Moment           Moment
	State            State
	By, Text, Digest string
}

// event is one line of the time line.
type event struct {
	Moment   Moment
	State    State
	By, Text string
	Run      int
}

// lineOf makes one safe line of a text.
func lineOf(s string) string { return strings.TrimSpace(redact.CleanLine(s)) }

// viewOf puts a page together.
func viewOf(r RunPage) view {
	run := r.Run
	card := cardOf(r)
	ended := run.Status.Terminal() && run.Status != store.Previewed
	text := parsePlan(r.Plan)
	v := view{
		Title: card.Title(), State: StateOf(run.Status), Kinds: run.Options.Kinds,
		Lead: words.Sentence(upper(strings.TrimPrefix(notify.EndedText(card), card.Title()+": "))),
		Next: card.Reply(), Facts: factsOf(r, ended), Trouble: troublesOf(run), PlanGone: r.PlanGone,
		Deferred: deferredOf(run.Plan), Policies: policiesOf(run), Hooks: hooksOf(run), Votes: votesOf(r), Apply: applyOf(r),
		Log: r.Log, Follow: run.Status == store.Applying, Events: eventsOf(r),
	}
	if v.Next == lineOf(run.Hint) && v.Next != "" {
		v.Next = "Next: " + words.Sentence(v.Next)
		v.Trouble = withoutHints(v.Trouble)
	}
	v.State.Word = card.StatusWord()
	v.Groups = groupsOf(r, &text, ended)
	v.Bar = barOf(v.Groups)
	if run.Plan != nil {
		v.Changes = len(run.Plan.Changes)
		for _, o := range run.Plan.Outputs {
			_, word := signAndWord(control.Change{Actions: o.Actions})
			v.Outputs = append(v.Outputs, output{lineOf(o.Name), word})
		}
	}
	v.OutParts = partsOf(text.outputs, run.ID)
	for _, b := range text.drift {
		v.Drift = append(v.Drift, found{b.address, partsOf(b.lines, run.ID)})
	}
	v.Rest = partsOf(text.left(), run.ID)
	v.Graph, v.GraphTip = graphOf(r)
	v.Engine, v.RestTitle, v.ApplyTitle = lineOf(run.Engine), "Also in the plan", "Apply"
	if card.Build {
		v.RestTitle, v.ApplyTitle = "The plan", "Build"
	}
	v.Contents = v.contents()
	return v
}

// left are the lines of a text that were put to nothing.
func (t *planText) left() []string {
	lines := slices.Clone(t.rest)
	var addresses []string
	for address := range t.blocks {
		addresses = append(addresses, address)
	}
	slices.Sort(addresses)
	for _, address := range addresses {
		for _, b := range t.blocks[address] {
			lines = append(lines, b.lines...)
		}
	}
	return lines
}

// contents are the sections that the page has.
func (v view) contents() (out []Link) {
	for _, s := range []struct {
		id, title string
		there     bool
	}{
		{"trouble", "Diagnostics", len(v.Trouble) > 0}, {"changes", "Changes", len(v.Groups) > 0 || v.PlanGone != ""},
		{"outputs", "Outputs", len(v.Outputs)+len(v.OutParts) > 0}, {"drift", "Drift", len(v.Drift) > 0}, {"rest", v.RestTitle, len(v.Rest)+len(v.Deferred) > 0},
		{"policies", "Policies and hooks", len(v.Policies)+len(v.Hooks) > 0}, {"decisions", "Decisions", true}, {"apply", v.ApplyTitle, len(v.Apply) > 0 || v.Log != ""},
		{"stacks", "Stacks of the commit", v.Graph != nil}, {"events", "Time line", len(v.Events) > 0},
	} {
		if s.there {
			out = append(out, Link{Text: s.title, URL: "#" + s.id})
		}
	}
	return out
}

// cardOf is the run as its card has it, which knows the words.
func cardOf(r RunPage) notify.Card {
	run := r.Run
	c := notify.Card{
		Run: run.ID, Label: r.Around.Label, Stack: run.Stack, Kind: run.Kind, Status: run.Status, Held: run.Held, Hint: run.Hint, Error: run.Error,
		Options: store.PlanOptions{Targets: run.Options.Targets}, // its end is said of them alone
		Build:   run.Engine != control.EngineOf(""), Shell: true, ShowAddresses: true, Approvals: 1,
	}
	if a := run.Approvals; a != nil {
		c.Approvals, c.Got, c.WaitsFor = a.Needed, a.Counted, a.WaitsFor
	}
	if a := run.Apply; a != nil {
		c.Apply = &store.Apply{Done: a.Done, Total: a.Total}
	}
	if p := run.Plan; p != nil {
		c.Plan = &store.Plan{Add: p.Add, Change: p.Change, Destroy: p.Destroy}
		for _, o := range p.Outputs {
			c.Plan.Outputs = append(c.Plan.Outputs, store.Output{Name: o.Name, Actions: o.Actions})
		}
		for _, ch := range p.Changes {
			c.Plan.Changes = append(c.Plan.Changes, store.Change{
				Address: ch.Address, Actions: ch.Actions, Class: ch.Class, Previous: ch.Previous, Importing: ch.Importing, Trigger: ch.Trigger,
				Unknown: ch.Unknown, Protected: ch.Protected, Replaceable: ch.Routine, Before: ch.Before, Sources: ch.DataFrom,
			})
		}
		for _, d := range p.Deferred {
			c.Plan.Deferred = append(c.Plan.Deferred, store.Deferred(d))
		}
	}
	return c
}

// upper has a capital letter at its beginning.
func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// troublesOf is what is wrong with a run, the worst first.
func troublesOf(r control.Run) (out []trouble) {
	add := func(class, word, text, hint string) {
		if text = strings.TrimSpace(text); text != "" {
			out = append(out, trouble{class, word, text, strings.TrimSpace(hint)})
		}
	}
	add("bad", notify.ErrorWord(r.Status), notify.OnceSaid(r.Error), r.Hint)
	for _, n := range r.HookNotes {
		if n.Warns {
			add("wait", n.Hook+" hook "+lineOf(n.Command)+" warns", n.Text+" ", "")
		}
	}
	if r.Error == "" {
		add("wait", "waits", r.Held, r.Hint)
	} else {
		add("wait", "waits", r.Held, "")
	}
	add("wait", "git", r.GitDown, "")
	for _, w := range r.Warnings {
		add("wait", "warning", w, "")
	}
	checks := []control.Check{}
	if r.Status == store.Applied && r.Apply != nil {
		checks = r.Apply.Checks
	} else if r.Plan != nil {
		checks = r.Plan.Checks
	}
	for _, c := range checks {
		add("wait", "check", notify.CheckLine(store.FailedCheck(c)), "")
	}
	if n := r.Plan; n != nil && n.EmptyAgain() > 0 && !r.Status.Terminal() {
		add("bad", "data", notify.EmptyAgainCount(n.EmptyAgain()), "")
	}
	return out
}

// withoutHints is the same where the hint stands at the top of the page.
func withoutHints(list []trouble) []trouble {
	for i := range list {
		list[i].Hint = ""
	}
	return list
}

// graphOf draws the stacks of a commit; nil if there is only this one.
func graphOf(r RunPage) (*Graph, string) {
	if len(r.Around.Stacks) < 2 {
		return nil, ""
	}
	var nodes []Node
	for _, n := range r.Around.Stacks {
		state := StateOf(n.Status)
		nodes = append(nodes, Node{
			Name: strings.TrimSpace(lineOf(n.Label) + " " + lineOf(n.Stack)), Note: number(n.Run) + " " + state.Word, State: state, Here: n.Stack == r.Run.Stack,
			After: n.After,
		})
	}
	names := map[string]string{}
	for i, n := range r.Around.Stacks {
		names[n.Stack] = nodes[i].Name
	}
	for i := range nodes {
		after := make([]string, 0, len(nodes[i].After))
		for _, name := range nodes[i].After {
			after = append(after, names[name])
		}
		nodes[i].After = after
	}
	g := Draw("Stacks that commit "+words.Short(r.Run.Commit)+" touches, and which comes after which", nodes)
	tip := ""
	switch {
	case r.Around.More > 0:
		tip = words.More(r.Around.More, "stack") + " of the commit are not drawn."
	case !r.Around.Ordered:
		tip = "No agent answered, and only its configuration says which stack comes after which."
	}
	return &g, tip
}

// votesOf are the decisions.
func votesOf(r RunPage) (out []vote) {
	for _, d := range r.Run.Decisions {
		v := vote{Moment: MomentOf(d.At, r.Now), By: lineOf(store.By(d.By, d.Login)), Text: lineOf(d.Text), State: State{"approved", "good"}}
		if d.Verdict == store.Deny {
			v.State = State{"denied", "bad"}
		}
		out = append(out, v)
	}
	return out
}

// eventsOf is the time line of a run.
func eventsOf(r RunPage) (out []event) {
	for _, e := range r.Around.Events {
		at := e.At
		v := event{Moment: MomentOf(&at, r.Now), By: lineOf(e.By), Text: lineOf(e.Text), State: State{Word: lineOf(e.Event)}}
		switch {
		case e.Event == "transition":
			v.State = StateOf(store.Status(lineOf(e.Outcome)))
		case e.Event == "decision" && e.Outcome == string(store.Deny):
			v.State = State{"denied", "bad"}
		case e.Event == "decision":
			v.State = State{"vote: " + lineOf(e.Outcome), "good"}
		}
		out = append(out, v)
	}
	return out
}

// applyOf is how an apply went.
func applyOf(r RunPage) (out []fact) {
	a := r.Run.Apply
	if a == nil {
		return nil
	}
	add := func(name, value, class string) {
		if value = strings.TrimSpace(value); value != "" {
			out = append(out, fact{Name: name, Value: value, Class: class})
		}
	}
	out = append(out, fact{Name: "started", Moment: MomentOf(a.StartedAt, r.Now)})
	if a.StartedAt != nil && a.EndedAt != nil {
		add("took", words.Span(a.EndedAt.Sub(*a.StartedAt)), "")
	}
	if a.Total > 0 {
		add("done", fmt.Sprintf("%d of %d", a.Done, a.Total), "")
	}
	if a.EndedAt == nil {
		add("now", lineOf(a.Current), "code")
	}
	add("left open", strings.Join(a.Open, "\n"), "code")
	add("outputs", strings.Join(a.Outputs, ", "), "code")
	if l := a.LeftLock; l != nil {
		add("lock", l.Text+"\n"+l.Hint, "wait")
	}
	switch {
	case a.LeftState != "" && a.PushedBy != "":
		add("state", "it could not be saved, and was pushed by "+a.PushedBy, "wait")
	case a.LeftState != "":
		add("state", "it could not be saved, and was kept in "+a.LeftState, "bad")
	}
	return out
}
