// Package agent is the background agent: it watches repositories, plans what changed, asks people, applies exactly
// what they approved and reports.
//
// # How it works
//
// Everything that matters is in the store. One goroutine, the loop, looks at the store again and again and moves each
// open run one step ([Agent.pass]). What the step is [lifecycle.Next] says, from facts that are gathered once; step.go does it.
// The loop is level-triggered, so a crash between any two lines loses nothing but time. Whatever is slow (a poll, a plan, the checks before an apply, following a runner) runs
// beside the loop and ends in one transition, a compare-and-set in the store. People's decisions come in through one
// function, [Agent.decide], whether typed in Slack or in a shell. What there is to say is written to the outbox in the
// same transaction as what it tells about, and one goroutine delivers it.
//
//	poll.go      repositories: what is the newest commit
//	discover.go  which stacks does it touch; makes runs
//	dependency.go which stacks does an applied change touch; makes runs
//	facts.go     what the rules decide on; step.go: what they say is done; hold.go: why a run does not move, and who is told
//	contained.go panics: the error of the one thing in whose work they happen
//	plan.go      pending -> planned
//	options.go   plans that are no plain ones; pin.go: what holds commits back after them
//	decide.go    planned -> approved, or discarded
//	gate.go      approved -> applying: the last checks
//	apply.go     applying -> applied, through the detached runner
//	drift.go     is it still as it was applied; renew.go: what drifted is something else now
//	policy.go    planned -> approved without people
//	recover.go   what a restart finds, and what takes over from stale and interrupted runs
//	announce.go  which message does a transition cause
//	outbox.go    delivering messages
//	pulls.go     pull requests: which are open, and who may have theirs planned
//	pull.go      which stacks does one touch; makes their runs
//	release.go   an approver's word for those that are not planned by themselves
//	preview.go   pending -> previewed
//	publish.go   which commit statuses does a transition cause
//	tell.go      delivering them, and comments, to the site that hosts the repository
//	hear.go      reading Slack
//	peers.go     other agents on the same stacks, seen in Slack
//	clock.go     clocks that jump
//	astray.go    a store that went back in time, seen in Slack
//	serve.go     answering the command line
//	exec.go      a command of terraform's for a person
package agent

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/config/trusted"
	"sallyport/agent/contain"
	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/terraform/cache"
	"sallyport/notify/redact"
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
	Room func(dir string) (Room, error)
	// Jitter spreads polls of several agents and repositories; it returns a number in [0,1). Default: random.
	Jitter func() float64
	// Ready is called once, when the store is open, what a crash left is resumed and the socket answers.
	Ready func()
	// Stopping is called once, when the agent begins to stop, with what goes on without it, for people.
	Stopping func(text string)
	// Notices receives what would be said in Slack when there is no Slack. Nil: the log.
	Notices func(text string)
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
		o.Room = roomIn
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
	return nil
}

// Agent is one running agent. It owns its data directory: a second one on the same directory is refused by the store.
type Agent struct {
	*clocks
	*bell
	*health
	*journal
	*active
	*ledger
	*engines
	*source
	*viewer
	*outbox
	*triggers
	*executor
	*operator
	*slackbot
	*pullwatch
	*housekeeper
	*socketAPI

	opts     Options
	log      *slog.Logger
	now      func() time.Time
	store    *store.Store
	id       string
	epoch    string   // of this process; in every card
	epochs   []string // of our own processes, this one included
	started  time.Time
	lastPass atomic.Int64 // unix nanoseconds, for the watchdog
	cache    *cache.Cache

	reloads   chan chan error
	changes   *broadcast
	work      *workers
	faults    *faults
	people    *people
	compared  *comparisons
	snapshots *snapshots
	ended     *endedRuns
	strikes   *strikes
	lastLook  time.Time  // of discover; the loop's own
	tight     *tightness // the loop's own
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
	st, err := openStore(o)
	if err != nil {
		return nil, err
	}
	a := &Agent{
		opts: o, now: o.Now, store: st, started: o.Now(), tight: &tightness{},
		cache:   cache.New(datadir.Cache(dir)),
		reloads: make(chan chan error),
		changes: newBroadcast(), faults: newFaults(o.Now),
		compared: newComparisons(), ended: newEndedRuns(), people: newPeople(),
		strikes: newStrikes(), snapshots: newSnapshots(),
	}
	a.bell = newBell(a.changes)
	a.health = newHealth(healthOptions{Bell: a.bell, Faults: a.faults, Strikes: a.strikes, Log: o.Log, Secrets: o.Config.Secrets})
	a.log = a.health.logger()
	a.journal = newJournal(journalOptions{Bell: a.bell, Faults: a.faults, Log: a.log, Store: a.store})
	if err := a.introduce(); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	a.work = newWorkers(a.wake, func(name string, run int, p *contain.Panic) { a.workPanicked(name, run, p) })
	a.wire()
	if err := a.silenceGiven(); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	w, err := a.newWorld(o.Config, nil)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	a.world.Store(w)
	return a, nil
}

// introduce gives the agent an identity of its own, which travels in every message.
func (a *Agent) introduce() (err error) {
	if a.epoch, err = randomID(); err != nil {
		return err
	}
	return a.write(func(tx *Tx) error {
		s, err := tx.Agent()
		if err != nil {
			return err
		}
		if s.ID == "" {
			if s.ID, err = randomID(); err != nil {
				return err
			}
		}
		if a.epochs, err = introduceProcess(tx.Tx, a.epoch); err != nil {
			return err
		}
		s.Version, s.StartedAt = a.opts.Version, a.started.UTC()
		a.id = s.ID
		if err := tx.PutAgent(s); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{Type: "start", Text: a.opts.Version})
	})
}

func randomID() (string, error) {
	b := make([]byte, 8)
	if _, err := crand.Read(b); err != nil {
		return "", fmt.Errorf("making a random id: %w", err)
	}
	return hex.EncodeToString(b), nil
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
	a.work.start(work)
	if err := a.resume(); err != nil {
		return err
	}
	socket, err := a.listen()
	if err != nil {
		return err
	}
	a.installTools(work, nil)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group, sending sync.WaitGroup
	for name, loop := range map[string]func(context.Context){
		"watching repositories": a.pollRepositories, "listening to slack": a.hear, "forgetting old runs": a.retain,
		"sending backups": a.sendBackups, "keeping snapshots": a.keepSnapshots, "telling sites": a.tellSites,
		"watching pull requests": a.watchPulls, "answering at the socket": socket.serve,
	} {
		group.Go(func() { a.tend(ctx, name, loop) })
	}
	sender, stopSender := context.WithCancel(context.WithoutCancel(ctx))
	sending.Go(func() { a.tend(sender, "sending to slack", a.send) })
	a.opts.Ready()
	a.log.Info("agent ready", "version", a.opts.Version, "agent", a.id, "data_dir", a.cfg().DataDir)

	a.loop(ctx)
	stop()
	a.goodbye()
	stopWork()
	a.work.wait()
	group.Wait()
	a.flush(sender, stopSender, &sending)
	a.world.Load().close()
	if err := a.store.Broken(); err != nil {
		return fmt.Errorf("the store cannot be relied on any more, the next start looks at it: %w", err)
	}
	return nil
}

// cfg is the configuration in force.
func (a *active) cfg() *config.Config { return a.world.Load().cfg }

// wake makes the loop look again.
func (a *bell) wake() {
	select {
	case a.wakes <- struct{}{}:
	default: // it is awake already
	}
	a.changes.tell()
}

// redact takes secrets and control bytes out of a text from outside.
func (a *health) redact(s string) string {
	if fault.Without("redaction") {
		return redact.Clean(s)
	}
	return a.redactor.Load().Text(s)
}
