// Package trials tries another terraform, or OpenTofu, on every stack: each is planned with the one that is configured for it and, right
// after that, with the other one, at the branch's newest commit, and the two plans are compared.
//
// # Nothing comes of it
//
// A trial has no runs: there is no plan that could be approved, no card, and nothing that a stack's state in the store remembers. Its
// plans take no state lock, are made in directories that go away, on a copy of a state that the agent keeps, and keep neither a lock
// file nor modules. So whatever ends it (Ctrl-C, a reload, kill -9) leaves nothing to be mended; the next start says that it was cut off.
//
// # Real runs go before
//
// Its plans are at work as drift checks are, see [workers.Pool]: a run that waits for a terraform process, and any run of the same stack,
// interrupts them, and they begin again later. They use at most half of the terraform processes.
package trials

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/engine"
	"sallyport/agent/health"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/workers"
	"sallyport/notify/words"
	"sallyport/store"
)

// Trials tries another terraform for whoever asks, one at a time.
type Trials struct {
	health  *health.Health
	journal *journal.Journal
	active  *active.Active
	engines *engine.Engines
	ledger  *ledger.Ledger
	faults  *health.Faults
	log     *slog.Logger
	now     func() time.Time
	store   *store.Store
	work    *workers.Pool
	current atomic.Pointer[trial] // nil: none is under way
}

// Options are what trials work with.
type Options struct {
	Health  *health.Health
	Journal *journal.Journal
	Active  *active.Active
	Engines *engine.Engines
	Ledger  *ledger.Ledger
	Faults  *health.Faults
	Log     *slog.Logger
	Now     func() time.Time
	Store   *store.Store
	Work    *workers.Pool
}

// New makes what tries another terraform.
func New(o Options) *Trials {
	return &Trials{
		health: o.Health, journal: o.Journal, active: o.Active, engines: o.Engines, ledger: o.Ledger, faults: o.Faults,
		log: o.Log, now: o.Now, store: o.Store, work: o.Work,
	}
}

// longest bounds a whole trial. Each plan in it is bounded by plan_timeout.
const longest = 6 * time.Hour

// underWay says that a trial is under way; the next start finds it if the agent died.
const underWay store.Key[*trial] = "trial"

// trial is one under way.
type trial struct {
	Tool   string    `json:"tool"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Stacks int       `json:"stacks"`
}

// Trial tries another terraform on every stack, until all are compared or ctx ends. tell is told what is tried, and then each result; an
// error of it ends the trial.
func (t *Trials) Trial(ctx context.Context, q control.TrialRequest, tell func(control.TrialNews) error) (err error) {
	conf := t.active.Current.Load()
	var names []string
	for _, s := range conf.AllStacks() {
		if s.Engine != config.EnginePacker {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return hint.Refuse("see sallyport status", "there is no stack to plan")
	}
	want := config.Tool{Version: q.Version}
	if q.Engine == config.EngineTofu {
		want.Engine = config.EngineTofu
	}
	tool, err := t.active.TrialTool(ctx, conf, want)
	if err != nil {
		return err
	}
	one := &trial{Tool: want.Name() + " " + tool.Version, By: q.By.By(), At: t.now().UTC(), Stacks: len(names)}
	turns := &turns{trials: t, tool: tool, called: one.Tool, waiting: names, results: make(chan ended, len(names))}
	if err := t.begin(one); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.end(one, turns.sum())) }()
	if err := tell(control.TrialNews{Tool: one.Tool, Path: tool.Path, Stacks: len(names)}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("a trial ends after %s", words.Duration(longest)))
	defer cancel()
	return turns.all(ctx, func(r control.TrialResult) error { return tell(control.TrialNews{Result: &r}) })
}

// begin writes down that a trial is under way, unless one is.
func (t *Trials) begin(one *trial) error {
	if !t.current.CompareAndSwap(nil, one) {
		if other := t.current.Load(); other != nil {
			account, _ := store.Account(other.By)
			return hint.Refuse("wait until it has ended, or have it ended with Ctrl-C where it was started", "%s tries %s on all stacks since %s", account, other.Tool, other.At.Format("15:04 MST"))
		}
		return hint.Refuse("say it again", "another trial ended just now")
	}
	err := t.journal.Update(func(tx *journal.Tx) error {
		text := fmt.Sprintf("%s on %s", one.Tool, words.Count(one.Stacks, "stack"))
		tx.LogAfter(t.log, "a trial of another terraform begins", "tool", one.Tool, "stacks", one.Stacks, "by", one.By)
		return errors.Join(underWay.Put(tx, one), tx.AddEvent(store.Event{Type: "trial", By: one.By, Text: text}))
	})
	if err != nil {
		t.current.Store(nil)
	}
	return err
}

// end writes down how it ended.
func (t *Trials) end(one *trial, how string) error {
	defer t.current.Store(nil)
	return t.journal.Update(func(tx *journal.Tx) error {
		tx.LogAfter(t.log, "a trial of another terraform has ended", "tool", one.Tool, "by", one.By, "how", how)
		return errors.Join(underWay.Forget(tx), tx.AddEvent(store.Event{Type: "trial end", By: one.By, Text: one.Tool + ": " + how}))
	})
}

// CutOff tells of a trial that an agent before this one was in the middle of.
func (t *Trials) CutOff() error {
	var one *trial
	found := false
	err := t.store.View(func(tx *store.Tx) (err error) {
		one, found, err = underWay.Get(tx)
		return err
	})
	if err != nil || !found || one == nil {
		return err
	}
	const how = "the agent stopped in the middle of it"
	account, _ := store.Account(one.By)
	text := fmt.Sprintf("%s tried %s on all stacks when the agent stopped. Nothing was changed, and nothing of it is kept; to have it again: sallyport plan --all", account, one.Tool)
	t.log.Warn("a trial of another terraform was cut off", "tool", one.Tool, "by", account)
	return t.journal.Update(func(tx *journal.Tx) error {
		return errors.Join(
			underWay.Forget(tx), tx.AddEvent(store.Event{Type: "trial end", By: one.By, Text: one.Tool + ": " + how}),
			tx.Enqueue(t.ledger.Note(fmt.Sprintf("trial/%d", one.At.UnixMilli()), text)))
	})
}

// toolName is how people call a tool.
func toolName(s *config.Stack, tool binary.Tool) string { return s.Tool.Name() + " " + tool.Version }
