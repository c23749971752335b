package engine

import (
	"slices"
	"strings"

	"sallyport/agent/datadir"
	"sallyport/agent/runner"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/planjson"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// errorsOf are terraform's own words for why it failed, redacted.
func (e *Engines) errorsOf(diagnostics []diag.Diagnostic) string {
	var parts []string
	for _, d := range diagnostics {
		d = d.Redacted(e.health.Redact)
		switch {
		case !d.IsError():
		case len(parts) == 0 && d.Detail != "":
			parts = append(parts, causeFirst(d))
		default:
			parts = append(parts, d.String())
		}
	}
	return strings.Join(parts, "\n")
}

// causeFirst is an error with all of it in its first line, as far as a line holds it: terraform begins with a heading ("local-exec
// provisioner error"), and whoever reads one line only reads the cause. What that line says is not said again below it.
func causeFirst(d diag.Diagnostic) string {
	cause := words.Cut(d.Short(), notify.MaxCause)
	if cause != d.Short() || strings.Contains(strings.TrimSpace(d.Detail), "\n") {
		return cause + "\n\n" + d.String()
	}
	d.Detail = ""
	_, place, _ := strings.Cut(d.String(), "\n") // behind terraform's heading
	if place = strings.Trim(place, "\n"); place == "" {
		return cause
	}
	return cause + "\n\n" + place
}

// failedChecks are the checks that do not hold after an apply, in the configuration's own words, redacted.
func (e *Engines) failedChecks(diagnostics []diag.Diagnostic) []store.FailedCheck {
	var failed []store.FailedCheck
	for _, d := range diagnostics {
		address, inError, ok := d.FailedCheck()
		if !ok {
			continue
		}
		i := slices.IndexFunc(failed, func(c store.FailedCheck) bool { return c.Address == address })
		if i < 0 {
			i = len(failed)
			failed = append(failed, store.FailedCheck{Address: address, Status: "fail"})
		}
		if inError {
			failed[i].Status = "error"
		}
		if d.Detail != "" {
			failed[i].Problems = append(failed[i].Problems, d.Detail)
		}
	}
	slices.SortFunc(failed, func(a, b store.FailedCheck) int { return strings.Compare(a.Address, b.Address) }) // terraform's order is not always the same
	for i := range failed {
		planjson.HideCheck(&failed[i], e.health.Redact)
	}
	return failed
}

// lastWords are the last line of a run's log, as ": words", for a program that ended badly and gave no error; empty if it said
// nothing.
func (e *Engines) lastWords(run int) string {
	text, err := runner.Output(datadir.Run(e.active.Cfg().DataDir, run))
	if err != nil {
		e.log.Warn("reading the last words of an apply", "run", run, "err", err)
	}
	last := ""
	for line := range strings.Lines(e.health.Redact(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			last = line
			break // below is where it happened
		}
		if line != "" {
			last = line
		}
	}
	if last == "" {
		return ""
	}
	return ": " + words.Cut(last, notify.MaxCause)
}

// runnersWords are what the runner of an apply said of why it is gone; empty if that is not known.
func (e *Engines) runnersWords(run int) string {
	text, err := runner.Words(datadir.Run(e.active.Cfg().DataDir, run))
	if err != nil {
		e.log.Warn("reading what a runner said", "run", run, "err", err)
	}
	text = e.health.Redact(text)
	for _, mark := range []string{"panic: ", "fatal error: ", "level=ERROR "} { // the rest is no reason why it is gone
		if _, after, found := strings.Cut(text, mark); found {
			line, _, _ := strings.Cut(after, "\n")
			return "; its runner said: " + words.Cut(strings.TrimSpace(mark+line), notify.MaxCause)
		}
	}
	return ""
}
