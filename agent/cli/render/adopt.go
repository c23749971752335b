package render

import (
	"fmt"
	"strings"

	"sallyport/agent/cli/adopt"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// maxAdopted is how many changes of a stack that differs are listed.
const maxAdopted = 10

// Adopt is the table of stacks that are only observed, what differs in some of them, and what to do.
func (w Width) Adopt(r adopt.Report) string {
	var b strings.Builder
	if len(r.Stacks) > 0 {
		b.WriteString(w.adopted(r) + "\n")
		for _, s := range r.Differing() {
			b.WriteString(differences(s))
		}
		b.WriteString(adoptedSum(r) + "\n")
	}
	for _, next := range r.Next {
		b.WriteString(redact.CleanLine(next) + "\n")
	}
	return b.String()
}

func (w Width) adopted(r adopt.Report) string {
	var rows [][]string
	for _, s := range r.Stacks {
		run, what := "-", words.FirstLine(s.Text, maxNote)
		if s.Run > 0 {
			run = fmt.Sprintf("#%d", s.Run)
		}
		if s.Found == adopt.Differs {
			what = Counts(s.Plan)
		}
		rows = append(rows, []string{s.Name, run, foundWord(s.Found), what})
	}
	return table{headings: []string{"STACK", "RUN", "FOUND", "WHAT"}, rows: rows, spare: []string{"RUN"}, look: func(row, column int) style {
		if column == 2 {
			return map[adopt.Found]style{adopt.Same: green, adopt.Differs: yellow, adopt.Errored: red}[r.Stacks[row].Found]
		}
		return plain
	}}.in(w)
}

func foundWord(f adopt.Found) string {
	return map[adopt.Found]string{adopt.Same: "no changes", adopt.Differs: "differs", adopt.Errored: "error", adopt.Waiting: "waits"}[f]
}

// differences list what an apply of a stack would change.
func differences(s adopt.Stack) string {
	text := redact.CleanLine(s.Name) + ":\n"
	for _, c := range s.Plan.Changes[:min(maxAdopted, len(s.Plan.Changes))] {
		mark, style := markOf(c)
		text += "  " + paint(style, mark) + " " + redact.CleanLine(c.Address) + paint(yellow, strings.TrimSuffix(changeNote(c), mustName)) + "\n"
	}
	if more := len(s.Plan.Changes) - maxAdopted; more > 0 {
		text += fmt.Sprintf("      and %d more: sallyport show %d\n", more, s.Run)
	}
	for _, o := range s.Plan.Outputs[:min(maxAdopted, len(s.Plan.Outputs))] {
		text += "      " + redact.CleanLine("output "+o.Name+": "+strings.Join(o.Actions, ", ")) + "\n"
	}
	if n := len(s.Plan.Deferred); n > 0 {
		text += "      " + words.CountOf(n, "change is", "changes are") + " left to another plan\n"
	}
	return text + "\n"
}

// adoptedSum is "17 without changes, 3 differ".
func adoptedSum(r adopt.Report) string {
	parts := []string{fmt.Sprintf("%d without changes", r.Same), fmt.Sprintf("%d %s", r.Differ, map[bool]string{true: "differs", false: "differ"}[r.Differ == 1])}
	if r.Errored > 0 {
		parts = append(parts, fmt.Sprintf("%d could not be planned", r.Errored))
	}
	if r.Waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d without a plan yet", r.Waiting))
	}
	return strings.Join(parts, ", ")
}
