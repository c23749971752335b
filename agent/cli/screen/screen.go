// Package screen is the terminal of a person: how large it is, how long texts are paged on it, how something that changes is drawn on
// it again, and how what strangers have written is kept from taking it over.
//
// # Where there is none
//
// A file, a pipe and a journal get plain texts, once each, and one structured line for each notice: what reads them goes by lines.
// NO_COLOR means that nothing but text is wanted, so that nothing is drawn again then either.
package screen

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"

	"sallyport/notify/words"
)

// Of is the size of the terminal that w is, in columns and lines; zeros if it is none.
func Of(w io.Writer) (columns, lines int) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(f.Fd()) {
		return 0, 0
	}
	columns, lines, err := term.GetSize(f.Fd())
	if err != nil {
		return 0, 0
	}
	return columns, lines
}

// The sequences that a screen is drawn with.
const (
	other = "\x1b[?1049h" // the screen beside that on which people have typed
	back  = "\x1b[?1049l"
	home  = "\x1b[H"
	wipe  = "\x1b[K" // to the end of the line
	clear = "\x1b[J" // to the end of the screen
)

// Screen shows one text, and then another in its place.
type Screen struct {
	out  io.Writer
	size func() (columns, lines int)
	on   bool
	last string
}

// New makes a screen of a terminal, to which out leads. Whoever makes it closes it.
func New(out io.Writer, terminal *os.File) *Screen {
	return &Screen{out: out, size: func() (int, int) { return Of(terminal) }}
}

// Draw shows a text in the place of what was shown. What does not fit is left out, and counted in the last line.
func (s *Screen) Draw(text string) error {
	columns, height := s.size()
	now := fmt.Sprintf("%dx%d %s", columns, height, text)
	if s.on && now == s.last {
		return nil
	}
	s.last = now
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if height > 1 && len(lines) > height {
		more := len(lines) - (height - 1)
		lines = append(lines[:height-1:height-1], "and "+words.CountOf(more, "line", "lines")+" more; sallyport status shows all")
	}
	var b strings.Builder
	if !s.on {
		b.WriteString(other)
	}
	b.WriteString(home)
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\n")
		}
		if columns > 0 {
			line = ansi.Truncate(line, columns, "…")
		}
		b.WriteString(line + wipe)
	}
	s.on = true
	if _, err := io.WriteString(s.out, b.String()+clear); err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	return nil
}

// Close brings back what was there before.
func (s *Screen) Close() {
	if s.on {
		_, _ = io.WriteString(s.out, back)
	}
	s.on = false
}
