package agent

import (
	"sallyport/agent/active"
	"sallyport/agent/api"
	"sallyport/agent/clock"
	"sallyport/agent/engine"
	"sallyport/agent/execute"
	"sallyport/agent/housekeeping"
	"sallyport/agent/ledger"
	"sallyport/agent/metrics"
	"sallyport/agent/operator"
	"sallyport/agent/outbox"
	"sallyport/agent/pullrequests"
	"sallyport/agent/slackbot"
	"sallyport/agent/source"
	"sallyport/agent/triggers"
	"sallyport/agent/view"
)

// wire gives each room what it uses: the rooms below it, and nothing above.
func (a *Agent) wire() {
	a.clocks = clock.New(clock.Options{Now: a.now, Uptime: a.opts.Uptime})
	a.active = active.New(active.Options{
		Health: a.health, Journal: a.journal, Cache: a.cache, Faults: a.faults, Log: a.log, Now: a.now,
		Outside: a.opts.Outside.Outside, Store: a.store,
	})
	a.ledger = ledger.New(ledger.Options{
		Clocks: a.clocks, Health: a.health, Journal: a.journal, Active: a.active, Ended: a.ended,
		Faults: a.faults, Log: a.log, Now: a.now, Store: a.store, Work: a.work,
	})
	a.engines = engine.New(engine.Options{
		Bell: a.bell, Health: a.health, Active: a.active, Ledger: a.ledger, Cache: a.cache, Faults: a.faults,
		Log: a.log, Now: a.now, Terraform: a.opts.Outside.Terraform, Store: a.store,
	})
	a.source = source.New(source.Options{
		Clocks: a.clocks, Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger,
		Changes: a.changes, Faults: a.faults, Jitter: a.opts.Jitter, Log: a.log, Now: a.now, Polls: a.polls,
		Store: a.store,
	})
	a.viewer = view.New(view.Options{
		Health: a.health, Faults: a.faults, ID: a.identity.ID, Now: a.now, Polls: a.polls, Started: a.started,
		Store: a.store, Version: a.opts.Version,
	})
	a.outbox = outbox.New(outbox.Options{
		Clocks: a.clocks, Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger,
		Engines: a.engines, Changes: a.changes, Epoch: a.identity.Epoch, Faults: a.faults, ID: a.identity.ID, Log: a.log,
		Notices: a.opts.Notices, Now: a.now, Store: a.store,
	})
	a.triggers = triggers.New(triggers.Options{
		Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Engines: a.engines,
		Compared: a.compared, Faults: a.faults, ID: a.identity.ID, Log: a.log, Now: a.now, Store: a.store,
		Strikes: a.strikes, Tight: a.tight, Work: a.work,
	})
	a.operator = operator.New(operator.Options{
		Clocks: a.clocks, Bell: a.bell, Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger,
		Engines: a.engines, Source: a.source, Epoch: a.identity.Epoch, Faults: a.faults, Log: a.log, Now: a.now, Store: a.store,
		Strikes: a.strikes, Work: a.work,
	})
	a.slackbot = slackbot.New(slackbot.Options{
		Clocks: a.clocks, Bell: a.bell, Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Engines: a.engines, Viewer: a.viewer,
		Operator: a.operator, Outbox: a.outbox, Changes: a.changes, Epochs: a.identity.Epochs, Faults: a.faults, ID: a.identity.ID, Log: a.log,
		Now: a.now, Store: a.store, Work: a.work,
	})
	a.pullwatch = pullrequests.New(pullrequests.Options{
		Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Source: a.source,
		Operator: a.operator, Faults: a.faults, Log: a.log, Now: a.now, Store: a.store, Work: a.work,
	})
	a.housekeeper = housekeeping.New(housekeeping.Options{
		Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Engines: a.engines,
		Viewer: a.viewer, Operator: a.operator, Changes: a.changes, Ended: a.ended, Checker: a.opts.Outside.Checker,
		Cache: a.cache, Faults: a.faults, Log: a.log, Now: a.now, Room: a.opts.Room, Snapshots: a.snapshots, Store: a.store,
		Tight: a.tight, Work: a.work,
	})
	a.socketAPI = api.New(api.Options{
		Health: a.health, Active: a.active, Engines: a.engines, Viewer: a.viewer, Operator: a.operator,
		Changes: a.changes, Faults: a.faults, Log: a.log, Now: a.now, Store: a.store, Version: a.opts.Version,
	})
	a.meter = metrics.New(metrics.Options{
		Health: a.health, Active: a.active, Faults: a.faults, Viewer: a.viewer, Work: a.work, Changes: a.changes, Polls: a.polls, Log: a.log,
		Now: a.now, Room: a.opts.Room, Jitter: a.opts.Jitter, Store: a.store, Version: a.opts.Version, LastPass: &a.lastPass,
	})
	a.executor = execute.New(execute.Options{
		Clocks: a.clocks, Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger,
		Engines: a.engines, Source: a.source, Compared: a.compared, Executable: a.opts.Executable,
		Faults: a.faults, Log: a.log, Now: a.now, SnapshotSoon: a.snapshots.Soon, Spawn: a.opts.Outside.Runner, Started: a.started,
		Store: a.store, Strikes: a.strikes, Tight: a.tight, Uptime: a.opts.Uptime, Votes: a.slackbot,
		Work: a.work,
	})
}
