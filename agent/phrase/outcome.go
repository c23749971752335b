package phrase

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// Outcome tells in the run's thread how it ended: what was done, how long it took, which outputs there are.
func Outcome(run *store.Run) string {
	lines := []string{fmt.Sprintf("#%d %s %s", run.ID, run.Stack, ended(run))}
	if run.Error != "" {
		lines = append(lines, run.Error)
	}
	if run.Apply != nil && len(run.Apply.Open) > 0 && run.Status != store.Interrupted {
		lines = append(lines, "Started and not completed: "+words.List(run.Apply.Open, 20)+".")
	}
	if run.Apply != nil && run.Status == store.Applied && len(run.Apply.Outputs) > 0 {
		lines = append(lines, "Outputs: "+words.List(run.Apply.Outputs, 30)+".")
	}
	if run.Apply != nil && run.Status == store.Applied {
		lines = append(lines, notify.ChecksLines(run.Apply.Checks)...)
	}
	if run.Status == store.Applied && run.Options.Targeted() {
		lines = append(lines, "The rest of commit "+words.Short(run.Commit)+" is not applied. Next: sallyport plan "+run.Stack)
	}
	if run.Hint != "" {
		lines = append(lines, "Next: "+run.Hint)
	}
	return strings.Join(lines, "\n")
}

// AnswerOptions say what an answer may tell.
type AnswerOptions struct {
	Causes bool // terraform's words, which name addresses
}

// Answer tells whoever asked for a run how it ended, in a few lines: the run's own thread has the rest.
func Answer(run *store.Run, o AnswerOptions) string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	cause := strings.TrimPrefix(notify.Cause(run.Error), "superseded: ")
	switch run.Status {
	case store.NoChanges:
		add("#%d %s: nothing to do, %s.", run.ID, run.Stack, asApplied(run))
		if run.Plan.ChecksFail() && o.Causes {
			lines = append(lines, notify.ChecksLines(run.Plan.Checks)...)
		}
		cause = ""
	case store.Superseded:
		add("#%d %s was superseded.", run.ID, run.Stack)
		if cause != "" {
			lines[0] = fmt.Sprintf("#%d %s was superseded: %s.", run.ID, run.Stack, strings.TrimSuffix(cause, "."))
		}
		cause = "" // why is ours, and names no address
	case store.Previewed:
		add("#%d %s is planned: %s.", run.ID, run.Stack, notify.Card{Plan: run.Plan}.Counts())
	default:
		add("#%d %s %s", run.ID, run.Stack, ended(run))
	}
	switch {
	case cause != "" && o.Causes:
		add("%s", cause)
	case cause != "":
		add("Why: sallyport show %d", run.ID)
	}
	if run.Hint != "" && run.Status != store.NoChanges {
		add("Next: %s", run.Hint)
	}
	if run.Card != nil && run.Card.Permalink != "" {
		add("%s", run.Card.Permalink)
	}
	return strings.Join(lines, "\n")
}

// asApplied is of what a plan that finds nothing to do says so.
func asApplied(run *store.Run) string {
	if run.Options.Targeted() {
		return "its targets are as applied; the rest was not planned"
	}
	return "all is as applied"
}

func ended(run *store.Run) string {
	took := ""
	if run.Apply != nil && run.Apply.EndedAt.After(run.Apply.StartedAt) {
		took = " after " + words.Span(run.Apply.EndedAt.Sub(run.Apply.StartedAt))
	}
	switch run.Status {
	case store.Applied:
		by := votes.ApprovedBy(run)
		if run.Engine == config.EnginePacker {
			return fmt.Sprintf("is built%s: %s.%s", took, ArtifactNames(run.Artifacts), by)
		}
		return fmt.Sprintf("is applied%s: %s.%s", took, planCounts(run.Plan), by)
	case store.Errored:
		if run.Apply != nil && run.Engine == config.EnginePacker {
			return fmt.Sprintf("failed%s with %s done.", took, words.Of(run.Apply.Done, run.Apply.Total, "builder"))
		}
		if run.Apply != nil {
			return fmt.Sprintf("failed%s with %s done; the state may be partly changed.", took, words.Of(run.Apply.Done, run.Apply.Total, "resource"))
		}
		if run.Plan != nil {
			return "was not applied."
		}
		return "could not be planned."
	case store.Interrupted:
		return "was interrupted: nobody saw the end of its apply. It is not repeated."
	case store.Canceled:
		if run.Apply != nil {
			return fmt.Sprintf("was canceled%s with %s done.", took, words.Of(run.Apply.Done, run.Apply.Total, "resource"))
		}
		return "was canceled."
	case store.Stale:
		if run.Hint != "" {
			return "is stale and was not applied."
		}
		return "is stale and was not applied; another plan takes over."
	case store.Expired:
		return "expired."
	case store.Discarded:
		return "is discarded."
	}
	return "ended: " + string(run.Status)
}

func planCounts(p *store.Plan) string {
	if p == nil {
		return "nothing was planned"
	}
	text := fmt.Sprintf("%d created, %d changed, %d destroyed", p.Add, p.Change, p.Destroy)
	if n := p.Imports(); n > 0 {
		text = fmt.Sprintf("%d imported, %s", n, text)
	}
	for _, also := range []struct {
		action string
		word   string
	}{{"forget", "forgotten and not destroyed"}, {"move", "moved"}, {"refresh", "refreshed in the state"}, {"invoke", "invoked"}} {
		n := 0
		for _, c := range p.Changes {
			moved := also.action == "move" && c.Previous != "" && len(c.Actions) == 1 && c.Actions[0] == "no-op"
			if moved || slices.Contains(c.Actions, also.action) {
				n++
			}
		}
		if n > 0 {
			text += fmt.Sprintf(", %d %s", n, also.word)
		}
	}
	return text
}
