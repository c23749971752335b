package control

import (
	"sallyport/agent/peercred"
	"sallyport/store"
)

// TrialRequest asks for a plan of every stack with another terraform, beside one with the terraform that is configured. Nothing is kept
// of either: there is no run, so that there is nothing to approve.
type TrialRequest struct {
	Engine  string          `json:"engine"`  // terraform, or tofu
	Version string          `json:"version"` // exact, like 1.15.1
	By      peercred.Caller `json:"-"`
}

// TrialOutcome is how the two plans of a stack compare.
type TrialOutcome string

// How they can.
const (
	TrialSame       TrialOutcome = "same"        // both would do the same, or nothing
	TrialOther      TrialOutcome = "other"       // they would not
	TrialError      TrialOutcome = "error"       // one of them could not be made
	TrialNotPlanned TrialOutcome = "not_planned" // its turn did not come; the text says why
)

// TrialResult is what a trial found of one stack.
type TrialResult struct {
	Stack      string       `json:"stack"`
	Commit     string       `json:"commit"`
	Outcome    TrialOutcome `json:"outcome"`
	Configured string       `json:"configured"` // what the other plan was made with, like "terraform 1.11.4"
	Plan       *Plan        `json:"plan"`       // of the terraform that is tried; null if there is none
	Was        *Plan        `json:"was"`        // of the one that is configured; likewise
	// Differences are the first few things in which the plans differ, a line each.
	Differences []string `json:"differences"`
	Text        string   `json:"text"` // why there is no comparison; else what to know beside it
	Hint        string   `json:"hint"`
}

// TrialNews is one piece of news of a trial under way. The first says what is tried, and on how many stacks; each of the others is a
// result, but for the last, which says that all are told.
type TrialNews struct {
	Tool   string       `json:"tool,omitempty"` // like "terraform 1.15.1"
	Path   string       `json:"path,omitempty"` // of its binary
	Stacks int          `json:"stacks,omitempty"`
	Result *TrialResult `json:"result,omitempty"`
	Done   bool         `json:"done,omitempty"`
	Error  *Error       `json:"error,omitempty"` // why there are no more results
}

// PlanOf is what is shown of a plan; nil for nil.
func PlanOf(p *store.Plan) *Plan { return planOf(p) }
