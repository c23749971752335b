// Package ending says how an apply or a build ended, and what it left behind, from what was seen of it: an exit code, a signal, or
// nothing at all. What nobody saw is never taken for an end that went well. Pure.
package ending

import (
	"fmt"
	"strings"
	"time"

	"sallyport/agent/fault"
	"sallyport/notify/words"
	"sallyport/store"
)

// Ending is how an apply ended.
type Ending struct {
	To         store.Status
	Text, Hint string
	Artifacts  []store.Artifact    // what a build has made
	Checks     []store.FailedCheck // that do not hold after an apply
}

// Facts are what was seen of an apply that lives no more. All text is fit for people: secrets are out of it.
type Facts struct {
	Run     *store.Run // with its plan
	Started bool       // the program was seen to start
	Result  *Result    // nil: nobody saw the end
	Done    int        // resources, or builders, that came to their end
	Total   int
	Open    []string // what was begun and not completed

	Stale      bool   // terraform says that the saved plan is stale
	Errors     string // the program's own words for why it failed; empty if it gave none
	LockAdvice string // what terraform says to do about a lock; empty if it is not about one
	LastWords  string // ": " and the last line of its log, asked for when [Facts.Speechless]; else empty
	Runner     string // "; " and what the runner said of why it is gone, asked for when Result is nil; else empty

	LeftState string // where the state lies that could not be written; empty: there is none
	LockLeft  bool   // terraform says that it could not unlock the state
	LastSign  time.Time
	Now       time.Time

	Artifacts []store.Artifact    // what a build has made
	Checks    []store.FailedCheck // that do not hold after an apply
}

// Result is what the runner wrote down of the end.
type Result struct {
	Orphaned bool // the runner found that the agent had ended before the program was started
	Refused  string
	Signal   string
	ExitCode int
}

// Speechless reports whether a program ended badly and gave no error, so that its last words have to do.
func (f Facts) Speechless() bool {
	r := f.Result
	return r != nil && !r.Orphaned && r.Refused == "" && r.Signal == "" && r.ExitCode != 0 && f.Errors == "" && !f.Stale
}

// afterInterrupted is what a person does about an apply whose end nobody saw.
const afterInterrupted = "look at what was started and not completed; a new plan is made, which also shows whether the state lock was left behind, " +
	"and nothing is repeated by itself"

// mendFirst begins the hint of an apply that failed by itself.
const mendFirst = "mend the cause, then: "

// SoFar says how far an apply had come.
func (f Facts) SoFar() string {
	text := words.OfThem(f.Done, max(f.Total, len(f.Run.Plan.Changes)), "resource was", "resources were") + " reported done"
	if len(f.Open) > 0 {
		text += "; started and not completed: " + words.List(f.Open, 20)
	}
	return text
}

// program is what people call what made the plan and applied it.
func (f Facts) program() string {
	if f.Run.Plan != nil && f.Run.Plan.Program != "" {
		return f.Run.Plan.Program
	}
	return "terraform"
}

// OfApply is how terraform's apply ended.
func OfApply(f Facts) Ending {
	end := ofApply(f)
	end.Checks = f.Checks
	if f.LeftState != "" {
		end.Text += "\nThe state could not be written to its backend; it is kept in " + f.LeftState
		push := fmt.Sprintf("bring the backend back, then: sallyport state push %d; nothing of the stack is planned before", f.Run.ID)
		if end.To == store.Interrupted {
			push += ". Look at what was started and not completed"
		}
		end.Hint = push
	}
	return end
}

func ofApply(f Facts) Ending {
	run, result := f.Run, f.Result
	switch {
	case result == nil && !f.Started, result != nil && result.Orphaned:
		return Ending{To: store.Interrupted, Text: "the agent stopped between the decision to apply and the start; " + f.program() + " was not seen to run" + f.Runner}
	case result == nil && fault.Without("end seen"):
		return Ending{To: store.Applied}
	case result == nil:
		return Ending{To: store.Interrupted, Text: "nobody saw the end of the apply: " + f.SoFar() + f.Runner, Hint: afterInterrupted}
	case result.Refused != "":
		return Ending{To: store.Errored, Text: "the apply was refused and " + f.program() + " did not run: " + result.Refused, Hint: "sallyport plan " + run.Stack}
	case result.Signal != "":
		return Ending{To: store.Interrupted, Text: fmt.Sprintf("%s was killed (%s) in the middle of the apply: %s", f.program(), result.Signal, f.SoFar()), Hint: afterInterrupted}
	case result.ExitCode == 0:
		return Ending{To: store.Applied}
	case f.Stale:
		return Ending{To: store.Stale, Text: "terraform: the saved plan is stale, the state was changed since"}
	}
	text, hint := f.Errors, mendFirst+"sallyport plan "+run.Stack
	if text == "" {
		text = fmt.Sprintf("%s ended with exit code %d%s", f.program(), result.ExitCode, f.LastWords)
		hint = fmt.Sprintf("see sallyport show %d --log; %s", run.ID, hint)
	}
	if f.LockAdvice != "" {
		hint = f.LockAdvice + "; then: sallyport plan " + run.Stack
	}
	return Ending{To: store.Errored, Text: text, Hint: hint}
}

// Canceled is the ending of an apply that somebody canceled in its middle: what a person stopped is not broken. One that ended well, or
// whose end nobody saw, stays what it is.
func (e Ending) Canceled(by string, f Facts) Ending {
	if by == "" || e.To != store.Errored && e.To != store.Stale {
		return e
	}
	e.To = store.Canceled
	e.Text = fmt.Sprintf("canceled by %s in the middle of its apply, what was begun may be half-made: %s\n%s", by, f.SoFar(), e.Text)
	e.Hint = strings.TrimPrefix(e.Hint, mendFirst)
	return e
}

// Leftovers are what an ended apply leaves behind, or may.
type Leftovers struct {
	State      string        // where a state waits to be pushed; empty: there is none
	Unfinished bool          // resources may be half-made
	Unseen     *store.Unseen // a terraform that may have left the state lock behind; nil: none has
}

// Leaves is what an apply of terraform's leaves behind that ended so. Whether the state lock is there only terraform can say, when it
// wants it the next time.
func (f Facts) Leaves(to store.Status) Leftovers {
	left := Leftovers{State: f.LeftState, Unfinished: to == store.Interrupted && len(f.Open) > 0}
	lost := to == store.Interrupted && f.Started
	if !lost && f.LeftState == "" && !f.LockLeft {
		return left
	}
	u := store.Unseen{Run: f.Run.ID, Apply: true, Until: f.Now}
	if f.Run.Apply != nil {
		u.Who, u.From = f.Run.Apply.Who, f.Run.Apply.StartedAt
	}
	if f.Result == nil && !f.LastSign.IsZero() && f.LastSign.Before(f.Now) {
		u.Until = f.LastSign // what somebody else locked after its death, before that was noticed, is not its own
	}
	left.Unseen = &u
	return left
}
