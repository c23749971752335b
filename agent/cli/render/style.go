package render

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"sallyport/agent/control"
	"sallyport/notify/words"
	"sallyport/store"
)

// The colours are the terminal's own sixteen: they suit whatever theme a person can read.
var (
	plain      = style{}
	bold       = styleOf(lipgloss.NewStyle().Bold(true))
	faint      = styleOf(lipgloss.NewStyle().Faint(true))
	red        = styleOf(lipgloss.NewStyle().Foreground(lipgloss.Red))
	redBold    = styleOf(lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true))
	green      = styleOf(lipgloss.NewStyle().Foreground(lipgloss.Green))
	yellow     = styleOf(lipgloss.NewStyle().Foreground(lipgloss.Yellow))
	yellowBold = styleOf(lipgloss.NewStyle().Foreground(lipgloss.Yellow).Bold(true))
	cyan       = styleOf(lipgloss.NewStyle().Foreground(lipgloss.Cyan))
)

// style is what lipgloss puts before and after a word. It is asked once for each: laying out the thousand cells of a
// large status took a fifth of its time.
type style struct{ before, after string }

func styleOf(s lipgloss.Style) style {
	before, after, _ := strings.Cut(s.Render("x"), "x")
	return style{before, after}
}

// paint puts a style around each line of a text without touching its tabs and blanks.
func paint(s style, text string) string {
	if text == "" || s == plain {
		return text
	}
	if !strings.Contains(text, "\n") {
		return s.before + text + s.after
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = s.before + line + s.after
		}
	}
	return strings.Join(lines, "\n")
}

// statusStyle is the colour of a status: what wants a person is yellow, what went wrong red.
func statusStyle(s store.Status) style {
	switch s {
	case store.Applied, store.NoChanges:
		return green
	case store.Planned:
		return yellowBold
	case store.Errored, store.Interrupted:
		return redBold
	case store.Pending, store.Planning, store.Approved, store.Applying:
		return cyan
	default:
		return plain
	}
}

// ago is "3 minutes ago"; "never" for a time that is not set.
func ago(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	return words.Ago(*t, now)
}

// lasts is since when something lasts, as how long: "for 3 minutes".
func lasts(t *time.Time, now time.Time) string {
	if t == nil {
		return "just now"
	}
	return words.For(*t, now)
}

// spoken is a time in a sentence of the agent's, which says it in UTC.
var spoken = regexp.MustCompile(`\b(?:since|at|on|of|until|expires) \d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2})? UTC\b`)

// local is a text with the times of the agent's sentences in the zone of now. Those of windows and freezes that name a zone keep it.
func local(text string, now time.Time) string {
	return spoken.ReplaceAllStringFunc(text, func(found string) string {
		word, at, _ := strings.Cut(found, " ")
		for _, layout := range []string{"2006-01-02 15:04 MST", "2006-01-02 15:04:05 MST"} {
			if t, err := time.Parse(layout, at); err == nil && t.Format(layout) == at {
				return word + " " + t.In(now.Location()).Format(layout)
			}
		}
		return found
	})
}

// when is a time in full, in the zone of now, and how long ago that is.
func when(t *time.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	return t.In(now.Location()).Format("2006-01-02 15:04:05 MST") + " (" + ago(t, now) + ")"
}

// short is the beginning of a commit's hash, or a dash.
func short(commit string) string {
	if commit == "" {
		return "-"
	}
	return words.Short(commit)
}

// Counts is "1 to add, 0 to change, 2 to destroy", in terraform's words and order.
func Counts(p *control.Plan) string {
	switch {
	case p == nil:
		return ""
	case p.Add+p.Change+p.Destroy == 0 && len(p.Changes) == 0 && len(p.Outputs) > 0:
		return words.CountOf(len(p.Outputs), "output", "outputs") + " to change"
	case p.Add+p.Change+p.Destroy == 0 && len(p.Changes) == 0:
		return "no changes"
	}
	text := fmt.Sprintf("%d to add, %d to change, %d to destroy", p.Add, p.Change, p.Destroy)
	if p.Import > 0 {
		text = fmt.Sprintf("%d to import, ", p.Import) + text
	}
	forget, move, refresh, invoke, unknown := 0, 0, 0, 0, 0
	for _, c := range p.Changes {
		switch strings.Join(c.Actions, ",") {
		case "forget", "create,forget":
			forget++
		case "invoke":
			invoke++
		case "refresh":
			refresh++
		case "no-op":
			move++
		}
		if c.Unknown {
			unknown++
		}
	}
	for _, also := range []struct {
		n     int
		words string
	}{{forget, "to forget"}, {move, "to move"}, {refresh, "to refresh"}, {invoke, "to invoke"}, {unknown, "of a kind that sallyport does not know"}} {
		if also.n > 0 {
			text += fmt.Sprintf(", %d %s", also.n, also.words)
		}
	}
	return text
}
