package outbox

import (
	"errors"
	"time"

	"sallyport/agent/contain"
	"sallyport/agent/journal"
	"sallyport/store"
)

// Before a message is sent the store says that it is being sent: whoever finds it so after a crash looks for it first. That is a
// commit, and each commit waits for the disk twice. So it is made together with the end of the message before it where there is
// one: both say the same moment. A crash in between costs a search for a message that was never sent.

// errNotListened: nothing can be sent yet. Who reads Slack begins by looking, and wakes the outbox.
var errNotListened = errors.New("the channel was not read yet")

// begin writes that a message is being sent. It returns after how long to look again, if it cannot be sent as it is.
func (s *toSlack) begin(m *store.Message, run *store.Run) (time.Duration, error) {
	err := s.outbox.journal.Write(func(tx *journal.Tx) error { return s.mark(tx, m, run) })
	switch {
	case errors.Is(err, errNotListened):
		return time.Second, nil
	case errors.Is(err, store.ErrReplaced), errors.Is(err, store.ErrNotFound):
		return time.Millisecond, nil // there is something newer to say: look again
	}
	return 0, err
}

// mark writes, in a transaction, that a message is being sent.
func (s *toSlack) mark(tx *journal.Tx, m *store.Message, run *store.Run) error {
	being := *m
	if !m.Sending && m.After == "" {
		after, err := lastHeard(tx.Tx, s.world, m, run)
		if err != nil {
			return err
		}
		if being.After = after; after == "" && !s.outbox.active.HasListened() {
			return errNotListened
		}
	}
	being.Sending, being.Attempts = true, m.Attempts+1
	if err := tx.PutMessage(&being); err != nil {
		return err
	}
	tx.Passes(string(m.Kind), "sending")
	tx.After(func() { *m = being })
	return nil
}

// beginNext writes, in the transaction that ends one message, that the next one is being sent. What stands against that is the next
// one's own affair, and is told in its own turn: it must not be in the way of the end of this one, which was sent.
func (s *toSlack) beginNext(tx *journal.Tx, behind *queue) {
	_ = contain.Do("beginning the next message", func() error {
		next, come := s.first(behind.messages), false
		if next == nil && !behind.grown { // what this one's end caused, such as the message that leads to a file
			all, err := tx.Outbox()
			if err != nil {
				return err
			}
			next, come = s.first(all), true
		}
		if next == nil || next.Sending { // one that may have been sent already is looked for first
			return nil
		}
		run, err := runIn(tx, next)
		if err != nil || (&sender{message: next, run: run}).needless() {
			return err
		}
		if err := s.mark(tx, next, run); err != nil {
			return err
		}
		tx.After(func() {
			s.begun = next
			if come {
				behind.grow(next)
			}
		})
		return nil
	})
}

// first is the first message that this pass would send.
func (s *toSlack) first(messages []*store.Message) *store.Message {
	for _, m := range messages {
		if s.takes(m) && s.outbox.rest(m) <= 0 {
			return m
		}
	}
	return nil
}

// runIn is the run that a message is about; nil if it is about none, or that one is no longer kept.
func runIn(tx *journal.Tx, m *store.Message) (*store.Run, error) {
	if m.Run == 0 {
		return nil, nil
	}
	run, err := tx.Run(m.Run)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return run, err
}
