// Package adopt says how far a team is that takes existing stacks over: what the plans of stacks that are only observed have found, and
// what is to do before they are switched on. Pure: it reads a status, which an agent gives and its data directory too.
package adopt

import (
	"fmt"
	"slices"

	"sallyport/agent/control"
	"sallyport/store"
)

// Found is what the newest plan of an observed stack says.
type Found string

// What it can say.
const (
	Same    Found = "no_changes" // what is there is what the repository says
	Differs Found = "differs"    // an apply would change something
	Errored Found = "errored"    // it could not be planned
	Waiting Found = "waiting"    // there is no plan yet
)

// Report is the result of `adopt --json`.
type Report struct {
	Stacks  []Stack  `json:"stacks"`
	Same    int      `json:"without_changes"`
	Differ  int      `json:"differ"`
	Errored int      `json:"errored"`
	Waiting int      `json:"waiting"`
	Next    []string `json:"next"` // what to do, a sentence each
	// Agent: an agent has answered. Without one nobody knows of an observed stack whose plan was never made.
	Agent bool `json:"agent"`
}

// Stack is one that is only observed.
type Stack struct {
	Name       string        `json:"name"`
	Repository string        `json:"repository"`
	Dir        string        `json:"dir"`
	Workspace  string        `json:"workspace"`
	Found      Found         `json:"found"`
	Run        int           `json:"run"` // the newest; 0 if there is none
	Commit     string        `json:"commit"`
	Plan       *control.Plan `json:"plan"` // null unless it was planned
	Text       string        `json:"text"` // why there is no plan; else empty
	Hint       string        `json:"hint"`
}

// Of makes the report of a status. switched is where the configuration is, for the person who is to change it.
func Of(s control.Status, switched string) Report {
	r := Report{Stacks: []Stack{}, Next: []string{}, Agent: s.Agent.Running}
	for _, st := range s.Stacks {
		if observed(st) {
			r.add(of(st))
		}
	}
	r.advise(switched)
	return r
}

// observed reports whether a stack is only observed. The data directory alone does not say so; that its newest plan only was shown does.
func observed(st control.Stack) bool {
	return st.Mode == control.ModeObserve || st.Mode == "" && st.Run != nil && st.Run.Status == store.Previewed
}

func of(st control.Stack) Stack {
	out := Stack{Name: st.Name, Repository: st.Repository, Dir: st.Dir, Workspace: st.Workspace, Found: Waiting, Text: "not planned yet"}
	run := st.Run
	if run != nil {
		out.Run, out.Commit = run.ID, run.Commit
	}
	switch {
	case run != nil && !run.Status.Terminal():
		if run.Held != "" {
			out.Text, out.Hint = run.Held, run.Hint
		}
	case st.Error != "":
		out.Found, out.Text = Errored, st.Error
	case run == nil:
	case run.Status == store.Previewed && run.Plan != nil:
		out.Found, out.Plan, out.Text = Differs, run.Plan, ""
		if empty(run.Plan) {
			out.Found = Same
		}
	case run.Status == store.Errored:
		out.Found, out.Text, out.Hint = Errored, run.Error, run.Hint
	default: // superseded, canceled, or of the time before it was observed
		out.Text, out.Hint = fmt.Sprintf("#%d is %s", run.ID, run.Status), "sallyport plan "+st.Name
	}
	return out
}

// empty reports whether a plan changes nothing at all, and leaves nothing to another one.
func empty(p *control.Plan) bool {
	return p.Add+p.Change+p.Destroy+p.Import+len(p.Changes)+len(p.Outputs)+len(p.Deferred) == 0
}

func (r *Report) add(s Stack) {
	r.Stacks = append(r.Stacks, s)
	switch s.Found {
	case Same:
		r.Same++
	case Differs:
		r.Differ++
	case Errored:
		r.Errored++
	case Waiting:
		r.Waiting++
	}
}

func (r *Report) advise(switched string) {
	say := func(format string, args ...any) { r.Next = append(r.Next, fmt.Sprintf(format, args...)) }
	if !r.Agent {
		say("no agent answers: a stack that is observed and was never planned well is not in this table")
	}
	if len(r.Stacks) == 0 {
		say(`no stack is observed: mode = "observe" in defaults, or in a stack, has plans made and shown, and nobody asked`)
		return
	}
	if r.Errored > 0 {
		say("what could not be planned: sallyport show STACK says why, sallyport doctor looks at credentials and backends")
	}
	if r.Differ > 0 {
		say("what differs: sallyport show STACK --plan says how; mend the files, or bring in what is there and in no state by a commit with import blocks")
	}
	say("to switch on, all or one by one: take mode = \"observe\" out of %s, then sallyport check and systemctl reload sallyport", switched)
	say("then each stack is planned once more: without changes it is taken as it is, with changes people are asked; nothing is applied that nobody approved")
}

// Differing are the stacks of which an apply would change something.
func (r Report) Differing() []Stack {
	return slices.DeleteFunc(slices.Clone(r.Stacks), func(s Stack) bool { return s.Found != Differs })
}
