package outbox

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/store"
)

// The end of one message and the beginning of the next are one commit. Whatever stands against the next one's, the end of the first
// is kept: it was sent.
func TestBeginNext(t *testing.T) {
	note := store.Message{Kind: store.MessageNote, Key: "next", Channel: "C1"}
	for name, c := range map[string]struct {
		next    store.Message
		after   func(tx *store.Tx, next *store.Message) error // happens before the first message is through
		deaf    bool                                          // the channel was never read
		behind  bool                                          // the pass knows of the next message
		grown   bool                                          // the pass has grown before
		sending bool                                          // want: it is being sent
		begun   bool                                          // want: this pass sends it, and needs no search for it
	}{
		"at once":          {next: note, behind: true, sending: true, begun: true},
		"came meanwhile":   {next: note, sending: true, begun: true},
		"came, once more":  {next: note, grown: true},
		"not yet due":      {next: store.Message{Kind: note.Kind, Key: note.Key, Channel: "C1", NotBefore: time.Now().Add(time.Minute)}, behind: true},
		"perhaps sent":     {next: store.Message{Kind: note.Kind, Key: note.Key, Channel: "C1", Sending: true}, behind: true, sending: true},
		"nothing is heard": {next: note, behind: true, deaf: true},
		"of a run that is no more": {
			next: store.Message{Kind: store.MessageReply, Key: note.Key, Run: 7}, behind: true,
		},
		"newer words came": {next: note, behind: true, after: func(tx *store.Tx, _ *store.Message) error { return tx.Enqueue(note) }},
		"it is gone": {next: note, behind: true, after: func(tx *store.Tx, next *store.Message) error {
			return errors.Join(tx.DeleteMessage(next.Seq), tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "other", Channel: "C1", NotBefore: time.Now().Add(time.Minute)}))
		}},
		"a panic": {next: store.Message{Kind: store.MessageNote, Key: note.Key}, behind: true}, // there is no Slack block to ask for a channel
	} {
		t.Run(name, func(t *testing.T) {
			s := newToSlack(t)
			if !c.deaf {
				s.outbox.active.Listened()
			}
			var first, next *store.Message
			s.write(t, func(tx *journal.Tx) error {
				return errors.Join(tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "first", Channel: "C1", Sending: true}), tx.Enqueue(c.next))
			})
			first, next = s.waiting(t)[0], s.waiting(t)[1]
			behind := &queue{grown: c.grown}
			if c.behind {
				behind.messages = []*store.Message{next}
			}
			if c.after != nil {
				s.write(t, func(tx *journal.Tx) error { return c.after(tx.Tx, next) })
			}
			s.write(t, func(tx *journal.Tx) error {
				if err := tx.DeleteMessage(first.Seq); err != nil {
					return err
				}
				s.beginNext(tx, behind)
				return nil
			})
			left := s.waiting(t)
			if len(left) != 1 {
				t.Fatalf("%d messages wait, want the second alone: the end of the first is kept", len(left))
			}
			if left[0].Sending != c.sending {
				t.Errorf("being sent: %t, want %t", left[0].Sending, c.sending)
			}
			if c.begun != (s.begun != nil) || c.begun && (s.begun.Seq != next.Seq || !s.begun.Sending || s.begun.Attempts != 1 || s.begun != behind.take()) {
				t.Errorf("begun: %+v, want %t, and the message that comes next", s.begun, c.begun)
			}
		})
	}
}

// A message that was begun is written down once: what is sent next needs one commit and not two.
func TestBeginOnce(t *testing.T) {
	s := newToSlack(t)
	s.outbox.active.Listened()
	s.write(t, func(tx *journal.Tx) error {
		return tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "a", Channel: "C1"})
	})
	m := s.waiting(t)[0]
	if wait, err := s.begin(m, nil); wait != 0 || err != nil {
		t.Fatalf("wait %s, %v", wait, err)
	}
	if !m.Sending || m.Attempts != 1 || !s.waiting(t)[0].Sending {
		t.Errorf("%+v is not being sent", m)
	}
	s.write(t, func(tx *journal.Tx) error { return tx.DeleteMessage(m.Seq) })
	if wait, err := s.begin(m, nil); wait != time.Millisecond || err != nil {
		t.Errorf("of one that is gone: wait %s, %v, want to look again", wait, err)
	}
}

// newToSlack is a pass over an outbox of its own, in which nothing is sent.
func newToSlack(t *testing.T) *toSlack {
	t.Helper()
	s, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	log := slog.New(slog.DiscardHandler)
	faults := health.NewFaults(time.Now)
	j := journal.New(journal.Options{Bell: bell.New(bell.NewBroadcast()), Faults: faults, Log: log, Store: s})
	ob := New(Options{
		Clocks: clock.New(clock.Options{Now: time.Now, Uptime: clock.Uptime}), Journal: j, Active: active.New(active.Options{Journal: j, Faults: faults, Log: log, Now: time.Now, Store: s}),
		Faults: faults, Log: log, Now: time.Now, Store: s,
	})
	return &toSlack{outbox: ob, world: &active.Config{Cfg: &config.Config{}}, blocked: map[int]bool{}, cardless: map[int]bool{}}
}

func (s *toSlack) write(t *testing.T, f func(*journal.Tx) error) {
	t.Helper()
	if err := s.outbox.journal.Write(f); err != nil {
		t.Fatal(err)
	}
}

// waiting is what the store has in its outbox.
func (s *toSlack) waiting(t *testing.T) (all []*store.Message) {
	t.Helper()
	err := s.outbox.store.View(func(tx *store.Tx) (err error) {
		all, err = tx.Outbox()
		return err
	})
	if err != nil {
		t.Fatal(fmt.Errorf("reading the outbox: %w", err))
	}
	return all
}
