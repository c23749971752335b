// Package outbox delivers what there is to say: to Slack, to the sites that host repositories, to the log. Each message lies in
// the store until it is known to have arrived; one whose delivery is unknown is looked for before it is sent again.
package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/announce"
	"sallyport/agent/bell"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/engine"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/words"
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

// cardGone reports that the run's message cannot be edited any more.
func (s *sender) cardGone(err error) bool {
	return s.message.Kind == store.MessageCard && s.run != nil && s.run.Card != nil && uneditable(err)
}

// needless: the run is gone, or the message has become pointless.
func (s *sender) needless() bool {
	m := s.message
	if m.Kind == store.MessageNote || m.Kind == store.MessageOverview {
		return false
	}
	if s.run == nil {
		return true
	}
	quiet := s.run.Status == store.NoChanges || s.run.Status == store.Superseded
	if s.run.Card == nil && quiet && !m.Sending {
		return true // ended quietly before anything was said
	}
	return m.Kind == store.MessageFile && s.run.Status.Terminal() && s.run.Card == nil
}

// send delivers, looking for the message first if an earlier try may have got through. The function that it returns
// records where the message is, in the transaction that drops it from the outbox.
func (s *sender) send(ctx context.Context, unknown bool) (func(*store.Tx) error, error) {
	oldest := s.agent.searchFrom(s.message)
	switch s.message.Kind {
	case store.MessageCard:
		return s.sendCard(ctx, unknown, oldest)
	case store.MessageOverview:
		return s.sendOverview(ctx, unknown, oldest)
	case store.MessageFile:
		return nil, s.sendFile(ctx, unknown)
	default:
		return s.sendText(ctx, unknown, oldest)
	}
}

func (s *sender) sendCard(ctx context.Context, unknown bool, oldest string) (func(*store.Tx) error, error) {
	a, w := s.agent, s.world
	card := a.Card(w, s.run)
	if err := a.sign(w, s.run, &card); err != nil {
		return nil, err
	}
	if s.run.Card != nil {
		s.wrote = true
		return nil, w.Slack.UpdateCard(ctx, s.run.Card.Channel, s.run.Card.TS, card)
	}
	channel, err := w.Desk.Channel(ctx, active.ChannelOf(w.Cfg, w.Stack(s.run.Stack)))
	if err != nil {
		return nil, err
	}
	var ts string
	found := false
	if unknown {
		if ts, found, err = w.Slack.FindCard(ctx, channel, s.run.ID, a.id, oldest); err != nil {
			return nil, err
		}
	}
	if quiet := s.run.Status == store.NoChanges || s.run.Status == store.Superseded; !found && quiet {
		return nil, nil // it was never posted, and there is nothing to say any more
	}
	if !found {
		s.wrote = true
		if ts, err = w.Slack.PostCard(ctx, channel, card); err != nil {
			return nil, err
		}
	}
	link, _ := w.Slack.Permalink(ctx, channel, ts) // a link is a comfort; without it everything works
	run := s.run.ID
	status := s.run.Status
	return func(tx *store.Tx) error {
		now, err := tx.ChangeRun(run, func(r *store.Run) error {
			r.Card = &store.Card{Channel: channel, TS: ts, Permalink: link}
			return nil
		})
		if err != nil {
			return err
		}
		if err := tx.PutThread(&store.Thread{Run: run, Channel: channel, TS: ts}); err != nil {
			return err
		}
		if err := a.ledger.Publish(tx, now); err != nil { // with the way to this message
			return err
		}
		if now.Status != status || found {
			return tx.Enqueue(store.Message{Kind: store.MessageCard, Run: run, Key: announce.CardKey(run)})
		}
		return nil
	}, nil
}

func (s *sender) sendFile(ctx context.Context, unknown bool) error {
	a, run := s.agent, s.run
	if run.Card == nil || run.Plan == nil {
		return nil
	}
	name := fmt.Sprintf("plan-%d-%s.txt", run.ID, words.Short(run.Plan.Shown()))
	if unknown {
		found, err := s.world.Slack.FindFile(ctx, run.Card.Channel, run.Card.TS, name)
		if err != nil || found {
			return err
		}
	}
	text, err := a.engines.PlanText(run.ID)
	if err != nil || text == "" {
		return nil // the store has none any more: nothing to show
	}
	s.wrote = true
	return s.world.Slack.UploadFile(ctx, slack.File{
		Channel: run.Card.Channel, Thread: run.Card.TS, Name: name, Content: a.health.Redact(text),
		Title: fmt.Sprintf("plan of %s #%d", notify.StackName(run.Stack), run.ID),
	})
}

func (s *sender) sendText(ctx context.Context, unknown bool, oldest string) (func(*store.Tx) error, error) {
	a, m := s.agent, s.message
	post := slack.Post{Text: m.Text, Key: m.Key, Agent: a.id, Run: m.Run, Broadcast: m.Kind == store.MessageLoud}
	cardless := s.cardless && s.run != nil && s.run.Card == nil
	if m.Kind == store.MessageNote || cardless {
		channel := m.Channel
		switch {
		case channel == "" && cardless:
			channel = active.ChannelOf(s.world.Cfg, s.stackOf())
		case channel == "":
			channel = s.world.Cfg.Slack.Channel
		}
		resolved, err := s.world.Desk.Channel(ctx, channel)
		if err != nil {
			return nil, err
		}
		post.Channel, post.Thread = resolved, m.Thread
	} else {
		if s.run.Card == nil {
			return nil, nil // the card shows it all, and was never needed
		}
		post.Channel, post.Thread = s.run.Card.Channel, s.run.Card.TS
	}
	if st := s.stackOf(); m.Mention && st != nil {
		post.Mention = st.Mention
	} else if m.Mention && m.Kind == store.MessageNote {
		post.Mention = s.everybody()
	}
	if post.Thread != "" {
		oldest = post.Thread
	}
	if unknown {
		ts, found, err := s.world.Slack.FindText(ctx, post.Channel, post.Thread, post.Key, a.id, oldest)
		if err != nil || found {
			return s.toldAnew(ts), err
		}
	}
	s.wrote = true
	ts, err := s.world.Slack.PostText(ctx, post)
	return s.toldAnew(ts), err
}

// toldAnew records the reply from which on a thread that the run took over is about this run.
func (s *sender) toldAnew(ts string) func(*store.Tx) error {
	m := s.message
	if s.run == nil || m.Key != fmt.Sprintf("run/%d/%s", s.run.ID, announce.RenewedKey) {
		return nil
	}
	return func(tx *store.Tx) error {
		_, err := tx.ChangeRun(s.run.ID, func(r *store.Run) error {
			if r.Card != nil && r.Card.Renewed {
				r.Card.Since = ts
			}
			return nil
		})
		return err
	}
}

// everybody is who is named when a person is needed for any stack.
func (s *sender) everybody() []string {
	var all []string
	for _, st := range s.world.AllStacks() {
		for _, id := range st.Mention {
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	return all
}

// stackOf is the stack of the message's run; nil if there is none.
func (s *sender) stackOf() *config.Stack {
	if s.run == nil {
		return nil
	}
	return s.world.Stack(s.run.Stack)
}

// maxSendHold is the longest wait that is ever stored for a message. A stored time further ahead is of before the clock was put
// back.
const maxSendHold = 15 * time.Minute

// IdlePass is how long the loop sleeps when nothing wakes it. It bounds how late a missed wake-up is noticed.
const IdlePass = 30 * time.Second
