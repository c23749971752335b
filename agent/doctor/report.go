package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/mitchellh/go-wordwrap"

	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// Level is what a check found.
type Level string

// The levels.
const (
	OK   Level = "ok"
	Warn Level = "warn" // works, or may work; somebody should look at it
	Fail Level = "fail" // will not work
)

// Check is one thing that was tried.
type Check struct {
	Group string `json:"group"` // "repository infra"
	Name  string `json:"check"` // "poll"
	Level Level  `json:"level"`
	Text  string `json:"text"` // one line
	Hint  string `json:"hint"` // what to do; may hold several lines, those after the first to be copied

	shown  string // printed for people instead of Text, as it is
	hidden bool   // printed with another check
}

// section is what belongs together.
type section struct {
	title    string
	checks   []*Check
	redactor *redact.Redactor
}

func (d *doctor) section(title string) *section {
	return &section{title: redact.CleanLine(title), redactor: d.redactor}
}

func (s *section) ok(name, format string, args ...any) *Check {
	return s.add(OK, name, "", format, args...)
}

func (s *section) warn(name, hint, format string, args ...any) *Check {
	return s.add(Warn, name, hint, format, args...)
}

func (s *section) fail(name, hint, format string, args ...any) *Check {
	return s.add(Fail, name, hint, format, args...)
}

// add takes secrets and control characters out: servers and repositories say much of this.
func (s *section) add(level Level, name, hint, format string, args ...any) *Check {
	text := s.redactor.Line(fmt.Sprintf(format, args...))
	c := &Check{Group: s.title, Name: name, Level: level, Text: text, Hint: s.redactor.Text(hint)}
	s.checks = append(s.checks, c)
	return c
}

// report writes sections as they come, or everything at the end as JSON.
type report struct {
	Checks []*Check `json:"checks"`
	OK     int      `json:"ok"`
	Warn   int      `json:"warn"`
	Fail   int      `json:"fail"`

	w     io.Writer
	json  bool
	color bool
	err   error
}

func newReport(o Options) *report {
	return &report{Checks: []*Check{}, w: o.Stdout, json: o.JSON, color: o.Color}
}

func (r *report) add(s *section) {
	r.Checks = append(r.Checks, s.checks...)
	for _, c := range s.checks {
		switch c.Level {
		case OK:
			r.OK++
		case Warn:
			r.Warn++
		case Fail:
			r.Fail++
		}
	}
	if r.json || len(s.checks) == 0 {
		return
	}
	r.write(r.paint("1", s.title) + "\n")
	for _, c := range s.checks {
		if !c.hidden {
			r.check(c)
		}
	}
	r.write("\n")
}

const (
	indent    = "        "
	textWidth = 70
)

func (r *report) check(c *Check) {
	color := map[Level]string{OK: "32", Warn: "33", Fail: "31"}[c.Level]
	label := "  " + r.paint(color, string(c.Level)) + strings.Repeat(" ", len(indent)-2-len(c.Level))
	if c.shown != "" {
		r.write(label + "what is wrong:\n" + indented(c.shown))
		return
	}
	r.write(label + strings.TrimPrefix(indented(wrapped(c.Name+": "+c.Text)), indent))
	if c.Hint == "" {
		return
	}
	// What follows the first line is there to be copied, and must stay in one piece.
	advice, copied, _ := strings.Cut(c.Hint, "\n")
	r.write(indented("-> " + strings.ReplaceAll(wordwrap.WrapString(advice, textWidth-3), "\n", "\n   ")))
	if copied != "" {
		r.write(indented("     " + strings.ReplaceAll(copied, "\n", "\n     ")))
	}
}

func wrapped(text string) string {
	return wordwrap.WrapString(text, textWidth)
}

// indented puts each line where the texts of checks begin.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.Trim(text, "\n") + "\n") {
		if line != "\n" {
			line = indent + line
		}
		b.WriteString(line)
	}
	return b.String()
}

// end writes the sum, or the whole report for machines.
func (r *report) end() error {
	if r.json {
		e := json.NewEncoder(r.w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	r.write(fmt.Sprintf("%d ok, %s, %d failed\n", r.OK, words.CountOf(r.Warn, "warning", "warnings"), r.Fail))
	return r.err
}

func (r *report) write(text string) {
	if r.err == nil {
		_, r.err = io.WriteString(r.w, text)
	}
}

func (r *report) paint(color, text string) string {
	if !r.color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
