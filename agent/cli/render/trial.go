package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/control"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// Trial is the result of `plan --all --json`: how far another terraform makes the plans that the configured one makes.
type Trial struct {
	Tool       string                `json:"tool"`
	Path       string                `json:"path"`
	Total      int                   `json:"total"`
	Whole      bool                  `json:"whole"` // every stack is in it
	Stacks     []control.TrialResult `json:"stacks"`
	Same       int                   `json:"same"`
	Other      int                   `json:"other"`
	Error      int                   `json:"error"`
	NotPlanned int                   `json:"not_planned"`
}

// NewTrial begins one of which nothing is known.
func NewTrial() *Trial { return &Trial{Stacks: []control.TrialResult{}} }

// Take takes a piece of news.
func (t *Trial) Take(news control.TrialNews) {
	r := news.Result
	if r == nil {
		t.Tool, t.Path, t.Total = news.Tool, news.Path, news.Stacks
		return
	}
	t.Stacks = append(t.Stacks, *r)
	switch r.Outcome {
	case control.TrialSame:
		t.Same++
	case control.TrialOther:
		t.Other++
	case control.TrialError:
		t.Error++
	default:
		t.NotPlanned++
	}
}

// Close ends it: whole, or cut off. What nothing was told of was not planned.
func (t *Trial) Close(whole bool) {
	t.Whole = whole && len(t.Stacks) == t.Total
	t.NotPlanned += max(0, t.Total-len(t.Stacks))
	slices.SortFunc(t.Stacks, func(a, b control.TrialResult) int { return cmp.Compare(a.Stack, b.Stack) })
}

// OutcomeWord is what people read of an outcome.
func OutcomeWord(o control.TrialOutcome) string {
	switch o {
	case control.TrialSame:
		return "same plan"
	case control.TrialOther:
		return "other plan"
	case control.TrialError:
		return "error"
	}
	return "not planned"
}

// Trial is the table of a trial, what differs in some stacks, and the sum.
func (w Width) Trial(t *Trial) string {
	var rows [][]string
	for _, r := range t.Stacks {
		with, what := r.Configured, words.FirstLine(r.Text, maxNote)
		if r.Plan != nil {
			what = Counts(r.Plan)
		}
		if with == "" {
			with = "-"
		}
		rows = append(rows, []string{r.Stack, OutcomeWord(r.Outcome), with, what})
	}
	text := table{headings: []string{"STACK", "RESULT", "CONFIGURED", "WHAT"}, rows: rows, spare: []string{"CONFIGURED"}, look: func(row, column int) style {
		if column != 1 {
			return plain
		}
		switch t.Stacks[row].Outcome {
		case control.TrialSame:
			return green
		case control.TrialOther:
			return yellow
		}
		return red
	}}.in(w) + "\n"
	for _, r := range t.Stacks {
		text += trialDetails(r)
	}
	sum := []string{fmt.Sprintf("%s: %d same plan, %d other plan, %s", t.Tool, t.Same, t.Other, words.Count(t.Error, "error"))}
	if t.NotPlanned > 0 {
		sum = append(sum, fmt.Sprintf("%d not planned", t.NotPlanned))
	}
	return text + redact.CleanLine(strings.Join(sum, ", ")) + "\n"
}

// trialDetails are what the table has no room for.
func trialDetails(r control.TrialResult) string {
	lines := slices.Clone(r.Differences)
	if r.Outcome == control.TrialError {
		lines = append(lines, strings.Split(strings.TrimSpace(r.Text), "\n")...)
	} else if r.Outcome != control.TrialNotPlanned && r.Text != "" {
		lines = append(lines, r.Text)
	}
	if r.Hint != "" {
		lines = append(lines, "hint: "+r.Hint)
	}
	if len(lines) == 0 {
		return ""
	}
	text := redact.CleanLine(r.Stack) + ":\n"
	for _, line := range lines {
		text += "  " + redact.CleanLine(line) + "\n"
	}
	return text + "\n"
}
