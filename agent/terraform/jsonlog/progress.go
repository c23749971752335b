package jsonlog

import (
	"slices"

	"sallyport/agent/terraform/diag"
)

// maxDiagnostics bounds how many errors and warnings are kept of an operation that fails thousands of times in the same way.
const maxDiagnostics = 100

// Progress is how far an apply has come, gathered from terraform's -json output line by line. The zero value is
// ready. A copy of it is a snapshot: its slices are never changed in place.
type Progress struct {
	Done, Total int      // resources; a replacement is one resource and done when both of its halves are
	Current     string   // the address that was started last and is still at work; empty if none is
	Open        []string // addresses, of actions too, started and neither completed nor failed, in the order of their start
	Failed      []string // addresses that terraform reported as failed
	Outputs     []string // names of the root module's outputs; known at the end only
	Counts      *Counts  // terraform's own totals; nil until the apply has ended well
	Diagnostics []diag.Diagnostic

	pending map[string][]int // completions still to come, per address; several objects can share an address
}

// Add takes one line of the stream; it may end in a newline. Lines that say nothing about progress do no harm.
func (p *Progress) Add(line []byte) {
	if e, ok := ParseLine(line); ok {
		p.Record(e)
	}
}

// Record takes one event of the stream.
func (p *Progress) Record(e Event) {
	switch e.Type {
	case EventPlannedChange:
		p.planned(e)
	case EventApplyStart, EventActionStart:
		p.Open = append(slices.Clip(p.Open), e.Address)
		p.Current = e.Address
	case EventApplyComplete:
		p.close(e.Address)
		p.complete(e)
	case EventActionComplete:
		p.close(e.Address)
	case EventApplyErrored, EventActionErrored:
		p.close(e.Address)
		p.Failed = append(slices.Clip(p.Failed), e.Address)
	case EventOutputs:
		p.Outputs = e.OutputNames
	case EventSummary:
		if e.Counts != nil && e.Counts.Operation != "plan" {
			p.Counts = e.Counts
		}
	case EventDiagnostic:
		if e.Diagnostic != nil && len(p.Diagnostics) < maxDiagnostics {
			p.Diagnostics = append(slices.Clip(p.Diagnostics), *e.Diagnostic)
		}
	}
}

// Redacted is the progress as people may read it: the names in it are as in the plan's summary. The diagnostics, which are judged
// as well as shown, are as terraform gave them.
func (p Progress) Redacted(redact func(string) string) Progress {
	p.Current = redact(p.Current)
	for _, list := range []*[]string{&p.Open, &p.Failed, &p.Outputs} {
		var hidden []string
		for _, name := range *list {
			hidden = append(hidden, redact(name))
		}
		*list = hidden
	}
	return p
}

// planned counts what is going to be done. An apply of a saved plan repeats the planned changes first.
func (p *Progress) planned(e Event) {
	halves := 1
	switch e.Action {
	case "noop", "read", "move", "remove", "forget", "import":
		return // nothing is started for these, or nothing that a person waits for
	case "replace":
		halves = 2
	}
	if p.pending == nil {
		p.pending = make(map[string][]int)
	}
	p.pending[e.Address] = append(p.pending[e.Address], halves)
	p.Total++
}

func (p *Progress) complete(e Event) {
	if e.Action == "read" {
		return
	}
	left := p.pending[e.Address]
	if len(left) == 0 {
		return
	}
	left[0]--
	if left[0] == 0 {
		p.pending[e.Address] = left[1:]
		p.Done++
	}
}

// close takes an address out of Open. The same address can be open twice (a deposed object beside its successor).
func (p *Progress) close(address string) {
	i := slices.Index(p.Open, address)
	if i < 0 {
		return
	}
	p.Open = slices.Concat(p.Open[:i], p.Open[i+1:])
	p.Current = ""
	if n := len(p.Open); n > 0 {
		p.Current = p.Open[n-1]
	}
}
