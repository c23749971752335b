package render

import (
	"fmt"

	"sallyport/agent/control"
	"sallyport/notify/redact"
	"sallyport/store"
)

// Progress is one line on where a run stands; it changes when there is something new to say.
func Progress(r control.Run) string {
	line := fmt.Sprintf("#%d %s", r.ID, r.Status)
	if r.Held != "" && !r.Status.Terminal() {
		line += ": " + waits(r.Held)
		if r.Hint != "" {
			line += "; hint: " + r.Hint
		}
		return redact.CleanLine(line)
	}
	switch r.Status {
	case store.Planned:
		line += ": " + Counts(r.Plan) + "; to go on: " + r.Decisive()
	case store.Applying:
		line += applyProgress(r.Apply)
	}
	return redact.CleanLine(line)
}

// applyProgress is ": 3 of 7, aws_instance.web"; empty before anything is known.
func applyProgress(p *control.Apply) string {
	if p == nil || p.Total == 0 {
		return ""
	}
	text := fmt.Sprintf(": %d of %d", p.Done, p.Total)
	if p.Current != "" {
		text += ", " + p.Current
	}
	return text
}
