package page

import (
	"fmt"
	"strings"

	"sallyport/agent/control"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// maxSubject is how much of a commit's first line is shown, in characters.
const maxSubject = 300

// factsOf is what a run is.
func factsOf(r RunPage, ended bool) (out []fact) {
	run := r.Run
	add := func(f fact) {
		if f.Value = strings.TrimSpace(f.Value); f.Value != "" || f.Moment.Text != "" {
			out = append(out, f)
		}
	}
	commit := run.Commit
	if run.Change != "" && commit != "" {
		commit += " of " + run.Change
	}
	add(fact{Name: "stack", Value: lineOf(run.Stack)})
	if run.Engine != control.EngineOf("") {
		add(fact{Name: "kind", Value: "an image, built by " + lineOf(run.Engine)})
	}
	add(fact{Name: "commit", Value: lineOf(commit), Class: "code"})
	add(fact{Name: "author", Value: lineOf(run.Author)})
	add(fact{Name: "subject", Value: words.Cut(lineOf(run.Subject), maxSubject)})
	add(fact{Name: "why this run", Value: whyOf(run)})
	if !ended {
		add(fact{Name: "position", Value: position(run)})
	}
	add(fact{Name: "made", Moment: MomentOf(run.CreatedAt, r.Now)})
	add(fact{Name: "planned", Moment: MomentOf(run.PlannedAt, r.Now)})
	if run.Status == store.Planned {
		add(fact{Name: "expires", Moment: MomentOf(run.ExpiresAt, r.Now)})
	}
	add(fact{Name: "ended", Moment: MomentOf(run.EndedAt, r.Now)})
	if p := run.Plan; p != nil {
		add(fact{Name: "plan", Value: words.Short(p.Digest), Class: "code"})
		if p.Version != "" {
			add(fact{Name: "made with", Value: lineOf(strings.TrimSpace(run.Engine + " " + p.Version))})
		}
	}
	for _, a := range run.Artifacts {
		add(fact{Name: "image", Value: artifact(a), Class: "code"})
	}
	for _, i := range run.Images {
		text := lineOf(i.Variable) + " is " + lineOf(i.Image)
		for _, a := range i.Artifacts {
			text += " " + artifact(a)
		}
		add(fact{Name: "uses image", Value: text})
	}
	for _, n := range run.Notes {
		add(fact{Name: "note", Value: n})
	}
	if strings.HasPrefix(run.Permalink, "https://") {
		add(fact{Name: "slack", Value: "the message about this run", URL: run.Permalink})
	}
	return out
}

// position is how the commit lies to what is applied.
func position(run control.Run) string {
	switch {
	case run.Reason == notify.FirstSeen:
		return "first plan of this stack"
	case run.Plan != nil && run.Plan.NewState:
		return strings.TrimPrefix(lineOf(run.Position)+"; no state yet: everything is new", "; ")
	}
	return lineOf(run.Position)
}

func artifact(a control.Artifact) string {
	text := lineOf(a.Builder) + " " + lineOf(a.ID)
	if a.Region != "" {
		text += " in " + lineOf(a.Region)
	}
	return text
}

// previewed is what a preview is of.
func previewed(run control.Run) string {
	if run.Change == "" {
		return "a pull request"
	}
	return lineOf(run.Change)
}

// whyOf says why there is a run.
func whyOf(run control.Run) string {
	why := map[store.Kind]string{
		store.KindCommit: "the branch moved", store.KindManual: "somebody asked for it", store.KindDrift: "the schedule looked for drift",
		store.KindPullRequest: "a preview of " + previewed(run), store.KindRecovery: "an earlier run is planned again",
		store.KindDependency: "a stack that this one depends on has changed", store.KindSchedule: "the schedule of the image",
	}[run.Kind]
	if why == "" {
		why = lineOf(string(run.Kind))
	}
	again := run.Kind == store.KindRecovery // which nobody has asked for, but for the run in whose place it is
	if run.RequestedBy != "" && !again {
		why = lineOf(store.By(run.RequestedBy, run.RequestedLogin)) + " asked for it"
	}
	if run.After != 0 {
		why += fmt.Sprintf(", in the place of %s", number(run.After))
	}
	if run.RequestedBy != "" && again {
		why += ", which " + lineOf(store.By(run.RequestedBy, run.RequestedLogin)) + " had asked for"
	}
	if file, ok := strings.CutPrefix(lineOf(run.Reason), "changed: "); ok && run.RequestedBy == "" {
		return "a commit changed " + file
	}
	if reason := lineOf(run.Reason); reason != "" && run.Reason != notify.FirstSeen {
		why += ": " + reason
	}
	return why
}

// policiesOf is what policies say of a run.
func policiesOf(run control.Run) (out []fact) {
	if run.Asks != "" {
		out = append(out, fact{Name: "people decide", Value: run.Asks, Class: "wait"})
	}
	for _, d := range run.Decisions {
		if name, ok := strings.CutPrefix(d.By, store.PolicyPrefix); ok {
			out = append(out, fact{Name: "policy " + lineOf(name), Value: strings.TrimSpace(string(d.Verdict) + " " + lineOf(d.Text)), Class: "good"})
		}
	}
	if a := run.Approvals; a.Worth() && run.Status == store.Planned {
		out = append(out, fact{Name: "approvals", Value: a.String()})
	}
	if g := run.BreakGlass; g != nil {
		text := lineOf(g.By) + " approved alone: " + lineOf(g.Reason)
		if g.ReviewedBy == "" {
			text += fmt.Sprintf("\nNobody else has reviewed it: sallyport review %d", run.ID)
		} else {
			text += "\nReviewed by " + lineOf(g.ReviewedBy) + ": " + lineOf(g.Review)
		}
		out = append(out, fact{Name: "glass broken", Value: text, Class: "bad"})
	}
	return out
}

// hooksOf is what hooks said of a run.
func hooksOf(run control.Run) (out []said) {
	for _, n := range run.HookNotes {
		s := said{Name: lineOf(n.Hook + " hook " + n.Command), Text: strings.TrimSpace(n.Text), Warns: n.Warns}
		for _, f := range n.Facts {
			s.Facts = append(s.Facts, fact{Name: lineOf(f.Name), Value: lineOf(f.Value)})
		}
		out = append(out, s)
	}
	return out
}
