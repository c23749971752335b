// Package journal is the one way in which the agent writes its store.
//
// A transaction is a [Tx]: it carries what becomes of it once it is committed, a line in the log, a list that grows, and
// nothing of that happens when it is not. Both sides of every commit are points at which the tests kill the program; a
// transaction that is made elsewhere would never be tested so.
package journal

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"sallyport/agent/bell"
	"sallyport/agent/fault"
	"sallyport/agent/health"
	"sallyport/store"
)

// Options are what journal works with.
type Options struct {
	Bell   *bell.Bell
	Faults *health.Faults
	Log    *slog.Logger
	Store  Store
}

// Store is what is written. Package sim has one that refuses, and one that is never heard of again.
type Store interface {
	Update(func(*store.Tx) error) error
	Broken() error
}

var _ Store = (*store.Store)(nil)

// New makes the journal of a store.
func New(o Options) *Journal {
	return &Journal{bell: o.Bell, faults: o.Faults, log: o.Log, store: o.Store}
}

// Journal makes every commit of the agent's, so that both sides of each are points at which tests kill the program, and
// whoever has to look is woken. One made elsewhere would never be tested so.
type Journal struct {
	bell      *bell.Bell
	faults    *health.Faults
	log       *slog.Logger
	store     Store
	looking   atomic.Bool  // what was committed may change which stacks count as changed
	wokenFull atomic.Int64 // unix nanoseconds: when the loop was last told to look for room
}

// Tx is a transaction under way, with what becomes of it when it is committed. bbolt has one at a time that writes.
type Tx struct {
	*store.Tx
	commit fault.Commit
	moves  bool
	after  []func()
}

// Moves says that the transaction changes what decides which stacks have changed: a head, a run, a pin.
func (tx *Tx) Moves() { tx.moves = true }

// Passes names the transaction after a transition in it, for tests that kill the program at its commit.
func (tx *Tx) Passes(from, to string) { tx.commit.Move(from, to) }

// After has f done once the transaction is committed; never if it is not.
func (tx *Tx) After(f func()) { tx.after = append(tx.after, f) }

// LogAfter logs what the transaction does, once it is done: on a full disk the same step is tried, and comes to nothing, again
// and again.
func (tx *Tx) LogAfter(log *slog.Logger, msg string, args ...any) {
	tx.After(func() { log.Info(msg, args...) })
}

// Update runs one durable transaction and wakes whoever waits for changes.
func (j *Journal) Update(f func(*Tx) error) error {
	tx, err := j.commit(f)
	if err == nil {
		j.faults.Set("store", nil)
		if tx.moves {
			j.looking.Store(true) // not before the commit: a pass in between would see nothing new
		}
		j.bell.Wake()
	}
	return err
}

// Write runs one durable transaction that nobody has to look at.
func (j *Journal) Write(f func(*Tx) error) error {
	_, err := j.commit(f)
	return err
}

func (j *Journal) commit(f func(*Tx) error) (*Tx, error) {
	done := &Tx{}
	err := j.store.Update(func(under *store.Tx) error {
		tx := &Tx{Tx: under}
		tx.commit.Begin()
		if err := f(tx); err != nil {
			return err
		}
		done = tx
		tx.commit.Before()
		return nil
	})
	if err == nil {
		done.commit.After()
		for _, f := range done.after {
			f()
		}
	}
	if errors.Is(err, store.ErrFull) {
		j.wakeForRoom()
	}
	return done, err
}

// StoreFault shows that the store refuses; a full disk is the usual reason. Nothing goes on until it works again.
func (j *Journal) StoreFault(err error) {
	if j.faults.Set("store", err) {
		j.log.Error("using the store", "err", err)
	}
	if j.store.Broken() != nil {
		j.bell.Wake() // it ends
	}
}

// fullRest is how long the loop is not told again that the store is full.
const fullRest = 5 * time.Second

// wakeForRoom has the loop look for room when the store found none, though not at each of many writes.
func (j *Journal) wakeForRoom() {
	now, last := time.Now().UnixNano(), j.wokenFull.Load()
	if now-last >= int64(fullRest) && j.wokenFull.CompareAndSwap(last, now) {
		j.bell.Wake()
	}
}

// LookAgain has the loop compare every stack with its repository.
func (j *Journal) LookAgain() { j.looking.Store(true) }

// LooksAgain says whether it has to, once.
func (j *Journal) LooksAgain() bool { return j.looking.Swap(false) }
