package render

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// hang is by how much more what goes on of a line is indented.
const hang = 2

// Folded brings lines to the width of the terminal, at blanks: the terminal itself would break them in the middle of a word. What is there to
// be typed stays in one piece.
func (w Width) Folded(text string) string {
	if w <= 0 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		plain := ansi.Strip(strings.TrimRight(line, "\n"))
		if ansi.StringWidth(plain) <= int(w) || strings.HasPrefix(strings.TrimLeft(plain, " "), "sallyport ") {
			b.WriteString(line)
			continue
		}
		b.WriteString(w.fold(strings.TrimRight(line, "\n"), len(line)-len(strings.TrimLeft(line, " "))))
		b.WriteString("\n")
	}
	return b.String()
}

// fold breaks one line that begins with indent blanks. A word that is too long for any line stands alone.
func (w Width) fold(line string, indent int) string {
	margin := strings.Repeat(" ", indent+hang)
	var b strings.Builder
	b.WriteString(line[:indent])
	used, empty := indent, true
	for word := range strings.SplitSeq(line[indent:], " ") {
		n := ansi.StringWidth(word)
		switch {
		case empty:
		case used+1+n > int(w):
			b.WriteString("\n" + margin)
			used = len(margin)
		default:
			b.WriteString(" ")
			used++
		}
		b.WriteString(word)
		used, empty = used+n, false
	}
	return b.String()
}
