package lifecycle

import (
	"time"

	"sallyport/store"
)

// Do is what is to be done about a run now.
type Do string

// What can be done about a run.
const (
	Wait   Do = "wait"   // nothing, and nobody has to be told: something is at work for it, or it passes within moments
	Hold   Do = "hold"   // it stays where it is, and Reason says why; no reason: it waits for people and for nothing else
	Move   Do = "move"   // it moves on to another status
	Replan Do = "replan" // its plan fits no more: one under way begins again, one that was made is stale and another takes over
	Plan   Do = "plan"   // its plan is made
	Apply  Do = "apply"  // the last checks are made with Slack and git, and if they find nothing it is applied
	Follow Do = "follow" // its apply is followed to its end
)

// A Step is what becomes of a run now, and why.
type Step struct {
	Do   Do
	Rule string // the name of the rule that says so
	// Reason is why a run is held, moved or planned again. Its Recheck holds for every step: when to look again though nothing
	// wakes anybody.
	Reason Reason

	To       store.Status // of a Move
	By       string       // who moved it: a person, or the policy that approved it
	Withdraw bool         // the policy's approval counts no more
	Asked    bool         // nobody was asked about the commit as it is now: it is planned anew
	Unplan   bool         // the pull request's plans are forgotten with it
	Everyday bool         // many runs at a time are held so, and it passes: only who looks is told

	Checks    Checks        // which drift checks are stopped to make room
	Interrupt bool          // the apply is asked to stop
	Start     bool          // nobody follows the apply yet
	Long      time.Duration // the apply has taken so long that people are told; 0: it has not
	Usual     time.Duration // how long the stack's last ones took at most; 0: that is not known
	Also      Also
}

// Checks are the drift checks that a step stops.
type Checks int

// Which drift checks are stopped.
const (
	NoChecks  Checks = iota
	OwnCheck         // that of the run's stack
	AllChecks        // all: a slot is wanted
)

// Also is what is done beside a step.
type Also struct {
	Remind    time.Duration // people are reminded that the plan expires in so long; 0: they are not
	Warnings  []string      // for the run's card
	Note      string        // for the channel, when the run is held for a new reason
	StateGone bool          // the state that an apply could not save was taken away by a person: nothing is left of it
}

const (
	maxCrashes = 8                // plans of one run started at all, those that a crash ended included
	soon       = 5 * time.Second  // how soon work that rests, or that wants room on the disk, is looked at again
	checksLook = 15 * time.Second // how soon the last checks are looked at that are being made
)

const (
	// MaxPlanWait is the longest wait that is ever stored for a plan. A stored time further ahead is of before the clock was put
	// back.
	MaxPlanWait = 5 * time.Minute
	// ChecksRetry is how soon the last checks are made again when they could not be made.
	ChecksRetry = 10 * time.Second
	// SlotPatience is how long a run waits for others to end until it says so: most get their turn before.
	SlotPatience = 30 * time.Second
)
