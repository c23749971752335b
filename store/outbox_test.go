package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
)

// outbox returns what waits, as text by sequence, in order.
func outbox(t *testing.T, s *store.Store) (all []*store.Message) {
	t.Helper()
	view(t, s, func(tx *store.Tx) (err error) { all, err = tx.Outbox(); return err })
	return all
}

func TestOutbox(t *testing.T) {
	s, c := open(t)
	began := c.now()
	note := func(key, text string) {
		t.Helper()
		c.advance(time.Second)
		update(t, s, func(tx *store.Tx) error {
			return tx.Enqueue(store.Message{Kind: store.MessageNote, Key: key, Text: text})
		})
	}
	at := func(n int) time.Time { return began.Add(time.Duration(n) * time.Second) }
	check := func(when string, want ...*store.Message) {
		t.Helper()
		for _, m := range want {
			m.Kind = store.MessageNote
		}
		if diff := cmp.Diff(want, outbox(t, s)); diff != "" {
			t.Errorf("%s: the outbox differs (-want +got):\n%s", when, diff)
		}
	}
	note("a", "one")
	note("b", "two")
	note("", "three")
	note("", "four")
	note("a", "newer one")
	check("replaced in its place",
		&store.Message{Seq: 1, Key: "a", Text: "newer one", CreatedAt: at(1), Revision: 1},
		&store.Message{Seq: 2, Key: "b", Text: "two", CreatedAt: at(2)},
		&store.Message{Seq: 3, Text: "three", CreatedAt: at(3)},
		&store.Message{Seq: 4, Text: "four", CreatedAt: at(4)},
	)

	// While one is being sent, the next words wait behind it.
	sending := outbox(t, s)[0]
	sending.Sending, sending.Attempts = true, 1
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutMessage(sending), tx.DeleteMessage(2), tx.DeleteMessage(3), tx.DeleteMessage(4))
	})
	note("a", "newest one")
	note("a", "even newer one")
	check("sending",
		&store.Message{Seq: 1, Key: "a", Text: "newer one", CreatedAt: at(1), Revision: 1, Sending: true, Attempts: 1},
		&store.Message{Seq: 5, Key: "a", Text: "even newer one", CreatedAt: at(6), Revision: 1},
	)
	update(t, s, func(tx *store.Tx) error { return errors.Join(tx.DeleteMessage(1), tx.DeleteMessage(1)) })
	note("a", "the last one")
	check("the first was sent", &store.Message{Seq: 5, Key: "a", Text: "the last one", CreatedAt: at(6), Revision: 2})
	update(t, s, func(tx *store.Tx) error { return tx.DeleteMessage(5) })
	note("a", "another story")
	check("all were sent", &store.Message{Seq: 6, Key: "a", Text: "another story", CreatedAt: at(9)})
}

func TestPutMessageErrors(t *testing.T) {
	s, _ := open(t)
	enqueue := func(text string) {
		update(t, s, func(tx *store.Tx) error {
			return tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "a", Text: text})
		})
	}
	put := func(m *store.Message) error {
		return s.Update(func(tx *store.Tx) error { return tx.PutMessage(m) })
	}
	enqueue("old words")
	old := outbox(t, s)[0]
	enqueue("new words")
	old.Sending = true
	if err := put(old); !errors.Is(err, store.ErrReplaced) {
		t.Errorf("old words over new ones: %v", err)
	}
	now := outbox(t, s)[0]
	if now.Text != "new words" || now.Sending {
		t.Errorf("the message is %+v", now)
	}
	now.Key = "b"
	if err := put(now); err == nil {
		t.Error("a message changed its key")
	}
	update(t, s, func(tx *store.Tx) error { return tx.DeleteMessage(now.Seq) })
	if err := put(now); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a message that was sent came back: %v", err)
	}
	if err := s.Update(func(tx *store.Tx) error { return tx.Enqueue(store.Message{Key: "a"}) }); err == nil {
		t.Error("a message without a kind was queued")
	}
}
