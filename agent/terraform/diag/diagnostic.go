package diag

import (
	"fmt"
	"slices"
	"strings"
)

// A Diagnostic is one error or warning of terraform. It never carries the values of expressions.
type Diagnostic struct {
	Severity string `json:"severity"` // error or warning
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
	Address  string `json:"address,omitempty"` // of the resource that it is about
	File     string `json:"file,omitempty"`    // relative to the root module
	Line     int    `json:"line,omitempty"`    // from 1; 0 if unknown
	Column   int    `json:"column,omitempty"`
	Context  string `json:"context,omitempty"` // the block it is in: resource "x" "y"
	Code     string `json:"code,omitempty"`    // the offending lines
}

// IsError reports whether the diagnostic is an error rather than a warning.
func (d Diagnostic) IsError() bool { return d.Severity == "error" }

// String renders the diagnostic over several lines, in terraform's words and order, without colours.
func (d Diagnostic) String() string {
	var b strings.Builder
	kind := "Error"
	if d.Severity == "warning" {
		kind = "Warning"
	}
	fmt.Fprintf(&b, "%s: %s\n", kind, d.Summary)
	if d.Address != "" {
		fmt.Fprintf(&b, "\n  with %s", d.Address)
	}
	if d.File != "" {
		fmt.Fprintf(&b, "\n  on %s", d.File)
		if d.Line > 0 {
			fmt.Fprintf(&b, " line %d", d.Line)
		}
		if d.Context != "" {
			fmt.Fprintf(&b, ", in %s", d.Context)
		}
		b.WriteString(":")
		for i, code := range strings.Split(strings.TrimRight(d.Code, "\n"), "\n") {
			if d.Code != "" {
				fmt.Fprintf(&b, "\n  %3d: %s", d.Line+i, code)
			}
		}
	}
	if d.Address != "" || d.File != "" {
		b.WriteString("\n")
	}
	if d.Detail != "" {
		b.WriteString("\n" + strings.TrimRight(d.Detail, "\n") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// Short renders the diagnostic on one line: summary, detail, file:line.
func (d Diagnostic) Short() string {
	s := d.Summary
	if detail := strings.Join(strings.Fields(d.Detail), " "); detail != "" {
		s += ": " + detail
	}
	switch {
	case d.File != "":
		s += fmt.Sprintf(" (%s:%d)", d.File, d.Line)
	case d.Address != "":
		s += " (" + d.Address + ")"
	}
	return s
}

// A configuration makes its own errors (a precondition's message), and every record, message and search for a known cause carries
// them along. Of one text so many bytes are kept, and fewer are shown.
const (
	maxKept  = 64 << 10
	maxShown = 8 << 10
)

// Bounded is the diagnostic with texts that are short enough to be kept. They are cut between words: half of a secret is not
// recognised.
func (d Diagnostic) Bounded() Diagnostic {
	return d.texts(func(s string) string { return cut(s, maxKept) })
}

// Redacted is the diagnostic as people may read it. It is to be called before anything else joins or cuts the texts.
func (d Diagnostic) Redacted(redact func(string) string) Diagnostic {
	return d.texts(func(s string) string { return cut(redact(s), maxShown) })
}

// texts changes all texts.
func (d Diagnostic) texts(change func(string) string) Diagnostic {
	for _, s := range []*string{&d.Summary, &d.Detail, &d.Code, &d.Context, &d.Address} {
		*s = change(*s)
	}
	return d
}

// cut shortens a text to so many bytes, at a blank or a line's end.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:max(0, strings.LastIndexAny(s[:most], " \t\n"))] + "..."
}

// Text renders the errors among diagnostics, one line each, the same one only once; empty if there are none.
func Text(diags []Diagnostic) string {
	var lines []string
	for _, d := range diags {
		if line := d.Short(); d.IsError() && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
