package agent

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/agent/terraform/cache"
	"sallyport/notify/redact"
	"sallyport/store"
)

// clocks are wall time, which jumps, and a clock that nobody can set.
type clocks struct {
	now    func() time.Time
	uptime func() store.Uptime
}

// bell wakes the loop, and whoever waits for a change.
type bell struct {
	changes *broadcast
	wakes   chan struct{}
}

// health is what is wrong now, with which secrets are kept out of every word that leaves the agent.
type health struct {
	*bell
	faults   *faults
	log      *slog.Logger
	strikes  *strikes
	redactor atomic.Pointer[redact.Redactor]
	secrets  secrets
}

// newBell makes a bell that nobody has rung.
func newBell(changes *broadcast) *bell { return &bell{changes: changes, wakes: make(chan struct{}, 1)} }

// healthOptions are what health works with.
type healthOptions struct {
	Bell    *bell
	Faults  *faults
	Strikes *strikes
	Log     *slog.Logger // into which nothing goes but what was redacted
	Secrets []redact.Secret
}

func newHealth(o healthOptions) *health {
	a := &health{bell: o.Bell, faults: o.Faults, strikes: o.Strikes}
	a.hide(o.Secrets)
	a.log = slog.New(redactHandler{next: o.Log.Handler(), redactor: &a.redactor})
	return a
}

// hide makes values secret from now on, in every text and in the log.
func (a *health) hide(secrets []redact.Secret) { a.redactor.Store(a.secrets.keep(secrets)) }

// hideMinted makes a token secret that was made for the agent.
func (a *health) hideMinted(token redact.Secret) {
	if r := a.secrets.mint(token); r != nil {
		a.redactor.Store(r)
	}
}

// logger is the log that shows no secret.
func (a *health) logger() *slog.Logger { return a.log }

// active is the configuration in force with its clients: repositories, sites, Slack, tools and users.
type active struct {
	*health
	*journal
	cache  *cache.Cache
	faults *faults
	log    *slog.Logger
	now    func() time.Time
	store  *store.Store
	heard  atomic.Bool // Slack was looked at since the start, or could not be read
	world  atomic.Pointer[world]
}

// ledger is what is recorded of runs and stacks, with the event, the message and the commit status that each change causes.
type ledger struct {
	*clocks
	*health
	*journal
	*active
	ended      *endedRuns
	faults     *faults
	log        *slog.Logger
	now        func() time.Time
	store      *store.Store
	work       *workers
	driftSoon  atomic.Bool // a run moved: a stack may be free for a check
	holdsGiven atomic.Bool // the store may hold values that people gave and nothing needs
}

// engines are terraform and packer at work in a run's directory.
type engines struct {
	*bell
	*health
	*active
	*ledger
	cache  *cache.Cache
	faults *faults
	log    *slog.Logger
	now    func() time.Time
	store  *store.Store
	states holds // of stacks, in the directory of terraform.user's
}

// source finds the newest commit of each repository, and whether it is trusted.
type source struct {
	*clocks
	*health
	*journal
	*active
	*ledger
	changes *broadcast
	faults  *faults
	jitter  func() float64
	log     *slog.Logger
	now     func() time.Time
	people  *people
	store   *store.Store
}

// viewer looks at everything that is shown of this agent.
type viewer struct {
	*health
	faults  *faults
	id      string
	now     func() time.Time
	people  *people
	started time.Time
	store   *store.Store
	version string
}

// outbox delivers what there is to say: to Slack, to the sites that host repositories, to the log.
type outbox struct {
	*clocks
	*health
	*journal
	*active
	*ledger
	*engines
	changes *broadcast
	epoch   string
	faults  *faults
	id      string
	log     *slog.Logger
	notices func(text string)
	now     func() time.Time
	store   *store.Store
	sending sync.Mutex // one delivery at a time: order matters to people
}

// triggers make runs: of commits, of changed dependencies, of drift, of schedules of images.
type triggers struct {
	*health
	*journal
	*active
	*ledger
	*engines
	compared   *comparisons
	faults     *faults
	id         string
	log        *slog.Logger
	now        func() time.Time
	store      *store.Store
	strikes    *strikes
	tight      *tightness
	work       *workers
	driftNext  time.Time // of the next look at drift schedules, and by which configuration; the loop's own
	driftWorld *world
}

// executor moves runs on: plan, gate, apply, follow.
type executor struct {
	*clocks
	*health
	*journal
	*active
	*ledger
	*engines
	*source
	compared     *comparisons
	executable   string
	faults       *faults
	log          *slog.Logger
	now          func() time.Time
	snapshotSoon func()
	started      time.Time
	store        *store.Store
	strikes      *strikes
	tight        *tightness
	uptime       func() store.Uptime
	votes        votes
	work         *workers
}

// operator carries out what a person orders, wherever it was typed.
type operator struct {
	*clocks
	*bell
	*health
	*journal
	*active
	*ledger
	*engines
	*source
	epoch   string
	log     *slog.Logger
	now     func() time.Time
	store   *store.Store
	strikes *strikes
	work    *workers
}

// slackbot reads Slack: decisions, commands, other agents.
type slackbot struct {
	*bell
	*health
	*journal
	*active
	*ledger
	*viewer
	*operator
	changes    *broadcast
	epochs     []string
	faults     *faults
	id         string
	log        *slog.Logger
	now        func() time.Time
	store      *store.Store
	work       *workers
	unrecorded unrecorded
}

// pullwatch finds out which pull requests are open, and whose are planned.
type pullwatch struct {
	*health
	*journal
	*active
	*ledger
	*source
	*operator
	faults *faults
	log    *slog.Logger
	now    func() time.Time
	store  *store.Store
	work   *workers
}

// housekeeper keeps the data directory: retention, snapshots, backups, room, and what a crash left.
type housekeeper struct {
	*health
	*journal
	*active
	*ledger
	*engines
	*viewer
	*operator
	changes    *broadcast
	ended      *endedRuns
	executable string
	faults     *faults
	log        *slog.Logger
	now        func() time.Time
	room       func(dir string) (Room, error)
	snapshots  *snapshots
	store      *store.Store
	tight      *tightness
	work       *workers
	toAdopt    []int // applies that the store does not know yet; the loop's own
}

// socketAPI answers the command line.
type socketAPI struct {
	*health
	*active
	*engines
	*viewer
	*operator
	changes *broadcast
	faults  *faults
	log     *slog.Logger
	now     func() time.Time
	store   *store.Store
}

// clocksOptions are what clocks works with.
type clocksOptions struct {
	Now    func() time.Time
	Uptime func() store.Uptime
}

func newClocks(o clocksOptions) *clocks {
	return &clocks{now: o.Now, uptime: o.Uptime}
}

// journalOptions are what journal works with.
type journalOptions struct {
	Bell   *bell
	Faults *faults
	Log    *slog.Logger
	Store  *store.Store
}

func newJournal(o journalOptions) *journal {
	return &journal{bell: o.Bell, faults: o.Faults, log: o.Log, store: o.Store}
}

// activeOptions are what active works with.
type activeOptions struct {
	Health  *health
	Journal *journal
	Cache   *cache.Cache
	Faults  *faults
	Log     *slog.Logger
	Now     func() time.Time
	Store   *store.Store
}

// listened says that Slack was looked at, or could not be, and whether that is news.
func (a *active) listened() (first bool) { return !a.heard.Swap(true) }

// hasListened says whether Slack was looked at since the start, or could not be.
func (a *active) hasListened() bool { return a.heard.Load() }

func newActive(o activeOptions) *active {
	return &active{health: o.Health, journal: o.Journal, cache: o.Cache, faults: o.Faults, log: o.Log, now: o.Now, store: o.Store}
}

// ledgerOptions are what ledger works with.
type ledgerOptions struct {
	Clocks  *clocks
	Health  *health
	Journal *journal
	Active  *active
	Ended   *endedRuns
	Faults  *faults
	Log     *slog.Logger
	Now     func() time.Time
	Store   *store.Store
	Work    *workers
}

// movedSince says whether a run has moved since it was asked last.
func (a *ledger) movedSince() bool { return a.driftSoon.Swap(false) }

// holdsValues says that the store holds values again that a person gave.
func (a *ledger) holdsValues() { a.holdsGiven.Store(true) }

func newLedger(o ledgerOptions) *ledger {
	return &ledger{clocks: o.Clocks, health: o.Health, journal: o.Journal, active: o.Active, ended: o.Ended, faults: o.Faults, log: o.Log, now: o.Now, store: o.Store, work: o.Work}
}

// enginesOptions are what engines works with.
type enginesOptions struct {
	Bell   *bell
	Health *health
	Active *active
	Ledger *ledger
	Cache  *cache.Cache
	Faults *faults
	Log    *slog.Logger
	Now    func() time.Time
	Store  *store.Store
}

func newEngines(o enginesOptions) *engines {
	return &engines{bell: o.Bell, health: o.Health, active: o.Active, ledger: o.Ledger, cache: o.Cache, faults: o.Faults, log: o.Log, now: o.Now, store: o.Store}
}

// sourceOptions are what source works with.
type sourceOptions struct {
	Clocks  *clocks
	Health  *health
	Journal *journal
	Active  *active
	Ledger  *ledger
	Changes *broadcast
	Faults  *faults
	Jitter  func() float64
	Log     *slog.Logger
	Now     func() time.Time
	People  *people
	Store   *store.Store
}

func newSource(o sourceOptions) *source {
	return &source{clocks: o.Clocks, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, changes: o.Changes, faults: o.Faults, jitter: o.Jitter, log: o.Log, now: o.Now, people: o.People, store: o.Store}
}

// viewerOptions are what viewer works with.
type viewerOptions struct {
	Health  *health
	Faults  *faults
	Id      string
	Now     func() time.Time
	People  *people
	Started time.Time
	Store   *store.Store
	Version string
}

func newViewer(o viewerOptions) *viewer {
	return &viewer{health: o.Health, faults: o.Faults, id: o.Id, now: o.Now, people: o.People, started: o.Started, store: o.Store, version: o.Version}
}

// outboxOptions are what outbox works with.
type outboxOptions struct {
	Clocks  *clocks
	Health  *health
	Journal *journal
	Active  *active
	Ledger  *ledger
	Engines *engines
	Changes *broadcast
	Epoch   string
	Faults  *faults
	Id      string
	Log     *slog.Logger
	Notices func(text string)
	Now     func() time.Time
	Store   *store.Store
}

func newOutbox(o outboxOptions) *outbox {
	return &outbox{clocks: o.Clocks, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, engines: o.Engines, changes: o.Changes, epoch: o.Epoch, faults: o.Faults, id: o.Id, log: o.Log, notices: o.Notices, now: o.Now, store: o.Store}
}

// triggersOptions are what triggers works with.
type triggersOptions struct {
	Health   *health
	Journal  *journal
	Active   *active
	Ledger   *ledger
	Engines  *engines
	Compared *comparisons
	Faults   *faults
	Id       string
	Log      *slog.Logger
	Now      func() time.Time
	Store    *store.Store
	Strikes  *strikes
	Tight    *tightness
	Work     *workers
}

func newTriggers(o triggersOptions) *triggers {
	return &triggers{health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, engines: o.Engines, compared: o.Compared, faults: o.Faults, id: o.Id, log: o.Log, now: o.Now, store: o.Store, strikes: o.Strikes, tight: o.Tight, work: o.Work}
}

// executorOptions are what executor works with.
type executorOptions struct {
	Clocks       *clocks
	Health       *health
	Journal      *journal
	Active       *active
	Ledger       *ledger
	Engines      *engines
	Source       *source
	Compared     *comparisons
	Executable   string
	Faults       *faults
	Log          *slog.Logger
	Now          func() time.Time
	SnapshotSoon func()
	Started      time.Time
	Store        *store.Store
	Strikes      *strikes
	Tight        *tightness
	Uptime       func() store.Uptime
	Votes        votes
	Work         *workers
}

func newExecutor(o executorOptions) *executor {
	return &executor{clocks: o.Clocks, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, engines: o.Engines, source: o.Source, compared: o.Compared, executable: o.Executable, faults: o.Faults, log: o.Log, now: o.Now, snapshotSoon: o.SnapshotSoon, started: o.Started, store: o.Store, strikes: o.Strikes, tight: o.Tight, uptime: o.Uptime, votes: o.Votes, work: o.Work}
}

// operatorOptions are what operator works with.
type operatorOptions struct {
	Clocks  *clocks
	Bell    *bell
	Health  *health
	Journal *journal
	Active  *active
	Ledger  *ledger
	Engines *engines
	Source  *source
	Epoch   string
	Log     *slog.Logger
	Now     func() time.Time
	Store   *store.Store
	Strikes *strikes
	Work    *workers
}

func newOperator(o operatorOptions) *operator {
	return &operator{clocks: o.Clocks, bell: o.Bell, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, engines: o.Engines, source: o.Source, epoch: o.Epoch, log: o.Log, now: o.Now, store: o.Store, strikes: o.Strikes, work: o.Work}
}

// slackbotOptions are what slackbot works with.
type slackbotOptions struct {
	Bell     *bell
	Health   *health
	Journal  *journal
	Active   *active
	Ledger   *ledger
	Viewer   *viewer
	Operator *operator
	Changes  *broadcast
	Epochs   []string
	Faults   *faults
	Id       string
	Log      *slog.Logger
	Now      func() time.Time
	Store    *store.Store
	Work     *workers
}

func newSlackbot(o slackbotOptions) *slackbot {
	return &slackbot{unrecorded: unrecorded{told: map[string]bool{}}, bell: o.Bell, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, viewer: o.Viewer, operator: o.Operator, changes: o.Changes, epochs: o.Epochs, faults: o.Faults, id: o.Id, log: o.Log, now: o.Now, store: o.Store, work: o.Work}
}

// pullwatchOptions are what pullwatch works with.
type pullwatchOptions struct {
	Health   *health
	Journal  *journal
	Active   *active
	Ledger   *ledger
	Source   *source
	Operator *operator
	Faults   *faults
	Log      *slog.Logger
	Now      func() time.Time
	Store    *store.Store
	Work     *workers
}

func newPullwatch(o pullwatchOptions) *pullwatch {
	return &pullwatch{health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, source: o.Source, operator: o.Operator, faults: o.Faults, log: o.Log, now: o.Now, store: o.Store, work: o.Work}
}

// housekeeperOptions are what housekeeper works with.
type housekeeperOptions struct {
	Health     *health
	Journal    *journal
	Active     *active
	Ledger     *ledger
	Engines    *engines
	Viewer     *viewer
	Operator   *operator
	Changes    *broadcast
	Ended      *endedRuns
	Executable string
	Faults     *faults
	Log        *slog.Logger
	Now        func() time.Time
	Room       func(dir string) (Room, error)
	Snapshots  *snapshots
	Store      *store.Store
	Tight      *tightness
	Work       *workers
}

func newHousekeeper(o housekeeperOptions) *housekeeper {
	return &housekeeper{health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger, engines: o.Engines, viewer: o.Viewer, operator: o.Operator, changes: o.Changes, ended: o.Ended, executable: o.Executable, faults: o.Faults, log: o.Log, now: o.Now, room: o.Room, snapshots: o.Snapshots, store: o.Store, tight: o.Tight, work: o.Work}
}

// socketAPIOptions are what socketAPI works with.
type socketAPIOptions struct {
	Health   *health
	Active   *active
	Engines  *engines
	Viewer   *viewer
	Operator *operator
	Changes  *broadcast
	Faults   *faults
	Log      *slog.Logger
	Now      func() time.Time
	Store    *store.Store
}

func newSocketAPI(o socketAPIOptions) *socketAPI {
	return &socketAPI{health: o.Health, active: o.Active, engines: o.Engines, viewer: o.Viewer, operator: o.Operator, changes: o.Changes, faults: o.Faults, log: o.Log, now: o.Now, store: o.Store}
}

// wire gives each room what it uses: the rooms below it, and nothing above.
func (a *Agent) wire() {
	a.clocks = newClocks(clocksOptions{Now: a.now, Uptime: a.opts.Uptime})
	a.active = newActive(activeOptions{Health: a.health, Journal: a.journal, Cache: a.cache, Faults: a.faults, Log: a.log, Now: a.now, Store: a.store})
	a.ledger = newLedger(ledgerOptions{Clocks: a.clocks, Health: a.health, Journal: a.journal, Active: a.active, Ended: a.ended, Faults: a.faults, Log: a.log, Now: a.now, Store: a.store, Work: a.work})
	a.engines = newEngines(enginesOptions{Bell: a.bell, Health: a.health, Active: a.active, Ledger: a.ledger, Cache: a.cache, Faults: a.faults, Log: a.log, Now: a.now, Store: a.store})
	a.source = newSource(sourceOptions{Clocks: a.clocks, Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Changes: a.changes, Faults: a.faults, Jitter: a.opts.Jitter, Log: a.log, Now: a.now, People: a.people, Store: a.store})
	a.viewer = newViewer(viewerOptions{Health: a.health, Faults: a.faults, Id: a.id, Now: a.now, People: a.people, Started: a.started, Store: a.store, Version: a.opts.Version})
	a.outbox = newOutbox(outboxOptions{Clocks: a.clocks, Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Engines: a.engines, Changes: a.changes, Epoch: a.epoch, Faults: a.faults, Id: a.id, Log: a.log, Notices: a.opts.Notices, Now: a.now, Store: a.store})
	a.triggers = newTriggers(triggersOptions{Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Engines: a.engines, Compared: a.compared, Faults: a.faults, Id: a.id, Log: a.log, Now: a.now, Store: a.store, Strikes: a.strikes, Tight: a.tight, Work: a.work})
	a.operator = newOperator(operatorOptions{Clocks: a.clocks, Bell: a.bell, Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Engines: a.engines, Source: a.source, Epoch: a.epoch, Log: a.log, Now: a.now, Store: a.store, Strikes: a.strikes, Work: a.work})
	a.slackbot = newSlackbot(slackbotOptions{Bell: a.bell, Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Viewer: a.viewer, Operator: a.operator, Changes: a.changes, Epochs: a.epochs, Faults: a.faults, Id: a.id, Log: a.log, Now: a.now, Store: a.store, Work: a.work})
	a.pullwatch = newPullwatch(pullwatchOptions{Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Source: a.source, Operator: a.operator, Faults: a.faults, Log: a.log, Now: a.now, Store: a.store, Work: a.work})
	a.housekeeper = newHousekeeper(housekeeperOptions{Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Engines: a.engines, Viewer: a.viewer, Operator: a.operator, Changes: a.changes, Ended: a.ended, Executable: a.opts.Executable, Faults: a.faults, Log: a.log, Now: a.now, Room: a.opts.Room, Snapshots: a.snapshots, Store: a.store, Tight: a.tight, Work: a.work})
	a.socketAPI = newSocketAPI(socketAPIOptions{Health: a.health, Active: a.active, Engines: a.engines, Viewer: a.viewer, Operator: a.operator, Changes: a.changes, Faults: a.faults, Log: a.log, Now: a.now, Store: a.store})
	a.executor = newExecutor(executorOptions{Clocks: a.clocks, Health: a.health, Journal: a.journal, Active: a.active, Ledger: a.ledger, Engines: a.engines, Source: a.source, Compared: a.compared, Executable: a.opts.Executable, Faults: a.faults, Log: a.log, Now: a.now, SnapshotSoon: a.snapshots.soon, Started: a.started, Store: a.store, Strikes: a.strikes, Tight: a.tight, Uptime: a.opts.Uptime, Votes: a.slackbot, Work: a.work})
}
