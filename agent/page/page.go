// Package page writes what people read in a browser: one run as a document of its own, and what other documents share.
//
// # A document
//
// It is whole in itself: style inside, drawings inside, no script, and a Content-Security-Policy that would stop every request. So it can
// be mailed, kept and opened years later, and a name that a hostile repository made up for a resource can at worst be ugly. Three things
// see to that: every text is cleaned of control characters and of what turns the direction of writing (see [redact.Clean]), html/template
// writes it, and the policy is there for the day on which one of these two is wrong.
//
// A server that shows the same pages adds a [Live] to their [Head]: one script of its own and a stream of events.
//
// # What it says
//
// [Read] gathers it, from an agent or its data directory: the run, as `show --json` has it; the plan in terraform's own words; what is
// around it ([control.Around]). What happens, and how dangerous that is, comes from the run. What an object was and will be comes from
// terraform's words, in which it has hidden what is sensitive and the agent what is secret: attribute values are kept nowhere else, so a page
// cannot show what they do not. Each part of that text is put to its change by its address; a text that names an address more than once, which a
// value of many lines could be written to look like, is shown whole and said to be so. Where it is no longer kept, the page
// says that, and shows the summary.
//
// [Render] and [Draw] are for other documents.
package page

import (
	"fmt"
	"io"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/words"
)

// RunPage are the facts of which the page about a run is made.
type RunPage struct {
	Run    control.Run
	Around control.Around
	// Plan is the plan in terraform's words, secrets taken out. Empty: PlanGone says why, in a sentence for people.
	Plan, PlanGone string
	Log            string // what terraform said while it applied; empty if it did not
	Now            time.Time
	Version        string // of the program that writes it
	Live           *Live  // nil in a file
}

// Run writes the page about a run. The error is one of w's; nothing was written else.
func Run(w io.Writer, r RunPage) error {
	text, err := files.ReadFile("run.tmpl")
	if err != nil {
		return fmt.Errorf("reading the template of runs: %w", err)
	}
	v := viewOf(r.forPeople())
	foot := "Written by sallyport " + r.Version + " on " + r.Now.Format("2006-01-02 15:04:05 MST") + "."
	if r.Live == nil {
		foot += " It does not change any more: " + words.Sentence("sallyport show "+fmt.Sprint(r.Run.ID)+" says how the run is now")
	}
	return Render(w, Head{Title: v.Title + ": " + v.State.Word, Live: r.Live, Foot: foot}, string(text), v)
}
