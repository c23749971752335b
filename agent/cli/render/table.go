package render

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"sallyport/notify/redact"
)

// Width is how many columns the terminal has that something is rendered for; 0: no terminal, and tables are as wide as they are.
type Width int

// table is a table without lines, for people: headings, and two blanks between columns.
type table struct {
	headings []string
	rows     [][]string
	look     func(row, column int) style // nil: plain
	// spare are the headings of columns that are left out, in this order, where the terminal has no room for them.
	spare []string
}

// minLast is how much of the last column is worth more than a column before it.
const minLast = 24

// in renders the table. Cells are cleaned here. Painting goes around the words alone and the widths are counted before it: lipgloss's
// own table lays everything out twice, which was most of the time of `status`.
func (t table) in(width Width) string {
	widths := make([]int, len(t.headings))
	for i, h := range t.headings {
		widths[i] = lipgloss.Width(h)
	}
	for _, row := range t.rows {
		for i := range row {
			row[i] = redact.CleanLine(row[i])
			widths[i] = max(widths[i], lipgloss.Width(row[i]))
		}
	}
	kept := t.fit(widths, int(width))
	var b strings.Builder
	line := func(cells []string, look func(column int) style) {
		gap := 0 // blanks are written when something follows them, so that no line ends in them
		for _, i := range kept {
			cell := cells[i]
			if i == len(cells)-1 {
				cell = cutWords(cell, widths[i])
			}
			if cell != "" {
				b.WriteString(strings.Repeat(" ", gap) + paint(look(i), cell))
				gap = 0
			}
			gap += widths[i] - lipgloss.Width(cell) + 2
		}
		b.WriteString("\n")
	}
	line(t.headings, func(int) style { return faint })
	for n, row := range t.rows {
		line(row, func(column int) style {
			if t.look == nil {
				return plain
			}
			return t.look(n, column)
		})
	}
	return b.String()
}

// fit says which columns there is room for, and narrows the last one. Without a terminal there is room for all.
func (t table) fit(widths []int, width int) []int {
	var kept []int
	for i := range widths {
		kept = append(kept, i)
	}
	if width == 0 {
		return kept
	}
	last, spare := len(widths)-1, t.spare
	for {
		total := 2 * (len(kept) - 1)
		for _, i := range kept {
			total += widths[i]
		}
		whole := kept[len(kept)-1] == last // the last column is there
		room := width - (total - widths[last])
		switch {
		case total <= width:
			return kept
		case whole && (room >= minLast || len(spare) == 0 && room >= lipgloss.Width(t.headings[last])):
			widths[last] = room
			return kept
		case len(spare) > 0:
			gone := slices.Index(t.headings, spare[0])
			kept, spare = slices.DeleteFunc(kept, func(i int) bool { return i == gone }), spare[1:]
		case whole && len(kept) > 1:
			return kept[:len(kept)-1]
		default:
			return kept // each of the words is as long as it is
		}
	}
}

// cutWords shortens a cell to a width, at the end of a word. One that begins with a longer word is a mark that there is something.
func cutWords(cell string, width int) string {
	if lipgloss.Width(cell) <= width {
		return cell
	}
	short := ""
	for _, word := range strings.Fields(cell) {
		longer := strings.TrimSpace(short + " " + word)
		if lipgloss.Width(longer)+2 > width {
			break
		}
		short = longer
	}
	return strings.TrimSpace(short + " …")
}
