package jsonlog

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

	"sallyport/agent/terraform/diag"
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
	// Of an action that the configuration invokes, terraform 1.14 and newer; Address is the action's.
	EventPlannedInvocation = "planned_action_invocation"
	EventActionStart       = "action_start"
	EventActionProgress    = "action_progress"
	EventActionComplete    = "action_complete"
	EventActionErrored     = "action_errored"
	EventSummary           = "change_summary"
	EventOutputs           = "outputs"
	EventDiagnostic        = "diagnostic"
	EventVersion           = "version"
	// EventText is a line that is not one of terraform's JSON messages: a crash of a plugin, a warning that was
	// printed before -json took effect. Message holds it.
	EventText = "text"
)

// An Event is one line of what terraform writes with -json. It carries no values of attributes or outputs. Message
// and Output are foreign text: redact and clean them before they reach a person.
type Event struct {
	Type    string
	Level   string // info, warn, error
	Message string // the line as a person would read it
	At      time.Time

	Address string        // of the resource or the action, for hooks and planned changes
	Action  string        // create, update, delete, replace, read, noop, move, remove, import
	Elapsed time.Duration // of hooks, whole seconds

	Output      string           // of provision_progress: one line that the provisioner printed
	OutputNames []string         // of outputs: the root module's outputs, sorted
	Counts      *Counts          // of change_summary
	Diagnostic  *diag.Diagnostic // of diagnostic
	Outputs     []OutputChange   // of outputs while planning
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

// wireResource names the resource that a line is about.
type wireResource struct {
	Addr string `json:"addr"`
}

// wireAction is what is done to a resource, a word; or, in a line about an action of the configuration's, that action.
type wireAction struct {
	word string
	addr string
}

func (a *wireAction) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '{' {
		var action wireResource
		err := json.Unmarshal(raw, &action)
		a.addr = action.Addr
		return err
	}
	return json.Unmarshal(raw, &a.word)
}

// wireHook is what happens to a resource.
type wireHook struct {
	Resource wireResource `json:"resource"`
	Action   wireAction   `json:"action"`
	Output   string       `json:"output"`
	Elapsed  float64      `json:"elapsed_seconds"`
}

// wireChange is a planned change of a resource.
type wireChange struct {
	Resource wireResource `json:"resource"`
	Action   string       `json:"action"`
}

// wireOutputs are outputs without their values, so that no secret gets into memory by them.
type wireOutputs map[string]struct {
	Action string `json:"action"`
}

// wireDiagnostic is an error or a warning as terraform writes it.
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

func (w *wireDiagnostic) diagnostic() diag.Diagnostic {
	d := diag.Diagnostic{Severity: w.Severity, Summary: w.Summary, Detail: w.Detail, Address: w.Address}
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

// ParseLine reads one line of terraform's -json output. A line that is not JSON becomes an [EventText]; an empty one is no event,
// which ok tells. Of a message whose form is another one than known, as a newer terraform may write it, the type and the words are
// kept: they say what happens, whatever it is.
func ParseLine(line []byte) (e Event, ok bool) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return Event{}, false
	}
	var w wire
	if line[0] != '{' {
		return Event{Type: EventText, Message: string(line)}, true
	}
	if json.Unmarshal(line, &w) != nil {
		w = wire{}
		var words struct {
			Level   string `json:"@level"`
			Message string `json:"@message"`
			Type    string `json:"type"`
		}
		_ = json.Unmarshal(line, &words) // what is no JSON has no type
		w.Level, w.Message, w.Type = words.Level, words.Message, words.Type
	}
	if w.Type == "" {
		return Event{Type: EventText, Message: string(line)}, true
	}
	e = Event{Type: w.Type, Level: w.Level, Message: w.Message, At: w.Time, Counts: w.Changes}
	if w.Hook != nil {
		e.Address, e.Action, e.Output = w.Hook.Resource.Addr, w.Hook.Action.word, w.Hook.Output
		if w.Hook.Action.addr != "" {
			e.Address = w.Hook.Action.addr
		}
		e.Elapsed = time.Duration(w.Hook.Elapsed * float64(time.Second))
	}
	if w.Change != nil {
		e.Address, e.Action = w.Change.Resource.Addr, w.Change.Action
	}
	if w.Diagnostic != nil {
		d := w.Diagnostic.diagnostic().Bounded()
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

// Read reads terraform's -json output to its end and calls f with each event, in order. A last line without
// a newline counts too: terraform may have died in the middle of it. The error is that of reading.
func Read(r io.Reader, f func(Event)) error {
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
		} else if e, ok := ParseLine(line); ok {
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
