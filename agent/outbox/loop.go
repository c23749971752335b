package outbox

import (
	"context"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/clock"
	"sallyport/agent/health"
	"sallyport/store"
)

const (
	// IdlePass is how long the loop sleeps when nothing wakes it. It bounds how late a missed wake-up is noticed.
	IdlePass = 30 * time.Second
	// maxSendWait is the longest wait between two tries to deliver a message, unless whoever gets it asks for a longer one.
	maxSendWait = 5 * time.Minute
	// maxSendHold is the longest wait that is ever stored for a message. A stored time further ahead is of before the clock was put
	// back.
	maxSendHold = 15 * time.Minute
	// storeRest is how long nothing is delivered after the store has refused.
	storeRest = 5 * time.Second
)

// place is where messages go: Slack, the log where there is no Slack, the sites that host repositories, each receiver of the
// configuration's. One is made for each pass, with what it has to remember of one message for the next.
type place interface {
	// takes reports whether a message is for this place, and may be tried in this pass.
	takes(m *store.Message) bool
	// rests is how long the place must be left alone before this message is tried.
	rests(m *store.Message) time.Duration
	// deliver delivers one message and records what became of it. It returns after how long to try again; zero means done. The
	// error is the store's. behind are the messages that come after it in this pass.
	deliver(ctx context.Context, m *store.Message, behind *queue) (time.Duration, error)
	// waits is told that a message stays in the outbox for now.
	waits(m *store.Message)
	// struck is told of a panic. It returns after how long to try again; zero: that is not waited for in this pass.
	struck(m *store.Message, p *health.StruckError) (time.Duration, error)
}

// queue are the messages that a pass has not tried yet, oldest first.
type queue struct {
	messages []*store.Message
	grown    bool // a message was added that came while the pass went on
}

// take returns the next message; nil if there is none.
func (q *queue) take() *store.Message {
	if len(q.messages) == 0 {
		return nil
	}
	m := q.messages[0]
	q.messages = q.messages[1:]
	return m
}

// grow adds a message, once: a pass that goes on for ever would never see another configuration.
func (q *queue) grow(m *store.Message) { q.messages, q.grown = append(q.messages, m), true }

// keepOn delivers, oldest first, until ctx ends; pass returns when to come again. Nothing is ever dropped because it could not be
// delivered.
func (ob *Outbox) keepOn(ctx context.Context, pass func(context.Context) time.Duration) {
	for ctx.Err() == nil {
		changed := ob.changes.Next()
		clock.Sleep(ctx, pass(ctx), changed)
	}
}

// pass tries every message of a place that is due once and returns when to come again.
func (ob *Outbox) pass(ctx context.Context, to place) time.Duration {
	var outbox []*store.Message
	if err := ob.store.View(func(tx *store.Tx) (err error) {
		outbox, err = tx.Outbox()
		return err
	}); err != nil {
		ob.journal.StoreFault(err)
		return storeRest
	}
	next := IdlePass
	left := &queue{messages: outbox}
	for m := left.take(); m != nil; m = left.take() {
		if ctx.Err() != nil {
			return next
		}
		if !to.takes(m) {
			continue
		}
		wait := max(ob.rest(m), to.rests(m))
		if wait > 0 {
			to.waits(m)
			next = min(next, wait)
			continue
		}
		wait, err := ob.tryOne(ctx, to, m, left)
		if err != nil {
			ob.journal.StoreFault(err)
			return storeRest
		}
		if wait > 0 {
			next = min(next, wait)
		}
	}
	return next
}

// rest is how long a message is not to be tried yet.
func (ob *Outbox) rest(m *store.Message) time.Duration {
	return ob.clocks.Reading().Left(m.NotBefore, maxSendHold)
}

// tryOne delivers one message. A panic is the error of this message: the others go on, and it stays in the outbox.
func (ob *Outbox) tryOne(ctx context.Context, to place, m *store.Message, behind *queue) (wait time.Duration, err error) {
	err = ob.health.Contained(health.Work{Name: "sending message " + m.Key, Watches: true}, func() (err error) {
		wait, err = to.deliver(ctx, m, behind)
		return err
	})
	fault := "message " + m.Key
	if struck := health.AsStruck(err); struck != nil {
		ob.faults.Set(fault, struck)
		return to.struck(m, struck)
	}
	switch {
	case err != nil:
	case wait == 0:
		ob.faults.Set(fault, nil)
	default:
		to.waits(m)
	}
	return wait, err
}

// Send delivers what goes to Slack or, without Slack, to the log, until ctx ends.
func (ob *Outbox) Send(ctx context.Context) { ob.keepOn(ctx, ob.Deliver) }

// Deliver tries every message that is due once and returns when to come again.
func (ob *Outbox) Deliver(ctx context.Context) time.Duration {
	select { // a delivery under way can hang as long as Slack does: who waits for it may be told to stop
	case ob.sending <- struct{}{}:
		defer func() { <-ob.sending }()
	case <-ctx.Done():
		return IdlePass
	}
	conf := ob.active.Current.Load()
	if conf.Slack == nil {
		return ob.pass(ctx, toLog{ob, conf})
	}
	return ob.pass(ctx, &toSlack{outbox: ob, world: conf, blocked: map[int]bool{}, cardless: map[int]bool{}})
}

// flushTime bounds what is still sent when the agent stops, a request to Slack that hangs included: what cannot be
// delivered by then stays in the outbox, and the next agent looks for it before it sends it again.
const flushTime = 5 * time.Second

// Flush gives messages a last short chance, then ends the sender, whatever it waits for.
func (ob *Outbox) Flush(ctx context.Context, stopSender context.CancelFunc) {
	limit := time.AfterFunc(flushTime, stopSender)
	defer limit.Stop()
	ob.Deliver(ctx) // after one that is under way
	stopSender()
}

// DeliverToSites delivers what goes to the sites that host repositories, until ctx ends. It is apart from what goes to Slack, so that a site
// that hangs delays nothing else. Whatever it does may be done again, so a crash costs a request.
func (ob *Outbox) DeliverToSites(ctx context.Context) {
	rests := siteRests{}
	var idle *active.Config // without any site, and what an earlier one had for some is dropped
	ob.keepOn(ctx, func(ctx context.Context) time.Duration {
		conf := ob.active.Current.Load()
		if conf == idle {
			return IdlePass
		}
		wait := ob.pass(ctx, toSites{ob, conf, rests})
		if idle = nil; len(conf.Sites) == 0 && wait == IdlePass {
			idle = conf
		}
		return wait
	})
}
