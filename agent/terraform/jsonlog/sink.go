package jsonlog

import (
	"bytes"
	"fmt"
	"sync"

	"sallyport/agent/terraform/diag"
)

// Sink takes terraform's -json output as it is written and keeps the errors and warnings; the zero value is ready. Writing to it
// never fails: terraform-exec hangs for ever behind a writer that does.
type Sink struct {
	mu      sync.Mutex
	partial []byte
	diags   []diag.Diagnostic
	dropped int
}

// Write implements io.Writer; the error is always nil.
func (s *Sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := p
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		s.line(append(s.partial, rest[:i]...))
		s.partial, rest = s.partial[:0], rest[i+1:]
	}
	if len(s.partial)+len(rest) <= maxLine {
		s.partial = append(s.partial, rest...)
	}
	return len(p), nil
}

// line keeps the diagnostic of a line, if it has one.
func (s *Sink) line(line []byte) {
	if !bytes.Contains(line, []byte(`"diagnostic"`)) {
		return // most lines by far: planned changes and refreshes
	}
	e, ok := ParseLine(line)
	if !ok || e.Diagnostic == nil {
		return
	}
	if len(s.diags) >= maxDiagnostics {
		s.dropped++
		return
	}
	s.diags = append(s.diags, *e.Diagnostic)
}

// Diagnostics are the errors and warnings so far, and one that says how many more were left out. A last line without a newline
// counts too, so that it is to be called when terraform has ended.
func (s *Sink) Diagnostics() []diag.Diagnostic {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.partial) > 0 {
		s.line(s.partial)
		s.partial = nil
	}
	if s.dropped > 0 {
		s.diags = append(s.diags, diag.Diagnostic{Severity: "warning", Summary: fmt.Sprintf("%d more errors and warnings were left out", s.dropped)})
		s.dropped = 0
	}
	return s.diags
}
