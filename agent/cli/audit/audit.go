// Package audit writes the history for whoever has to account for it: as lines for people, as JSON, and as a table for
// spreadsheets. Each ends with whether the chain of hashes holds, so that a copy says by itself whether it can be trusted.
//
// It is written as it is read, part by part: ten thousand runs have a hundred thousand entries, which nobody needs in memory at once.
package audit

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/people"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// A Writer writes a history in parts.
type Writer interface {
	Part(control.Audit) error
	// End writes what becomes of the chain, and returns the first break, empty if there is none.
	End() (broken string, err error)
}

var (
	_ Writer = (*jsonWriter)(nil)
	_ Writer = (*csvWriter)(nil)
	_ Writer = (*textWriter)(nil)
)

// chain is what all three keep in mind until the end.
type chain struct {
	broken  string
	entries int
}

func (c *chain) take(p control.Audit) {
	c.entries += len(p.Entries)
	if c.broken == "" {
		c.broken = p.Broken
	}
}

func (c *chain) said() string {
	if c.broken == "" {
		return "ok"
	}
	return c.broken
}

type jsonWriter struct {
	chain
	out     *bufio.Writer
	started bool
}

// NewJSON writes one list: an entry a line, and {"chain": "ok"} or the first break as the last element.
func NewJSON(out io.Writer) Writer { return &jsonWriter{out: bufio.NewWriter(out)} }

func (w *jsonWriter) element(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the history: %w", err)
	}
	before := ",\n "
	if !w.started {
		before, w.started = "[\n ", true
	}
	_, err = w.out.WriteString(before + string(b))
	return err
}

func (w *jsonWriter) Part(p control.Audit) error {
	w.take(p)
	for _, e := range p.Entries {
		if err := w.element(e); err != nil {
			return err
		}
	}
	return nil
}

func (w *jsonWriter) End() (string, error) {
	err := w.element(struct {
		Chain string `json:"chain"`
	}{w.said()})
	if err == nil {
		_, err = w.out.WriteString("\n]\n")
	}
	return w.broken, errors.Join(err, w.out.Flush())
}

type csvWriter struct {
	chain
	out     *csv.Writer
	started bool
}

// NewCSV writes a table with a heading. A cell that a spreadsheet would take for a formula has a ' before it.
func NewCSV(out io.Writer) Writer { return &csvWriter{out: csv.NewWriter(out)} }

func (w *csvWriter) row(cells ...string) error {
	for i, c := range cells {
		// Texts are people's and the repository's, and a spreadsheet runs what begins so.
		if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
			cells[i] = "'" + c
		}
	}
	return w.out.Write(cells)
}

func (w *csvWriter) Part(p control.Audit) error {
	w.take(p)
	if !w.started {
		w.started = true
		if err := w.row("at", "run", "stack", "event", "by", "commit", "digest", "outcome", "text"); err != nil {
			return err
		}
	}
	for _, e := range p.Entries {
		if err := w.row(e.At.UTC().Format(time.RFC3339Nano), number(e.Run), e.Stack, e.Event, e.By, e.Commit, e.Digest, e.Outcome, redact.CleanLine(e.Text)); err != nil {
			return err
		}
	}
	return nil
}

func (w *csvWriter) End() (string, error) {
	outcome := "ok"
	if w.broken != "" {
		outcome = "broken"
	}
	err := w.row("", "", "", "chain", "", "", "", outcome, w.broken)
	w.out.Flush()
	return w.broken, errors.Join(err, w.out.Error())
}

func number(run int) string {
	if run == 0 {
		return ""
	}
	return strconv.Itoa(run)
}

type textWriter struct {
	chain
	out  *bufio.Writer
	zone *time.Location
	fold func(string) string
}

// NewText writes a line each for people, with names in the place of accounts and times in their zone; fold brings it to the width of their
// terminal.
func NewText(out io.Writer, zone *time.Location, fold func(line string) string) Writer {
	return &textWriter{out: bufio.NewWriter(out), zone: zone, fold: fold}
}

func (w *textWriter) Part(p control.Audit) error {
	w.take(p)
	names := people.Known(p.People)
	for _, e := range p.Entries {
		if _, err := w.out.WriteString(w.fold(redact.CleanLine(names.Plain(line(e, w.zone))) + "\n")); err != nil {
			return err
		}
	}
	return nil
}

func (w *textWriter) End() (string, error) {
	text := "The chain of hashes is broken."
	if w.broken == "" {
		text = words.CountOf(w.entries, "entry", "entries") + "; the chain of hashes holds."
	}
	_, err := w.out.WriteString(text + "\n")
	return w.broken, errors.Join(err, w.out.Flush())
}

// line is an entry for people: when, of which run, what, by whom, in which words, about what.
func line(e control.AuditEntry, zone *time.Location) string {
	parts := []string{e.At.In(zone).Format("2006-01-02 15:04:05 MST")}
	if e.Run != 0 {
		parts = append(parts, "#"+strconv.Itoa(e.Run))
	}
	if e.Stack != "" {
		parts = append(parts, e.Stack)
	}
	what := e.Event
	switch {
	case e.Outcome != "" && e.Event == "transition":
		what = e.Outcome
	case e.Outcome != "":
		what = e.Outcome + " (" + e.Event + ")"
	}
	if e.By != "" {
		what += " by " + e.By
	}
	if e.Text != "" {
		what += ": " + e.Text
	}
	var about []string
	if e.Commit != "" {
		about = append(about, "commit "+words.Short(e.Commit))
	}
	if e.Digest != "" {
		about = append(about, "plan "+words.Short(e.Digest))
	}
	if len(about) > 0 {
		what += " [" + strings.Join(about, ", ") + "]"
	}
	return strings.Join(append(parts, what), "  ")
}

// Time reads a bound as a person gives it: a date, a time, or how long ago. Without a zone it is the person's own. An empty text is no
// bound.
func Time(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	days, isDays := strings.CutSuffix(text, "d")
	if n, err := strconv.Atoi(days); isDays && err == nil && n >= 0 && n < 1_000_000 {
		return now.AddDate(0, 0, -n), nil
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("%q is no time", text)
	}
	return now.Add(-ago), nil
}
