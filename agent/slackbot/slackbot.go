// Package slackbot reads Slack. It listens to the channels and to the threads of runs, and weighs what is replied there. What is said
// to the bot in the channel is package commands', and by which marks on messages agents recognize each other is package peers'.
package slackbot

import (
	"context"
	"log/slog"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/clock"
	"sallyport/agent/engine"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/operator"
	"sallyport/agent/outbox"
	"sallyport/agent/slackbot/buttons"
	"sallyport/agent/slackbot/commands"
	"sallyport/agent/slackbot/live"
	"sallyport/agent/slackbot/peers"
	"sallyport/agent/view"
	"sallyport/agent/workers"
	"sallyport/notify/slack/socket"
	"sallyport/store"
)

// Slackbot reads Slack: decisions, commands, other agents.
type Slackbot struct {
	bell       *bell.Bell
	health     *health.Health
	live       *live.Live
	journal    *journal.Journal
	active     *active.Active
	commands   *commands.Commands
	ledger     *ledger.Ledger
	operator   *operator.Operator
	peers      *peers.Watch
	changes    *bell.Broadcast
	faults     *health.Faults
	id         string
	log        *slog.Logger
	now        func() time.Time
	store      *store.Store
	buttons    *buttons.Buttons
	unrecorded unrecorded
}

// Options are what slackbot works with.
type Options struct {
	Clocks   *clock.Clock
	Bell     *bell.Bell
	Engines  *engine.Engines
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
	pressed := buttons.New(buttons.Options{
		Active: o.Active, Clocks: o.Clocks, Engines: o.Engines, Health: o.Health, ID: o.ID, Journal: o.Journal, Ledger: o.Ledger, Log: o.Log,
		Operator: o.Operator, Outbox: o.Outbox, Store: o.Store, Work: o.Work,
	})
	sb := &Slackbot{
		bell: o.Bell, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, operator: o.Operator,
		changes: o.Changes, faults: o.Faults, id: o.ID, log: o.Log, now: o.Now, store: o.Store,
		commands: commands.New(commands.Options{
			Active: o.Active, Health: o.Health, ID: o.ID, Journal: o.Journal, Ledger: o.Ledger, Log: o.Log, Now: o.Now,
			Operator: o.Operator, Outbox: o.Outbox, Store: o.Store, Viewer: o.Viewer, Work: o.Work,
		}),
		peers: peers.New(peers.Options{
			Epochs: o.Epochs, Faults: o.Faults, ID: o.ID, Journal: o.Journal, Ledger: o.Ledger, Log: o.Log, Now: o.Now, Store: o.Store,
		}),
		live: live.New(live.Options{
			Active: o.Active, Health: o.Health, Faults: o.Faults, Changes: o.Changes, Log: o.Log, Now: o.Now, Handle: pressed.Handle,
		}),
		buttons:    pressed,
		unrecorded: unrecorded{told: map[string]bool{}},
	}
	o.Viewer.ShowSocket(sb.live.Show)
	return sb
}

// KeepSocket keeps Slack's websocket open until ctx ends, where there is an app token.
func (sb *Slackbot) KeepSocket(ctx context.Context) { sb.live.Run(ctx) }

// Pressed takes what somebody pressed or submitted, as [Slackbot.KeepSocket] hears it.
func (sb *Slackbot) Pressed(ctx context.Context, e socket.Event) (socket.Answer, error) {
	return sb.buttons.Handle(ctx, e)
}

// slackCall bounds one question to Slack.
const slackCall = 15 * time.Second
