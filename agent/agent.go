// Package agent is the background agent: it watches repositories, plans what changed, asks people, applies exactly
// what they approved and reports. The package itself makes the rooms of the house, keeps their loops going and reads the
// configuration again; what is done is done in the rooms.
//
// # How it works
//
// Everything that matters is in the store. One goroutine, the loop, looks at the store again and again and moves each open run
// one step: package lifecycle decides which ([lifecycle.Next], pure), package execute does it, package ledger records it with
// what it causes, package outbox says it. The loop is level-triggered, so a crash between any two lines loses nothing but time.
// Whatever is slow (a poll, a plan, the checks before an apply, following a runner) runs beside the loop and ends in one
// transition, a compare-and-set in the store.
//
// # The house
//
// Each room may use those above it in this list and none below; TestImportsPointDown names exactly what each imports.
//
//	hint          what to do next about an error
//	datadir       where things lie in the data directory
//	clock         two clocks, and when a schedule is due
//	bell          waking the loop and whoever waits for a change
//	health        what is wrong now; panics; what nobody may read
//	workers       the goroutines beside the loop
//	lifecycle     the rules: what a run's next step is, and what stands against an apply. Pure, like those below it:
//	              effects (of plans), expiry, policy (auto_apply), votes, window, due (for a run), ending (of an apply), lockowner
//	phrase        how a run is told to people
//	journal       the one way in which the store is written
//	active        the configuration in force, with its repositories, sites, Slack, tools and users
//	announce      what a change causes to be said, written in its own transaction
//	locks         state locks that somebody holds, or has left behind
//	ledger        what is recorded of runs and stacks, with what each change causes
//	rundir        the directory of one run: plan, checkout, record, log
//	hostcommand   commands of the host's configuration
//	engine        terraform and packer in a run's directory; below it is kept (whose a state is that the agent keeps)
//	source        what the newest commit is, and whether it is trusted
//	view          everything that is shown of this agent
//	outbox        delivery to Slack, to the sites of repositories, to the log
//	triggers      what makes runs: commits, dependencies, drift, schedules
//	execute       plan, gate, apply, follow; below it are hooks (that are owed), origin (who made a change) and remind
//	operator      what a person can order; below it are errands (what is done to a state) and trials (of another terraform)
//	slackbot      reading Slack: the threads of runs; below it are commands (said in the channel), peers (other agents), live
//	              (Slack's websocket) and buttons (pressed on cards)
//	pullrequests  which are open, and whose are planned
//	housekeeping  retention, snapshots, backups, room on the disk, what a crash left
//	api           answering the socket, and showing pages
//	metrics       figures, for Prometheus and for a dead man's switch
//
// A newcomer reads lifecycle/next.go, then loop.go here and execute/step.go.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/api"
	"sallyport/agent/bell"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/config/trusted"
	"sallyport/agent/contain"
	"sallyport/agent/datadir"
	"sallyport/agent/engine"
	"sallyport/agent/execute"
	"sallyport/agent/health"
	"sallyport/agent/housekeeping"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/metrics"
	"sallyport/agent/operator"
	"sallyport/agent/outbox"
	"sallyport/agent/pullrequests"
	"sallyport/agent/rescue"
	"sallyport/agent/runner"
	"sallyport/agent/slackbot"
	"sallyport/agent/slackbot/peers"
	"sallyport/agent/source"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/triggers"
	"sallyport/agent/view"
	"sallyport/agent/workers"
	"sallyport/store"
)

// Options say what an agent runs with.
type Options struct {
	Config *config.Config
	// Reload reads the configuration again, on SIGHUP. Nil: reloading is refused.
	Reload     func() (*config.Config, error)
	Version    string
	Executable string // this binary, which also is the runner of applies
	Log        *slog.Logger
	Now        func() time.Time // default time.Now
	// Uptime is a clock that nobody can set; an empty one says that there is none. Default: the machine's, and none for a
	// caller who sets Now.
	Uptime func() store.Uptime
	// Room is asked for the room in the data directory. Default: the file system's.
	Room func(dir string) (housekeeping.Room, error)
	// Jitter spreads polls of several agents and repositories; it returns a number in [0,1). Default: random.
	Jitter func() float64
	// Ready is called once, when the store is open, what a crash left is resumed and the socket answers.
	Ready func()
	// Stopping is called once, when the agent begins to stop, with what goes on without it, for people.
	Stopping func(text string)
	// Notices receives what would be said in Slack when there is no Slack. Nil: the log.
	Notices func(text string)
	Outside Outside
}

// Outside is what the agent reaches beyond its own process. The zero value is the real world; package sim plays all of it, on a
// clock of its own.
type Outside struct {
	active.Outside // git, Slack, and which terraform there is

	Terraform engine.Terraform // default: terraform
	Runner    runner.Spawner   // default: a process of its own, of Options.Executable
	// Checker looks at stores. Default: a process of Options.Executable.
	Checker rescue.Checker
	// Records is what is written of an open store. Default: the store itself.
	Records func(*store.Store) journal.Store
}

func (o *Options) validate() error {
	if o.Config == nil || o.Log == nil || o.Executable == "" {
		return errors.New("agent: configuration, log and executable are needed")
	}
	if o.Uptime == nil && o.Now == nil {
		o.Uptime = clock.Uptime
	} else if o.Uptime == nil {
		o.Uptime = func() store.Uptime { return store.Uptime{} }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Room == nil {
		o.Room = housekeeping.RoomIn
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Ready == nil {
		o.Ready = func() {}
	}
	if o.Stopping == nil {
		o.Stopping = func(string) {}
	}
	if o.Outside.Checker == nil {
		o.Outside.Checker = rescue.Child{Executable: o.Executable}
	}
	if o.Outside.Records == nil {
		o.Outside.Records = func(s *store.Store) journal.Store { return s }
	}
	return nil
}

// Agent is one running agent. It owns its data directory: a second one on the same directory is refused by the store.
type Agent struct {
	clocks      *clock.Clock
	bell        *bell.Bell
	health      *health.Health
	journal     *journal.Journal
	active      *active.Active
	ledger      *ledger.Ledger
	engines     *engine.Engines
	source      *source.Source
	viewer      *view.Viewer
	outbox      *outbox.Outbox
	triggers    *triggers.Triggers
	executor    *execute.Executor
	operator    *operator.Operator
	slackbot    *slackbot.Slackbot
	pullwatch   *pullrequests.Pullwatch
	housekeeper *housekeeping.Housekeeper
	socketAPI   *api.SocketAPI
	meter       *metrics.Meter

	opts     Options
	log      *slog.Logger
	now      func() time.Time
	store    *store.Store
	identity peers.Identity
	started  time.Time
	lastPass atomic.Int64 // unix nanoseconds, for the watchdog
	cache    *cache.Cache

	reloads   chan chan error
	changes   *bell.Broadcast
	work      *workers.Pool
	faults    *health.Faults
	polls     *active.PollTimes
	compared  *triggers.Comparisons
	snapshots *housekeeping.Snapshots
	ended     *ledger.EndedRuns
	strikes   *health.Strikes
	lastLook  time.Time         // of discover; the loop's own
	tight     *health.Tightness // the loop's own
}

// New opens the store and makes an agent; nothing runs until [Agent.Run].
func New(o Options) (*Agent, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	dir := o.Config.DataDir
	if err := trusted.CheckDataDir(dir); err != nil {
		return nil, err
	}
	for _, d := range []string{dir, datadir.Runs(dir), datadir.Mirrors(dir), datadir.States(dir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("creating the data directory: %w", err)
		}
	}
	st, err := housekeeping.OpenStore(housekeeping.OpenOptions{DataDir: dir, Checker: o.Outside.Checker, Now: o.Now, Log: o.Log})
	if err != nil {
		return nil, err
	}
	a := &Agent{
		opts: o, now: o.Now, store: st, started: o.Now(), tight: &health.Tightness{},
		cache:   cache.New(datadir.Cache(dir)),
		reloads: make(chan chan error),
		changes: bell.NewBroadcast(), faults: health.NewFaults(o.Now),
		compared: triggers.NewComparisons(), ended: ledger.NewEndedRuns(), polls: active.NewPollTimes(),
		strikes: health.NewStrikes(), snapshots: housekeeping.NewSnapshots(),
	}
	a.bell = bell.New(a.changes)
	a.health = health.New(health.Options{Bell: a.bell, Faults: a.faults, Strikes: a.strikes, Log: o.Log, Secrets: o.Config.Secrets})
	a.log = a.health.Logger()
	a.journal = journal.New(journal.Options{Bell: a.bell, Faults: a.faults, Log: a.log, Store: o.Outside.Records(a.store)})
	if a.identity, err = peers.Introduce(a.journal, o.Version, a.started); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	a.work = workers.New(a.bell.Wake, func(name string, run int, p *contain.Panic) { a.executor.WorkPanicked(name, run, p) })
	a.wire()
	if err := a.ledger.SilenceGiven(); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	conf, err := a.active.NewConfig(o.Config, nil)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	a.active.Current.Store(conf)
	a.health.Call(a.active.Names())
	if err := a.active.KeepPeople(conf); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	if err := a.engines.SilenceApplyVars(); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return a, nil
}

// Run works until ctx ends, then stops gracefully: it takes no new work, interrupts plans, leaves runners alone and
// sends what is still in the outbox. A running apply goes on and is followed again by the next agent. It ends by itself, with an
// error, only when its store cannot be relied on any more; a panic in the work for one thing is that thing's error.
func (a *Agent) Run(ctx context.Context) error {
	defer func() {
		if err := a.store.Close(); err != nil {
			a.log.Error("closing the store", "err", err)
		}
	}()
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	a.work.Start(work)
	if err := a.housekeeper.Resume(); err != nil {
		return err
	}
	loops := map[string]func(context.Context){
		"watching repositories": a.source.PollRepositories, "listening to slack": a.slackbot.Listen, "keeping slack's socket": a.slackbot.KeepSocket, "forgetting old runs": a.housekeeper.Retain,
		"sending backups": a.housekeeper.SendBackups, "keeping snapshots": a.housekeeper.KeepSnapshots, "telling sites": a.outbox.DeliverToSites,
		"watching pull requests": a.pullwatch.WatchPulls, "telling receivers": outbox.NewReceivers(a.outbox, a.opts.Version).Tell, "showing pages": a.socketAPI.ShowPages,
		"serving metrics": a.meter.Serve, "writing metrics": a.meter.WriteFile, "saying that all is well": a.meter.Ping,
	}
	if err := a.meter.Listen(); err != nil { // before the socket, which would be left behind
		return err
	}
	if a.active.Cfg().Socket != "" { // which a file always has; package sim has no shell
		socket, err := a.socketAPI.Listen()
		if err != nil {
			return err
		}
		loops["answering at the socket"] = socket.Serve
	}
	a.active.InstallTools(work, nil)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group, sending sync.WaitGroup
	for name, loop := range loops {
		group.Go(func() { a.health.Tend(ctx, name, loop) })
	}
	sender, stopSender := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSender()
	sending.Go(func() { a.health.Tend(sender, "sending to slack", a.outbox.Send) })
	a.opts.Ready()
	a.log.Info("agent ready", "version", a.opts.Version, "agent", a.identity.ID, "data_dir", a.active.Cfg().DataDir)

	a.loop(ctx)
	stop()
	a.goodbye()
	stopWork()
	a.work.Wait()
	group.Wait()
	a.outbox.Flush(sender, stopSender)
	sending.Wait()
	a.active.Current.Load().Close()
	if err := a.store.Broken(); err != nil {
		return fmt.Errorf("the store cannot be relied on any more, the next start looks at it: %w", err)
	}
	return nil
}
