package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/fault"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/notify/slack"
	"sallyport/store"
)

// sendTimeout is for one message, which may be several requests.
const sendTimeout = 30 * time.Second

// toSlack is Slack in one pass.
type toSlack struct {
	outbox *Outbox
	world  *active.Config
	// blocked runs have a card that waits: nothing else has a place without it, and a run's messages keep their order.
	blocked map[int]bool
	// cardless runs have a card that cannot be made: what else there is to say of them does not wait for ever.
	cardless map[int]bool
	// begun is the message that was written down as being sent together with the end of the one before it.
	begun *store.Message
}

func (s *toSlack) takes(m *store.Message) bool {
	if m.Kind.ForSite() || m.Kind.ForReceiver() || m.Run != 0 && s.blocked[m.Run] {
		return false
	}
	return m.Kind != store.MessageFile || !s.cardless[m.Run] // it has no place; it is sent when the card is
}

func (s *toSlack) rests(*store.Message) time.Duration { return 0 }

func (s *toSlack) waits(m *store.Message) {
	s.blocked[m.Run] = m.Run != 0 && m.Kind == store.MessageCard
}

// struck has the channel told in plain words what could not be said, once the message is held; what else there is to say of the run
// goes there, too: without the card it has no other place.
func (s *toSlack) struck(m *store.Message, p *health.StruckError) (time.Duration, error) {
	err := s.outbox.messageStruck(s.world, m, p)
	if p.Held() && m.Kind == store.MessageCard {
		s.cardless[m.Run] = true
		return 0, err
	}
	s.waits(m)
	return p.Wait(), err
}

// messageStruck tells of a message that panicked when it was to be sent.
func (ob *Outbox) messageStruck(conf *active.Config, m *store.Message, struck *health.StruckError) error {
	if !struck.News || !struck.Held() || strings.HasPrefix(m.Key, heldKey) {
		return nil
	}
	text := fmt.Sprintf("A message (%s) cannot be sent: %s. %s.", m.Key, struck.Panic, struck.UserHint())
	run, err := ob.ledger.RunOf(m)
	if err != nil {
		return err
	}
	n := ob.ledger.Note(heldKey+m.Key, text)
	if run != nil {
		n = ob.ledger.Note(heldKey+m.Key, fmt.Sprintf("#%d %s is %s, and its message cannot be sent: %s. See sallyport show %d.", run.ID, run.Stack, run.Status, struck.Panic, run.ID))
		n.Run, n.Mention = run.ID, m.Mention
		if conf.Cfg.Slack != nil {
			n.Channel = active.ChannelOf(conf.Cfg, conf.Stack(run.Stack))
		}
	}
	return ob.journal.Update(func(tx *journal.Tx) error { return tx.Enqueue(n) })
}

// heldKey begins the keys of messages about messages.
const heldKey = "held/"

// deliver sends one message and records what became of it.
func (s *toSlack) deliver(ctx context.Context, m *store.Message, behind *queue) (time.Duration, error) {
	ob := s.outbox
	run, err := ob.ledger.RunOf(m)
	if err != nil {
		return 0, err
	}
	sender := &sender{outbox: ob, world: s.world, message: m, run: run, cardless: s.cardless[m.Run]}
	if sender.needless() {
		return 0, ob.journal.Write(func(tx *journal.Tx) error { return tx.DeleteMessage(m.Seq) })
	}
	unknown := false
	if s.begun != m {
		unknown = m.Sending && !fault.Without("search")
		if wait, err := s.begin(m, run); wait > 0 || err != nil {
			return wait, err
		}
	}
	sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	done, err := sender.send(sendCtx, unknown)
	if err == nil {
		ob.faults.Set("slack", nil)
		return 0, ob.journal.Update(func(tx *journal.Tx) error {
			tx.Passes(string(m.Kind), "sent")
			if done != nil {
				if err := done(tx.Tx); err != nil {
					return err
				}
			}
			if err := tx.DeleteMessage(m.Seq); err != nil || ctx.Err() != nil {
				return err
			}
			s.beginNext(tx, behind)
			return nil
		})
	}
	if sender.cardGone(err) {
		// Somebody deleted the run's message: from now on it has another one.
		return time.Millisecond, ob.journal.Update(func(tx *journal.Tx) error {
			if _, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Card = nil; return nil }); err != nil {
				return err
			}
			m.Sending = false
			return tx.PutMessage(m)
		})
	}
	// An earlier try whose outcome is unknown stays so as long as only the search for it failed.
	m.Sending = sender.wrote && (slack.Unknown(err) || ctx.Err() != nil) || unknown && !sender.wrote
	return ob.undelivered(ctx, m, err)
}

// undelivered keeps a message for later.
func (ob *Outbox) undelivered(ctx context.Context, m *store.Message, cause error) (time.Duration, error) {
	wait := min(time.Second<<min(m.Attempts, 9), maxSendWait)
	if after, ok := slack.RetryAfter(cause); ok {
		wait = max(after, time.Second)
	} else if ob.faults.Set("slack", cause) && ctx.Err() == nil {
		ob.log.Warn("sending to slack", "run", m.Run, "kind", m.Kind, "err", cause)
	}
	m.NotBefore, m.Error = ob.now().UTC().Add(wait), ob.health.Redact(cause.Error())
	err := ob.journal.Write(func(tx *journal.Tx) error { return tx.PutMessage(m) })
	if errors.Is(err, store.ErrReplaced) || errors.Is(err, store.ErrNotFound) {
		return time.Millisecond, nil
	}
	return wait, err
}
