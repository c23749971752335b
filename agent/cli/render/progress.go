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

// unfollowed says how an apply stands that no agent follows; empty where one does, or nobody could look.
func unfollowed(p *control.Apply) string {
	if p == nil {
		return ""
	}
	switch p.Process {
	case control.ProcessLives:
		return "its process lives and goes on by itself; the next agent tells how it ends"
	case control.ProcessEnded:
		return "its process has ended; the next agent tells how"
	case control.ProcessGone:
		return "its process is gone and nobody saw its end; the next agent reports it as interrupted, and plans again"
	}
	return ""
}
