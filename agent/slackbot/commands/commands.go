// Package commands obeys what people tell the bot in the channel, and answers them: orders to the operator, looks at runs and stacks,
// and whatever is said where it does not count or in words that mean nothing. A command is obeyed at most once, and its answer names
// the message that it answers.
package commands

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/health"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/operator"
	"sallyport/agent/outbox"
	"sallyport/agent/view"
	"sallyport/agent/workers"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/words"
	"sallyport/store"
)

// Commands obeys and answers what is said in the channel.
type Commands struct {
	active   *active.Active
	health   *health.Health
	id       string
	journal  *journal.Journal
	ledger   *ledger.Ledger
	log      *slog.Logger
	now      func() time.Time
	operator *operator.Operator
	outbox   *outbox.Outbox
	store    *store.Store
	viewer   *view.Viewer
	work     *workers.Pool
}

// Options are what commands are obeyed with.
type Options struct {
	Active   *active.Active
	Health   *health.Health
	ID       string // of our data directory
	Journal  *journal.Journal
	Ledger   *ledger.Ledger
	Log      *slog.Logger
	Now      func() time.Time
	Operator *operator.Operator
	Outbox   *outbox.Outbox
	Store    *store.Store
	Viewer   *view.Viewer
	Work     *workers.Pool
}

// New makes what obeys commands.
func New(o Options) *Commands {
	return &Commands{
		active: o.Active, health: o.Health, id: o.ID, journal: o.Journal, ledger: o.Ledger, log: o.Log, now: o.Now,
		operator: o.Operator, outbox: o.Outbox, store: o.Store, viewer: o.Viewer, work: o.Work,
	}
}

// obeyedKey is the ts of the last command of a channel that was obeyed, or answered.
func obeyedKey(channel string) store.Key[string] {
	return store.Key[string]("slack/command/" + channel)
}

// obeyingKey is the ts of the command of a channel that is being obeyed; empty if none is.
func obeyingKey(channel string) store.Key[string] {
	return store.Key[string]("slack/obeying/" + channel)
}

// ofPull is what comes after `plan STACK` in Slack when it is about a pull request.
var ofPull = regexp.MustCompile(`(?i)^(?:pr|mr|pull[ -]request|merge[ -]request) [#!]?([0-9]{1,9})$`)

// previewFor starts the plan of a pull request, as somebody asks for it in Slack.
func previewFor(o *operator.Operator, wanted operator.WantedPreview, number string) (answer string, err error) {
	if wanted.PullRequest, err = strconv.Atoi(number); err != nil {
		return "", hint.Refuse("plan STACK pr 7", "which pull request?")
	}
	run, err := o.StartPreview(wanted)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("#%d: planning %s of %s at %s.", run.ID, run.Stack, notify.Change(run), words.Short(run.Commit)), nil
}

// seenTimeout bounds a reaction.
const seenTimeout = 3 * time.Second

// Seen shows whoever said something that it was read, if the token may react. Nothing depends on it.
func Seen(ctx context.Context, log *slog.Logger, conf *active.Config, m slack.Message) {
	ctx, cancel := context.WithTimeout(ctx, seenTimeout)
	defer cancel()
	if err := conf.Slack.React(ctx, m.Channel, m.TS, "eyes"); err != nil {
		log.Debug("reacting to a message", "ts", m.TS, "err", err)
	}
}
