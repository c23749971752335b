package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/fault"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/words"
	"sallyport/store"
)

const (
	sendTimeout = 30 * time.Second
	maxSendWait = 5 * time.Minute
)

// send delivers the outbox, oldest first, until ctx ends. Nothing is ever dropped because it could not be delivered.
func (a *outbox) send(ctx context.Context) {
	for ctx.Err() == nil {
		changed := a.changes.next()
		clock.Sleep(ctx, a.deliver(ctx), changed)
	}
}

// deliver tries every message that is due once and returns when to come again.
func (a *outbox) deliver(ctx context.Context) time.Duration {
	a.sending.Lock()
	defer a.sending.Unlock()
	w := a.world.Load()
	var outbox []*store.Message
	if err := a.store.View(func(tx *store.Tx) (err error) {
		outbox, err = tx.Outbox()
		return err
	}); err != nil {
		a.storeFault(err)
		return 5 * time.Second
	}
	next := idlePass
	blocked := map[int]bool{}        // a run's messages keep their order: what comes after a stuck one waits
	struck := map[int]*struckError{} // runs whose card cannot be made: see messageStruck
	for _, m := range outbox {
		if ctx.Err() != nil {
			return next
		}
		if m.Kind.ForSite() || m.Run != 0 && blocked[m.Run] {
			continue
		}
		if wait := a.reading().Left(m.NotBefore, maxSendHold); wait > 0 {
			blocked[m.Run] = m.Run != 0 && m.Kind == store.MessageCard
			next = min(next, wait)
			continue
		}
		if m.Kind == store.MessageFile && struck[m.Run] != nil {
			continue // it has no place; it is sent when the card is
		}
		wait, err := a.tryOne(ctx, w, m, struck[m.Run])
		if held := asStruck(err); held != nil {
			wait, err = held.wait(), a.messageStruck(w, m, held)
			if held.held() && m.Kind == store.MessageCard {
				struck[m.Run] = held // what else there is to say of the run does not wait for ever
				continue
			}
		}
		if err != nil {
			a.storeFault(err)
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
func (a *outbox) tryOne(ctx context.Context, w *world, m *store.Message, cardless *struckError) (wait time.Duration, err error) {
	err = a.contained(messageWork(m), func() (err error) {
		wait, err = a.deliverOne(ctx, w, m, cardless != nil)
		return err
	})
	if err == nil && wait == 0 {
		a.faults.set(messageFault(m), nil)
	}
	return wait, err
}

func messageWork(m *store.Message) work { return work{name: "sending message " + m.Key, watches: true} }

func messageFault(m *store.Message) string { return "message " + m.Key }

// messageStruck shows a message that panicked when it was to be sent. It stays in the outbox and is tried again; once it is
// held, the channel is told in plain words what could not be said, and what else there is to say of the run goes there, too:
// without the card it has no other place.
func (a *outbox) messageStruck(w *world, m *store.Message, struck *struckError) error {
	a.faults.set(messageFault(m), struck)
	if !struck.news || !struck.held() || strings.HasPrefix(m.Key, heldKey) {
		return nil
	}
	text := fmt.Sprintf("A message (%s) cannot be sent: %s. %s.", m.Key, struck.panic, struck.UserHint())
	run, err := a.runOf(m)
	if err != nil {
		return err
	}
	n := a.note(heldKey+m.Key, text)
	if run != nil {
		n = a.note(heldKey+m.Key, fmt.Sprintf("#%d %s is %s, and its message cannot be sent: %s. See sallyport show %d.", run.ID, run.Stack, run.Status, struck.panic, run.ID))
		n.Run, n.Mention = run.ID, m.Mention
		if w.cfg.Slack != nil {
			n.Channel = channelOf(w.cfg, w.stack(run.Stack))
		}
	}
	return a.update(func(tx *Tx) error { return tx.Enqueue(n) })
}

// heldKey begins the keys of messages about messages.
const heldKey = "held/"

// deliverOne sends one message and records what became of it. It returns after how long to try again; zero means done.
// The error is the store's.
func (a *outbox) deliverOne(ctx context.Context, w *world, m *store.Message, cardless bool) (time.Duration, error) {
	run, err := a.runOf(m)
	if err != nil {
		return 0, err
	}
	if w.slack == nil {
		a.tellLog(w, m, run)
		return 0, a.write(func(tx *Tx) error {
			tx.Passes(string(m.Kind), "told")
			if run != nil && !run.Told {
				if _, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Told = true; return nil }); err != nil {
					return err
				}
			}
			return tx.DeleteMessage(m.Seq)
		})
	}
	sender := &sender{agent: a, world: w, message: m, run: run, cardless: cardless}
	if sender.needless() {
		return 0, a.write(func(tx *Tx) error { return tx.DeleteMessage(m.Seq) })
	}
	unknown := m.Sending && !fault.Without("search")
	if !m.Sending && m.After == "" {
		if m.After, err = a.lastHeard(w, m, run); err != nil {
			return 0, err
		}
		if m.After == "" && !a.hasListened() {
			return time.Second, nil // the ear begins by looking; it wakes the outbox
		}
	}
	m.Sending, m.Attempts = true, m.Attempts+1
	err = a.write(func(tx *Tx) error {
		tx.Passes(string(m.Kind), "sending")
		return tx.PutMessage(m)
	})
	if errors.Is(err, store.ErrReplaced) || errors.Is(err, store.ErrNotFound) {
		return time.Millisecond, nil // there is something newer to say: look again
	}
	if err != nil {
		return 0, err
	}
	sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	done, err := sender.send(sendCtx, unknown)
	if err == nil {
		a.faults.set("slack", nil)
		return 0, a.update(func(tx *Tx) error {
			tx.Passes(string(m.Kind), "sent")
			if done != nil {
				if err := done(tx.Tx); err != nil {
					return err
				}
			}
			return tx.DeleteMessage(m.Seq)
		})
	}
	if sender.cardGone(err) {
		// Somebody deleted the run's message: from now on it has another one.
		return time.Millisecond, a.update(func(tx *Tx) error {
			if _, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Card = nil; return nil }); err != nil {
				return err
			}
			m.Sending = false
			return tx.PutMessage(m)
		})
	}
	// An earlier try whose outcome is unknown stays so as long as only the search for it failed.
	m.Sending = sender.wrote && (slack.Unknown(err) || ctx.Err() != nil) || unknown && !sender.wrote
	return a.undelivered(ctx, m, err)
}

// undelivered keeps a message for later.
func (a *outbox) undelivered(ctx context.Context, m *store.Message, cause error) (time.Duration, error) {
	wait := min(time.Second<<min(m.Attempts, 9), maxSendWait)
	if after, ok := slack.RetryAfter(cause); ok {
		wait = max(after, time.Second)
	} else if a.faults.set("slack", cause) && ctx.Err() == nil {
		a.log.Warn("sending to slack", "run", m.Run, "kind", m.Kind, "err", cause)
	}
	m.NotBefore, m.Error = a.now().UTC().Add(wait), a.redact(cause.Error())
	err := a.write(func(tx *Tx) error { return tx.PutMessage(m) })
	if errors.Is(err, store.ErrReplaced) || errors.Is(err, store.ErrNotFound) {
		return time.Millisecond, nil
	}
	return wait, err
}

// sender delivers one message to Slack.
type sender struct {
	agent   *outbox
	world   *world
	message *store.Message
	run     *store.Run
	wrote   bool // the request that writes was made; before that nothing can have been posted
	// cardless: the run has no message and will not get one soon, so what there is to say goes to the channel.
	cardless bool
}

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
	card := a.card(w, s.run)
	if err := a.sign(w, s.run, &card); err != nil {
		return nil, err
	}
	if s.run.Card != nil {
		s.wrote = true
		return nil, w.slack.UpdateCard(ctx, s.run.Card.Channel, s.run.Card.TS, card)
	}
	channel, err := w.desk.channel(ctx, channelOf(w.cfg, w.stack(s.run.Stack)))
	if err != nil {
		return nil, err
	}
	var ts string
	found := false
	if unknown {
		if ts, found, err = w.slack.FindCard(ctx, channel, s.run.ID, a.id, oldest); err != nil {
			return nil, err
		}
	}
	if quiet := s.run.Status == store.NoChanges || s.run.Status == store.Superseded; !found && quiet {
		return nil, nil // it was never posted, and there is nothing to say any more
	}
	if !found {
		s.wrote = true
		if ts, err = w.slack.PostCard(ctx, channel, card); err != nil {
			return nil, err
		}
	}
	link, _ := w.slack.Permalink(ctx, channel, ts) // a link is a comfort; without it everything works
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
		if err := a.publish(tx, now); err != nil { // with the way to this message
			return err
		}
		if now.Status != status || found {
			return tx.Enqueue(store.Message{Kind: store.MessageCard, Run: run, Key: cardKey(run)})
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
		found, err := s.world.slack.FindFile(ctx, run.Card.Channel, run.Card.TS, name)
		if err != nil || found {
			return err
		}
	}
	text, err := a.planText(run.ID)
	if err != nil || text == "" {
		return nil // the store has none any more: nothing to show
	}
	s.wrote = true
	return s.world.slack.UploadFile(ctx, slack.File{
		Channel: run.Card.Channel, Thread: run.Card.TS, Name: name, Content: a.redact(text),
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
			channel = channelOf(s.world.cfg, s.stackOf())
		case channel == "":
			channel = s.world.cfg.Slack.Channel
		}
		resolved, err := s.world.desk.channel(ctx, channel)
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
		ts, found, err := s.world.slack.FindText(ctx, post.Channel, post.Thread, post.Key, a.id, oldest)
		if err != nil || found {
			return s.toldAnew(ts), err
		}
	}
	s.wrote = true
	ts, err := s.world.slack.PostText(ctx, post)
	return s.toldAnew(ts), err
}

// toldAnew records the reply from which on a thread that the run took over is about this run.
func (s *sender) toldAnew(ts string) func(*store.Tx) error {
	m := s.message
	if s.run == nil || m.Key != fmt.Sprintf("run/%d/%s", s.run.ID, renewedKey) {
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
	for _, st := range s.world.allStacks() {
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
	return s.world.stack(s.run.Stack)
}

// spoken reports whether a run has a message, or will have one as soon as Slack can be reached.
func spoken(tx *store.Tx, run *store.Run) (bool, error) {
	if run.Card != nil || run.Told {
		return true, nil
	}
	outbox, err := tx.Outbox()
	if err != nil {
		return false, err
	}
	for _, m := range outbox {
		if m.Key == cardKey(run.ID) {
			return true, nil
		}
	}
	return false, nil
}
