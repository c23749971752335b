// Package ledger is what is recorded of runs and stacks. Whatever changes a record goes through here, and with the change, in
// the same transaction, goes what it causes: an event in the history, a message in the outbox, a status of the commit. So
// nothing is done that nobody hears of, and nothing is told that was not done.
//
// [Ledger.Move] is the one place where runs change their status, [Ledger.Hold] the one where a run is told why it waits.
package ledger

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/announce"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/agent/locks"
	"sallyport/agent/phrase"
	"sallyport/agent/rescue"
	"sallyport/agent/workers"
	"sallyport/notify/slack"
	"sallyport/store"
)

// Ledger is what is recorded of runs and stacks, with the event, the message and the commit status that each change causes.
type Ledger struct {
	*announce.Messages
	*locks.Locks

	clocks     *clock.Clock
	health     *health.Health
	journal    *journal.Journal
	active     *active.Active
	ended      *EndedRuns
	faults     *health.Faults
	log        *slog.Logger
	now        func() time.Time
	store      *store.Store
	work       *workers.Pool
	driftSoon  atomic.Bool // a run moved: a stack may be free for a check
	holdsGiven atomic.Bool // the store may hold values that people gave and nothing needs
}

// Options are what ledger works with.
type Options struct {
	Clocks  *clock.Clock
	Health  *health.Health
	Journal *journal.Journal
	Active  *active.Active
	Ended   *EndedRuns
	Faults  *health.Faults
	Log     *slog.Logger
	Now     func() time.Time
	Store   *store.Store
	Work    *workers.Pool
}

// MovedSince says whether a run has moved since it was asked last.
func (l *Ledger) MovedSince() bool { return l.driftSoon.Swap(false) }

// HoldsValues says that the store holds values again that a person gave.
func (l *Ledger) HoldsValues() { l.holdsGiven.Store(true) }

// New makes the ledger of a store.
func New(o Options) *Ledger {
	messages := announce.New(announce.Options{Health: o.Health, Active: o.Active})
	return &Ledger{
		Messages: messages,
		Locks: locks.New(locks.Options{
			Messages: messages, Health: o.Health, Journal: o.Journal, Active: o.Active, Now: o.Now, Work: o.Work,
		}),
		clocks: o.Clocks, health: o.Health, journal: o.Journal, active: o.Active, ended: o.Ended,
		faults: o.Faults, log: o.Log, now: o.Now, store: o.Store, work: o.Work,
	}
}

// DoubtEnd makes the message about the end of a run that was taken in be looked for before it is sent: it may have been told
// before the store was lost.
func (l *Ledger) DoubtEnd(tx *store.Tx, run int) error {
	doubt, _, err := rescue.DoubtKey(run).Get(tx)
	if err != nil || !doubt {
		return err
	}
	end, err := tx.MessageWith(announce.EndKey(run)) // one before it is being sent already
	if err != nil {
		return err
	}
	if end != nil {
		end.Sending = true
		if err := tx.PutMessage(end); err != nil {
			return err
		}
	}
	return rescue.DoubtKey(run).Forget(tx)
}

// Reviewable reports whether a review can mean this run: before somebody breaks the glass, the word is talk.
func Reviewable(run *store.Run, m slack.Message) bool {
	return run.BreakGlass != nil && !phrase.TimeOf(m.TS).Before(run.BreakGlass.At.Add(time.Millisecond)) // At was cut to milliseconds
}

// PlanResult is what every engine's plan comes to.
type PlanResult struct {
	Plan      store.Plan
	Text      string   // for people, redacted
	Warnings  []string // for people who decide
	Resources int      // in the state before
	Addresses []string // theirs
	Origin    *store.Origin
	Notes     []string // what else they should know
	Images    []store.ImageUse
	Said      []store.HookNote // by the hooks around it
}

// GoStale ends a run whose plan does not fit the world any more and makes the one that takes over.
func (l *Ledger) GoStale(conf *active.Config, run *store.Run, why string) error {
	l.work.Stop(run.ID)
	return l.journal.Update(func(tx *journal.Tx) error {
		old, err := l.Move(tx, conf, run, store.Move{From: run.Status, To: store.Stale, Text: why}, phrase.Because(why))
		if err != nil {
			return err
		}
		return l.CreateSuccessor(tx, conf, old, fmt.Sprintf("planned again after #%d: %s", run.ID, why))
	})
}

// EndedRuns are runs whose end was written and whose files are still to be removed. A restart finds them by their
// directories, which housekeeping goes through.
type EndedRuns struct {
	mu   sync.Mutex
	runs map[int]bool
}

// NewEndedRuns begins with none.
func NewEndedRuns() *EndedRuns { return &EndedRuns{runs: map[int]bool{}} }

// Add notes that a run has ended.
func (e *EndedRuns) Add(run int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.runs[run] = true
}

// Remove notes that its files are gone.
func (e *EndedRuns) Remove(run int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.runs, run)
}

// List returns them in no order.
func (e *EndedRuns) List() []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []int
	for run := range e.runs {
		out = append(out, run)
	}
	return out
}

// RunOf is the run that a message is about; nil if it is about none, or that one is no longer kept.
func (l *Ledger) RunOf(m *store.Message) (*store.Run, error) {
	if m.Run == 0 {
		return nil, nil
	}
	var run *store.Run
	err := l.store.View(func(tx *store.Tx) (err error) {
		run, err = tx.Run(m.Run)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return run, err
}

// Warn puts warnings on a run's card, each once.
func (l *Ledger) Warn(run *store.Run, warnings []string) error {
	var fresh []string
	for _, text := range warnings {
		known := false
		for _, have := range run.Warnings {
			known = known || have == text
		}
		if !known {
			fresh = append(fresh, text)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return l.journal.Update(func(tx *journal.Tx) error {
		_, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.Warnings = append(r.Warnings, fresh...)
			return nil
		})
		return err
	})
}

// WaitsForWindow is what a person who approves outside the window is told, and so is everybody in the thread; empty inside it.
func (l *Ledger) WaitsForWindow(tx *store.Tx, run *store.Run, s *config.Stack) (string, error) {
	closed := lifecycle.WaitsForWindow(run, s, l.now())
	if !closed.Any() || run.Status != store.Approved {
		return "", nil
	}
	text := fmt.Sprintf("The approval counts and waits: %s.", closed.Why)
	return " " + text, l.Say(tx, run, store.MessageReply, "window", text)
}

// HeadOf is the newest commit that is known of a repository; empty if there is none.
func (l *Ledger) HeadOf(repository string) (head string) {
	err := l.store.View(func(tx *store.Tx) error {
		s, err := tx.Repository(repository)
		if err == nil {
			head = s.Head
		}
		return err
	})
	if err != nil {
		l.journal.StoreFault(err)
	}
	return head
}

// Part does a part of the loop's pass that is not about one run. It shows its errors as one of the store's, as they most often
// are, and its panics under its own name.
func (l *Ledger) Part(name string, f func() error) {
	err := l.health.Contained(health.Work{Name: name, Watches: true}, f)
	struck := health.AsStruck(err)
	if struck == nil {
		l.faults.Set(name, nil)
		if err != nil {
			l.journal.StoreFault(err)
		}
		return
	}
	l.faults.Set(name, struck)
}
