package demo

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/mitchellh/go-wordwrap"
)

const (
	width  = 78
	margin = "  │" // marks what the agent or terraform says
)

// The colours, as terminals have them.
const (
	plain  = ""
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// screen writes for people: 80 columns, colours only where they show. The first error of writing is kept, and nothing is
// written after it.
type screen struct {
	w     io.Writer
	color bool
	err   error
}

func (s *screen) write(text string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, text)
	}
}

// paint puts a colour around a text.
func (s *screen) paint(color, text string) string {
	if !s.color || color == plain || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func (s *screen) gap() { s.write("\n") }

// say writes lines as they are.
func (s *screen) say(lines ...string) {
	for _, l := range lines {
		s.write(l + "\n")
	}
}

// act begins a part of the story.
func (s *screen) act(n int, title string) {
	text := fmt.Sprintf("%d. %s ", n, title)
	s.gap()
	s.say(s.paint(bold, text+strings.Repeat("─", max(0, width-utf8.RuneCountInString(text)))))
	s.gap()
}

// command shows what a person would type.
func (s *screen) command(line string) { s.say(s.paint(bold, "  $ "+line)) }

// link is one in a message of Slack's: its address, and what people read instead of it.
var link = regexp.MustCompile(`<https://[^<>|]*\|([^<>|]*)>`)

// message shows a message as Slack does: who is mentioned has a name, and the first line and what Slack shows as bold are.
func (s *screen) message(text string) {
	text = link.ReplaceAllString(strings.ReplaceAll(text, "<@"+kim+">", "@kim"), "$1")
	heading, _, _ := strings.Cut(text, "\n")
	lines := strings.Split(text, "\n")
	strong := map[string]bool{heading: true}
	for i, line := range lines {
		if inner, ok := strings.CutPrefix(line, "*"); ok && strings.HasSuffix(inner, "*") {
			lines[i] = strings.TrimSuffix(inner, "*")
			strong[lines[i]] = true
		}
	}
	s.quote(strings.Join(lines, "\n"), func(line string) string {
		if strong[line] {
			return bold
		}
		return plain
	})
}

// quote shows what somebody else says, each line in the colour that the function gives it. Long lines go on in the
// next one, further to the right.
func (s *screen) quote(text string, color func(line string) string) {
	const room = width - len("  | ")
	for line := range strings.Lines(strings.Trim(text, "\n") + "\n") {
		line = strings.TrimRight(line, "\n ")
		words := strings.TrimLeft(line, " ")
		indent := line[:len(line)-len(words)]
		if utf8.RuneCountInString(line) > room {
			words = wordwrap.WrapString(words, uint(max(room-len(indent)-4, 20)))
			words = strings.ReplaceAll(words, "\n", "\n"+indent+"    ")
		}
		for part := range strings.SplitSeq(indent+words, "\n") {
			s.say(s.paint(faint, margin) + strings.TrimRight(" "+s.paint(color(line), part), " "))
		}
	}
}

// inPlan is the colour of a line of a plan, as terraform paints it.
func inPlan(line string) string {
	line = strings.TrimLeft(line, " ")
	mark, _, _ := strings.Cut(line, " ")
	switch {
	case mark == "#" && (strings.HasSuffix(line, "must be replaced") || strings.HasSuffix(line, "will be destroyed")):
		return red
	case mark == "#", strings.HasPrefix(line, "Plan:"), strings.HasPrefix(line, "Terraform will perform"):
		return bold
	case mark == "-/+", mark == "+/-", mark == "-":
		return red
	case mark == "+":
		return green
	case mark == "~", mark == "<=":
		return yellow
	}
	return plain
}

// inLog is the colour of a line of terraform's log.
func inLog(line string) string {
	if strings.HasPrefix(line, "Apply complete") {
		return green
	}
	return plain
}

// asItIs is the colour of what has none.
func asItIs(string) string { return plain }
