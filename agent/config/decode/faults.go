package decode

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"sallyport/notify/redact"
)

// Faults are all that is wrong with a configuration.
type Faults struct {
	diags hcl.Diagnostics
	files map[string]*hcl.File // with secrets blotted out

	// Warnings are what Config.Warnings would have held.
	Warnings []string
}

// Fault is one thing that is wrong. File is empty and Line and Column are 0 where no place in a file is to blame.
type Fault struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Summary string `json:"summary"`
	Detail  string `json:"detail"`
}

// String is the fault on one line: file:line:column: summary: detail.
func (f Fault) String() string {
	text := f.Summary + ": " + strings.Join(strings.Fields(f.Detail), " ")
	if f.File == "" {
		return text
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, text)
}

// List returns the faults in the order of files and lines.
func (f *Faults) List() []Fault {
	list := make([]Fault, 0, len(f.diags))
	for _, d := range f.diags {
		fault := Fault{Summary: d.Summary, Detail: d.Detail}
		if d.Subject != nil {
			fault.File, fault.Line, fault.Column = d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column
		}
		list = append(list, fault)
	}
	return list
}

// Error has one line per fault.
func (f *Faults) Error() string {
	var lines []string
	for _, fault := range f.List() {
		lines = append(lines, fault.String())
	}
	return strings.Join(lines, "\n")
}

// Render writes the faults for people, with the offending lines; width 0 does not wrap. Color underlines the
// very words. The error is the writer's.
func (f *Faults) Render(w io.Writer, color bool, width int) error {
	placed := make(hcl.Diagnostics, 0, len(f.diags))
	for _, d := range f.diags {
		p := *d
		if d.Subject != nil {
			// hcl's writer names the line only; editors and people jump to file:line:column.
			p.Summary = fmt.Sprintf("%s:%d:%d: %s", d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column, d.Summary)
		}
		placed = append(placed, &p)
	}
	if err := hcl.NewDiagnosticTextWriter(w, f.files, uint(max(width, 0)), color).WriteDiagnostics(placed); err != nil {
		return fmt.Errorf("writing faults: %w", err)
	}
	return nil
}

// Faults makes the error of all that was collected.
func (l *Reader) Faults() *Faults {
	f := &Faults{files: make(map[string]*hcl.File, len(l.files)), Warnings: l.Warnings()}
	for _, d := range l.diags {
		scrubbed := scrub(l.secrets, d)
		scrubbed.Detail += l.elements[d.Error()].String()
		f.diags = append(f.diags, scrubbed)
	}
	sort.SliceStable(f.diags, func(i, j int) bool { return before(f.diags[i].Subject, f.diags[j].Subject) })
	for name, file := range l.files {
		masked := *file
		masked.Bytes = maskValues(l.secrets, maskSource(name, file.Bytes))
		f.files[name] = &masked
	}
	return f
}

// before orders by file and position; what has no position comes first, since it concerns the whole.
func before(a, b *hcl.Range) bool {
	switch {
	case a == nil || b == nil:
		return a == nil && b != nil
	case a.Filename != b.Filename:
		return a.Filename < b.Filename
	default:
		return a.Start.Byte < b.Start.Byte
	}
}

// scrub takes out whatever could show the value of a secret: hcl quotes values of for expressions, and keys.
func scrub(secrets []redact.Secret, d *hcl.Diagnostic) *hcl.Diagnostic {
	// Without Expression and EvalContext hcl's writer has no values to print.
	s := &hcl.Diagnostic{Severity: d.Severity, Summary: d.Summary, Detail: d.Detail, Subject: d.Subject, Context: d.Context}
	s.Summary, s.Detail = scrubText(secrets, s.Summary), scrubText(secrets, s.Detail)
	return s
}

func scrubText(secrets []redact.Secret, text string) string {
	for _, secret := range secrets {
		// Shorter values are no secrets, and would take ordinary words apart.
		if value := secret.Reveal(); len(value) >= 4 {
			text = strings.ReplaceAll(text, value, secret.String())
		}
	}
	return text
}

// Warnings are what works and should be mended, without the values of secrets.
func (l *Reader) Warnings() []string {
	var texts []string
	for _, w := range l.warnings {
		texts = append(texts, scrubText(l.secrets, w))
	}
	return texts
}

// Add takes hcl's own diagnostics; its warnings become ours.
func (l *Reader) Add(diags hcl.Diagnostics) {
	for _, d := range diags {
		key := d.Error()
		noteElement(l, key)
		if l.seen[key] {
			continue
		}
		l.seen[key] = true
		if d.Severity == hcl.DiagWarning {
			l.warnings = append(l.warnings, key)
			continue
		}
		l.diags = append(l.diags, d)
	}
}

// Fault records one fault at a place. Arguments must not be secrets.
func (l *Reader) Fault(at hcl.Range, summary, format string, args ...any) {
	l.Add(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: at.Ptr()}})
}

// FaultOfAll records a fault that no place of the configuration is to blame for.
func (l *Reader) FaultOfAll(summary, format string, args ...any) {
	l.Add(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...)}})
}

// Warn records something that works and should be mended.
func (l *Reader) Warn(at hcl.Range, format string, args ...any) {
	l.warnText(fmt.Sprintf("%s: %s", Place(at), fmt.Sprintf(format, args...)))
}

func (l *Reader) warnText(text string) {
	if !l.seen[text] {
		l.seen[text] = true
		l.warnings = append(l.warnings, text)
	}
}

// Place is file:line:column.
func Place(r hcl.Range) string {
	return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column)
}
