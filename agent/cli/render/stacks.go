package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/words"
)

func (w Width) repositoriesTable(repositories []control.Repository, now time.Time) string {
	var rows [][]string
	for _, r := range repositories {
		rows = append(rows, []string{r.Name, r.Branch, short(r.Head), ago(r.PolledAt, now), r.URL})
	}
	headings := []string{"NAME", "BRANCH", "HEAD", "POLLED", "URL"}
	return table{headings: headings, rows: rows, spare: []string{"HEAD", "BRANCH"}, look: func(row, column int) style {
		if column == 3 && repositories[row].Error != "" {
			return red
		}
		return plain
	}}.in(w)
}

func (w Width) stacksTable(stacks []control.Stack, now time.Time) string {
	head := []string{"STACK", "APPLIED", "WHEN", "BEHIND", "RUN", "STATUS", "NOTE"}
	checked := slices.ContainsFunc(stacks, func(s control.Stack) bool { return s.Drift != nil })
	if checked {
		head = slices.Insert(head, 6, "DRIFT")
	}
	var rows [][]string
	for _, s := range stacks {
		run, status := "-", "-"
		if s.Run != nil {
			run, status = RunName(*s.Run), string(s.Run.Status)
		}
		behind := "-"
		if s.Behind > 0 {
			behind = strconv.Itoa(s.Behind)
		}
		row := []string{s.Name, short(s.AppliedCommit), ago(s.AppliedAt, now), behind, run, status, stackNote(s, now)}
		if checked {
			row = slices.Insert(row, 6, drift(s.Drift, now))
		}
		rows = append(rows, row)
	}
	return table{headings: head, rows: rows, spare: []string{"BEHIND", "APPLIED", "WHEN", "NOTE", "DRIFT"}, look: func(row, column int) style {
		s := stacks[row]
		switch {
		case column == 5 && s.Run != nil:
			return statusStyle(s.Run.Status)
		case column == 6 && checked && s.Drift != nil && (s.Drift.Found() || s.Drift.Error != ""):
			return red
		case column == len(head)-1 && s.Error != "":
			return red
		}
		return plain
	}}.in(w)
}

// drift is what the last check found and how long ago that was.
func drift(d *control.Drift, now time.Time) string {
	if d == nil {
		return "-"
	}
	if d.Error != "" {
		return "check fails " + lasts(d.ErrorAt, now)
	}
	var parts []string
	for _, part := range []struct {
		n     int
		words string
	}{{d.Gone, "gone"}, {d.Changed, "changed"}, {d.Config, "config"}, {d.Outputs, "outputs"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.words))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none"}
	}
	return strings.Join(parts, ", ") + ", " + ago(d.CheckedAt, now)
}

// stackNote is the one thing that is worth a word about a stack.
func stackNote(s control.Stack, now time.Time) string {
	switch {
	case s.Error != "":
		return words.FirstLine(s.Error, maxNote)
	case s.Pause != nil:
		return words.FirstLine("paused"+pauseText(s.Pause, now), maxNote)
	case s.Occupied != nil:
		return words.FirstLine("in use"+pauseText(s.Occupied, now), maxNote)
	case s.Pin != nil:
		return words.FirstLine("pinned at "+short(s.Pin.Commit)+pauseText(&control.Pause{By: s.Pin.By, Login: s.Pin.Login, At: s.Pin.At, Reason: s.Pin.Reason}, now), maxNote)
	case s.Run != nil && s.Run.Held != "":
		return words.FirstLine(s.Run.Held, maxNote)
	case s.ApplyClosed != "":
		return words.FirstLine(s.ApplyClosed, maxNote)
	case s.Run != nil && s.Run.Error != "":
		return words.FirstLine(s.Run.Error, maxNote)
	case s.Partly != nil:
		return words.FirstLine(s.Partly.Text, maxNote)
	case len(s.LeftOut) > 0:
		t := s.LeftOut[0]
		return words.FirstLine(fmt.Sprintf("#%d applied only %s", t.Run, words.List(t.Targets, 5)), maxNote)
	case s.Destroyed != nil:
		return fmt.Sprintf("destroyed by #%d, %s", s.Destroyed.Run, ago(s.Destroyed.At, now))
	case s.Run != nil && !s.Run.Status.Terminal():
		return "" // what was so before says nothing of what waits now
	case s.CheckedAt != nil && (s.AppliedAt == nil || s.CheckedAt.After(*s.AppliedAt)):
		return "no changes, " + ago(s.CheckedAt, now)
	}
	return ""
}

// leftOut are the applies of some addresses only, of which somebody has to see to the rest.
func leftOut(s control.Stack) []control.Problem {
	var problems []control.Problem
	for _, t := range s.LeftOut {
		problems = append(problems, control.Problem{Source: "stack " + s.Name + ", left out", Error: t.Text, Hint: t.Hint})
	}
	return problems
}
