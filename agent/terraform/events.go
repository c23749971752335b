package terraform

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"
)

// maxLine bounds one line of terraform's output, in bytes. Longer ones (outputs with megabytes of values) are
// reported as [EventText] with a note instead of being held in memory.
const maxLine = 4 << 20

// The types of [Event] that callers tell apart; terraform has more, and they are passed on by their own names.
const (
	EventPlannedChange     = "planned_change"
	EventApplyStart        = "apply_start"
	EventApplyProgress     = "apply_progress"
	EventApplyComplete     = "apply_complete"
	EventApplyErrored      = "apply_errored"
	EventProvisionStart    = "provision_start"
	EventProvisionProgress = "provision_progress"
	EventProvisionComplete = "provision_complete"
	EventProvisionErrored  = "provision_errored"
	EventSummary           = "change_summary"
	EventOutputs           = "outputs"
	EventDiagnostic        = "diagnostic"
	EventVersion           = "version"
	// EventText is a line that is not one of terraform's JSON messages: a crash of a plugin, a warning that was
	// printed before -json took effect. Message holds it.
	EventText = "text"
)

// An Event is one line of what terraform writes with -json. It carries no attribute and no output values. Message
// and Output are foreign text: redact and clean them before they reach a person.
type Event struct {
	Type    string
	Level   string // info, warn, error
	Message string // the line as a person would read it
	At      time.Time

	Address string        // of the resource, for hooks and planned changes
	Action  string        // create, update, delete, replace, read, noop, move, remove, import
	Elapsed time.Duration // of hooks, whole seconds

	Output      string         // of provision_progress: one line that the provisioner printed
	OutputNames []string       // of outputs: the root module's outputs, sorted
	Counts      *Counts        // of change_summary
	Diagnostic  *Diagnostic    // of diagnostic
	Outputs     []OutputChange // of outputs while planning
}

// Counts are terraform's own totals.
type Counts struct {
	Operation string `json:"operation"` // plan, apply or destroy
	Add       int    `json:"add"`
	Change    int    `json:"change"`
	Import    int    `json:"import"`
	Remove    int    `json:"remove"`
}

// An OutputChange is what a plan does to one output of the root module: create, update, delete or noop.
type OutputChange struct {
	Name   string
	Action string
}

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
		fmt.Fprintf(&b, "\n  on %s line %d", d.File, d.Line)
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

// wire is a line of terraform's -json output, as terraform writes it.
type wire struct {
	Level      string          `json:"@level"`
	Message    string          `json:"@message"`
	Time       time.Time       `json:"@timestamp"`
	Type       string          `json:"type"`
	Hook       *wireHook       `json:"hook"`
	Change     *wireChange     `json:"change"`
	Changes    *Counts         `json:"changes"`
	Outputs    wireOutputs     `json:"outputs"`
	Diagnostic *wireDiagnostic `json:"diagnostic"`
}

type wireResource struct {
	Addr string `json:"addr"`
}

type wireHook struct {
	Resource wireResource `json:"resource"`
	Action   string       `json:"action"`
	Output   string       `json:"output"`
	Elapsed  float64      `json:"elapsed_seconds"`
}

type wireChange struct {
	Resource wireResource `json:"resource"`
	Action   string       `json:"action"`
}

// wireOutputs leaves the values of outputs undecoded, so that they are in no memory of ours.
type wireOutputs map[string]struct {
	Action string `json:"action"`
}

type wireDiagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  string `json:"address"`
	Range    *struct {
		Filename string `json:"filename"`
		Start    struct {
			Line   int `json:"line"`
			Column int `json:"column"`
		} `json:"start"`
	} `json:"range"`
	Snippet *struct {
		Context   *string `json:"context"`
		Code      string  `json:"code"`
		StartLine int     `json:"start_line"`
	} `json:"snippet"`
}

func (w *wireDiagnostic) diagnostic() Diagnostic {
	d := Diagnostic{Severity: w.Severity, Summary: w.Summary, Detail: w.Detail, Address: w.Address}
	if w.Range != nil {
		d.File, d.Line, d.Column = w.Range.Filename, w.Range.Start.Line, w.Range.Start.Column
	}
	if w.Snippet != nil {
		d.Code = w.Snippet.Code
		if w.Snippet.Context != nil {
			d.Context = *w.Snippet.Context
		}
	}
	return d
}

// ParseEvent reads one line of terraform's -json output. A line that is not JSON becomes an [EventText]; an empty
// one is not an event.
func ParseEvent(line []byte) (Event, bool) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return Event{}, false
	}
	var w wire
	if line[0] != '{' || json.Unmarshal(line, &w) != nil || w.Type == "" {
		return Event{Type: EventText, Message: string(line)}, true
	}
	e := Event{Type: w.Type, Level: w.Level, Message: w.Message, At: w.Time, Counts: w.Changes}
	if w.Hook != nil {
		e.Address, e.Action, e.Output = w.Hook.Resource.Addr, w.Hook.Action, w.Hook.Output
		e.Elapsed = time.Duration(w.Hook.Elapsed * float64(time.Second))
	}
	if w.Change != nil {
		e.Address, e.Action = w.Change.Resource.Addr, w.Change.Action
	}
	if w.Diagnostic != nil {
		d := w.Diagnostic.diagnostic()
		e.Diagnostic = &d
	}
	for name, o := range w.Outputs {
		e.OutputNames = append(e.OutputNames, name)
		e.Outputs = append(e.Outputs, OutputChange{Name: name, Action: o.Action})
	}
	sort.Strings(e.OutputNames)
	slices.SortFunc(e.Outputs, func(a, b OutputChange) int { return strings.Compare(a.Name, b.Name) })
	return e, true
}

// ParseEvents reads terraform's -json output to its end and hands each event to f, in order. A last line without
// a newline counts too: terraform may have died in the middle of it. The error is that of reading.
func ParseEvents(r io.Reader, f func(Event)) error {
	br := bufio.NewReaderSize(r, 64<<10)
	var line []byte
	skipped := 0
	for {
		part, err := br.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			skipped += len(line) + len(part)
			line = line[:0]
		} else if skipped > 0 {
			skipped += len(part)
		} else {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if skipped > 0 {
			f(Event{Type: EventText, Message: fmt.Sprintf("(a line of %d bytes was left out)", skipped)})
		} else if e, ok := ParseEvent(line); ok {
			f(e)
		}
		line, skipped = line[:0], 0
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading terraform's output: %w", err)
		}
	}
}
