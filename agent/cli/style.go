package cli

import (
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"github.com/dustin/go-humanize"

	"sallyport/agent/control"
	"sallyport/notify/redact"
	"sallyport/store"
)

// The colours are the terminal's own sixteen: they suit whatever theme a person can read.
var (
	bold   = lipgloss.NewStyle().Bold(true)
	faint  = lipgloss.NewStyle().Faint(true)
	red    = lipgloss.NewStyle().Foreground(lipgloss.Red)
	green  = lipgloss.NewStyle().Foreground(lipgloss.Green)
	yellow = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	cyan   = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
)

// paint puts a style around a text without touching its tabs and blanks.
func paint(s lipgloss.Style, text string) string {
	if text == "" {
		return ""
	}
	return s.TabWidth(lipgloss.NoTabConversion).Render(text)
}

// statusStyle is the colour of a status: what wants a person is yellow, what went wrong red.
func statusStyle(s store.Status) lipgloss.Style {
	switch s {
	case store.Applied, store.NoChanges:
		return green
	case store.Planned:
		return yellow.Bold(true)
	case store.Errored, store.Interrupted:
		return red.Bold(true)
	case store.Pending, store.Planning, store.Approved, store.Applying:
		return cyan
	default:
		return lipgloss.NewStyle()
	}
}

// columns renders a table without lines, for people: headings, and a blank column between cells. Cells are cleaned
// here; they may be painted through style, by row and column.
func columns(headings []string, rows [][]string, style func(row, column int) lipgloss.Style) string {
	for _, row := range rows {
		for i := range row {
			row[i] = redact.CleanLine(row[i])
		}
	}
	t := table.New().
		BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderHeader(false).BorderColumn(false).BorderRow(false).Wrap(false).
		Headers(headings...).Rows(rows...).
		StyleFunc(func(row, column int) lipgloss.Style {
			s := faint
			if row != table.HeaderRow {
				s = style(row, column)
			}
			if column < len(headings)-1 {
				s = s.PaddingRight(2)
			}
			return s
		})
	lines := strings.Split(t.Render(), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// ago is "3 minutes ago"; "never" for a time that is not set.
func (a *app) ago(t *time.Time) string {
	if t == nil {
		return "never"
	}
	if d := t.Sub(a.now()); d > -time.Second && d < time.Second {
		return "now"
	}
	return humanize.RelTime(*t, a.now(), "ago", "from now")
}

// when is a time in full and how long ago that is.
func (a *app) when(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST") + " (" + a.ago(t) + ")"
}

// short is the beginning of a commit's hash, or a dash.
func short(commit string) string {
	switch {
	case commit == "":
		return "-"
	case len(commit) > 10:
		return commit[:10]
	}
	return commit
}

// count is "1 stack" or "3 stacks".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}

// counts is "1 to add, 0 to change, 2 to destroy", in terraform's words and order.
func counts(p *control.Plan) string {
	switch {
	case p == nil:
		return ""
	case p.Add+p.Change+p.Destroy == 0 && len(p.Changes) == 0 && len(p.Outputs) > 0:
		return count(len(p.Outputs), "output", "outputs") + " to change"
	case p.Add+p.Change+p.Destroy == 0 && len(p.Changes) == 0:
		return "no changes"
	}
	return fmt.Sprintf("%d to add, %d to change, %d to destroy", p.Add, p.Change, p.Destroy)
}
