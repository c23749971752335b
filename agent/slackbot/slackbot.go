// Package slackbot reads Slack: decisions in the threads of runs, commands in the channel, and the marks on messages by which
// agents recognize each other, and a store that was put back to an older state.
package slackbot

import (
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/health"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/operator"
	"sallyport/agent/outbox"
	"sallyport/agent/view"
	"sallyport/agent/workers"
	"sallyport/notify/words"
	"sallyport/store"
)

// Slackbot reads Slack: decisions, commands, other agents.
type Slackbot struct {
	bell       *bell.Bell
	health     *health.Health
	journal    *journal.Journal
	active     *active.Active
	ledger     *ledger.Ledger
	viewer     *view.Viewer
	operator   *operator.Operator
	outbox     *outbox.Outbox
	changes    *bell.Broadcast
	epochs     []string
	faults     *health.Faults
	id         string
	log        *slog.Logger
	now        func() time.Time
	store      *store.Store
	work       *workers.Pool
	unrecorded unrecorded
}

// Options are what slackbot works with.
type Options struct {
	Bell     *bell.Bell
	Health   *health.Health
	Journal  *journal.Journal
	Active   *active.Active
	Ledger   *ledger.Ledger
	Viewer   *view.Viewer
	Operator *operator.Operator
	Outbox   *outbox.Outbox
	Changes  *bell.Broadcast
	Epochs   []string
	Faults   *health.Faults
	ID       string
	Log      *slog.Logger
	Now      func() time.Time
	Store    *store.Store
	Work     *workers.Pool
}

// New makes the reader of Slack.
func New(o Options) *Slackbot {
	return &Slackbot{
		unrecorded: unrecorded{told: map[string]bool{}}, bell: o.Bell, health: o.Health, journal: o.Journal,
		active: o.Active, ledger: o.Ledger, viewer: o.Viewer, operator: o.Operator, outbox: o.Outbox, changes: o.Changes,
		epochs: o.Epochs, faults: o.Faults, id: o.ID, log: o.Log, now: o.Now, store: o.Store, work: o.Work,
	}
}

// slackCall bounds one question to Slack.
const slackCall = 15 * time.Second

// ofPull is what comes after `plan STACK` in Slack when it is about a pull request.
var ofPull = regexp.MustCompile(`(?i)^(?:pr|pull[ -]request) #?([0-9]{1,9})$`)

// previewFor is startPreview for Slack.
func previewFor(o *operator.Operator, wanted operator.WantedPreview, number string) (answer string, err error) {
	if wanted.PullRequest, err = strconv.Atoi(number); err != nil {
		return "", hint.Refuse("plan STACK pr 7", "which pull request?")
	}
	run, err := o.StartPreview(wanted)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("#%d: planning %s of pull request %d at %s.", run.ID, run.Stack, run.PullRequest, words.Short(run.Commit)), nil
}
