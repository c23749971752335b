// Package outbox delivers what there is to say: to Slack, to the sites that host repositories, to the log. Each message lies in
// the store until it is known to have arrived; one whose delivery is unknown is looked for before it is sent again.
package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/clock"
	"sallyport/agent/engine"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/store"
)

// Outbox delivers what there is to say: to Slack, to the sites that host repositories, to the log.
type Outbox struct {
	clocks  *clock.Clock
	health  *health.Health
	journal *journal.Journal
	active  *active.Active
	ledger  *ledger.Ledger
	engines *engine.Engines
	changes *bell.Broadcast
	epoch   string
	faults  *health.Faults
	id      string
	log     *slog.Logger
	notices func(text string)
	now     func() time.Time
	store   *store.Store
	sending chan struct{} // holds a token of who delivers: one at a time, since order matters to people
}

// Options are what outbox works with.
type Options struct {
	Clocks  *clock.Clock
	Health  *health.Health
	Journal *journal.Journal
	Active  *active.Active
	Ledger  *ledger.Ledger
	Engines *engine.Engines
	Changes *bell.Broadcast
	Epoch   string
	Faults  *health.Faults
	ID      string
	Log     *slog.Logger
	Notices func(text string)
	Now     func() time.Time
	Store   *store.Store
}

// New makes the outbox of a store.
func New(o Options) *Outbox {
	return &Outbox{
		clocks: o.Clocks, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger,
		engines: o.Engines, changes: o.Changes, epoch: o.Epoch, faults: o.Faults, id: o.ID, log: o.Log,
		notices: o.Notices, now: o.Now, store: o.Store, sending: make(chan struct{}, 1),
	}
}

const (
	maxSendWait = 5 * time.Minute
)

// Send delivers the outbox, oldest first, until ctx ends. Nothing is ever dropped because it could not be delivered.
func (a *Outbox) Send(ctx context.Context) {
	for ctx.Err() == nil {
		changed := a.changes.Next()
		clock.Sleep(ctx, a.Deliver(ctx), changed)
	}
}

// Deliver tries every message that is due once and returns when to come again.
func (a *Outbox) Deliver(ctx context.Context) time.Duration {
	select { // a delivery under way can hang as long as Slack does: who waits for it may be told to stop
	case a.sending <- struct{}{}:
		defer func() { <-a.sending }()
	case <-ctx.Done():
		return IdlePass
	}
	w := a.active.World.Load()
	var outbox []*store.Message
	if err := a.store.View(func(tx *store.Tx) (err error) {
		outbox, err = tx.Outbox()
		return err
	}); err != nil {
		a.journal.StoreFault(err)
		return 5 * time.Second
	}
	next := IdlePass
	blocked := map[int]bool{}               // a run's messages keep their order: what comes after a stuck one waits
	struck := map[int]*health.StruckError{} // runs whose card cannot be made: see messageStruck
	for _, m := range outbox {
		if ctx.Err() != nil {
			return next
		}
		if m.Kind.ForSite() || m.Run != 0 && blocked[m.Run] {
			continue
		}
		if wait := a.clocks.Reading().Left(m.NotBefore, maxSendHold); wait > 0 {
			blocked[m.Run] = m.Run != 0 && m.Kind == store.MessageCard
			next = min(next, wait)
			continue
		}
		if m.Kind == store.MessageFile && struck[m.Run] != nil {
			continue // it has no place; it is sent when the card is
		}
		wait, err := a.tryOne(ctx, w, m, struck[m.Run])
		if held := health.AsStruck(err); held != nil {
			wait, err = held.Wait(), a.messageStruck(w, m, held)
			if held.Held() && m.Kind == store.MessageCard {
				struck[m.Run] = held // what else there is to say of the run does not wait for ever
				continue
			}
		}
		if err != nil {
			a.journal.StoreFault(err)
			return 5 * time.Second
		}
		if wait > 0 {
			blocked[m.Run] = m.Run != 0 && m.Kind == store.MessageCard // nothing else has a place without the card
			next = min(next, wait)
		}
	}
	return next
}

// tryOne is deliverOne where a panic is the error of this message.
func (a *Outbox) tryOne(ctx context.Context, w *active.Config, m *store.Message, cardless *health.StruckError) (wait time.Duration, err error) {
	err = a.health.Contained(messageWork(m), func() (err error) {
		wait, err = a.deliverOne(ctx, w, m, cardless != nil)
		return err
	})
	if err == nil && wait == 0 {
		a.faults.Set(messageFault(m), nil)
	}
	return wait, err
}

func messageWork(m *store.Message) health.Work {
	return health.Work{Name: "sending message " + m.Key, Watches: true}
}

func messageFault(m *store.Message) string { return "message " + m.Key }

// messageStruck shows a message that panicked when it was to be sent. It stays in the outbox and is tried again; once it is
// held, the channel is told in plain words what could not be said, and what else there is to say of the run goes there, too:
// without the card it has no other place.
func (a *Outbox) messageStruck(w *active.Config, m *store.Message, struck *health.StruckError) error {
	a.faults.Set(messageFault(m), struck)
	if !struck.News || !struck.Held() || strings.HasPrefix(m.Key, heldKey) {
		return nil
	}
	text := fmt.Sprintf("A message (%s) cannot be sent: %s. %s.", m.Key, struck.Panic, struck.UserHint())
	run, err := a.ledger.RunOf(m)
	if err != nil {
		return err
	}
	n := a.ledger.Note(heldKey+m.Key, text)
	if run != nil {
		n = a.ledger.Note(heldKey+m.Key, fmt.Sprintf("#%d %s is %s, and its message cannot be sent: %s. See sallyport show %d.", run.ID, run.Stack, run.Status, struck.Panic, run.ID))
		n.Run, n.Mention = run.ID, m.Mention
		if w.Cfg.Slack != nil {
			n.Channel = active.ChannelOf(w.Cfg, w.Stack(run.Stack))
		}
	}
	return a.journal.Update(func(tx *journal.Tx) error { return tx.Enqueue(n) })
}

// heldKey begins the keys of messages about messages.
const heldKey = "held/"

// maxSendHold is the longest wait that is ever stored for a message. A stored time further ahead is of before the clock was put
// back.
const maxSendHold = 15 * time.Minute

// IdlePass is how long the loop sleeps when nothing wakes it. It bounds how late a missed wake-up is noticed.
const IdlePass = 30 * time.Second
