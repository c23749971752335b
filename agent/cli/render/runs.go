package render

import (
	"time"

	"sallyport/agent/control"
	"sallyport/notify/words"
	"sallyport/store"
)

// Runs is a table of runs, in the order in which they are given; without any it has its headings only. Where there is no room for all
// columns it has the number, the stack, the status and what it is about.
func (w Width) Runs(runs []control.Run, now time.Time) string {
	var rows [][]string
	for _, r := range runs {
		rows = append(rows, []string{
			RunName(r), r.Stack, string(r.Kind), string(r.Status), short(r.Commit), ago(r.CreatedAt, now), Counts(r.Plan), runNote(r),
		})
	}
	headings := []string{"RUN", "STACK", "KIND", "STATUS", "COMMIT", "CREATED", "PLAN", "ABOUT"}
	return table{headings: headings, rows: rows, spare: []string{"COMMIT", "KIND", "PLAN", "CREATED"}, look: func(row, column int) style {
		if column == 3 {
			return statusStyle(runs[row].Status)
		}
		return plain
	}}.in(w)
}

// runNote is what went wrong with a run, or what it was for.
func runNote(r control.Run) string {
	switch {
	case r.Error != "" && r.Status != store.Applied && r.Status != store.NoChanges:
		return words.FirstLine(r.Error, maxNote)
	case r.Kind == store.KindCommit || r.Reason == "":
		return words.FirstLine(r.Subject, maxNote)
	}
	return words.FirstLine(r.Reason, maxNote)
}
