package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"sallyport/store/change"
)

// Several agents on different machines may share one life: each has a store of its own, and all of these say the same. One of them leads
// and writes; what its transactions change is recorded elsewhere before it counts ([Store.Replicate]), and the others repeat it
// ([Store.Apply]). The store knows nothing of where that is, nor of who leads.

// headKey is the record in bucket meta that says where this store stands. It is in no entry: it says which was the last.
const headKey = "head"

// Head is where a store stands in the life that it shares; the zero value is a store that shares none.
type Head = change.Head

// A Leader is where a leader's transactions are recorded.
type Leader struct {
	// Term tells this leader's entries from those that another one wrote under the same number.
	Term int64
	// Record is called with what a transaction changed, before it is committed. What it returns nil for counts, for ever and everywhere.
	// After an error nothing was changed, or it is not known and this leader may not write any more.
	Record func(entry []byte, at Head) error
	// Lost is called when what was recorded could not be committed here. The store is behind then, and refuses to be written.
	Lost func(error)
}

// Head reads where the store stands.
func (s *Store) Head() (head Head, err error) {
	err = s.View(func(tx *Tx) error {
		head, err = standing(tx)
		return err
	})
	if err != nil {
		return Head{}, fmt.Errorf("reading where the store stands: %w", err)
	}
	return head, nil
}

func standing(tx *Tx) (head Head, err error) {
	_, err = tx.load(bucketMeta, []byte(headKey), &head)
	return head, err
}

// Replicate lets the store be written, by its leader, and brings it forward to this program's schema, as an entry like any other. The
// store must share a life.
func (s *Store) Replicate(l Leader) error {
	have := schema{}
	head, err := s.Head()
	if err == nil && head.Life == "" {
		err = errors.New("the store shares no life")
	}
	if err == nil {
		err = s.View(func(tx *Tx) (err error) {
			have, err = tx.schema(s.path)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("beginning to lead: %w", err)
	}
	s.lead(&l)
	if err := s.migrate(have, newestSchema(), migrations()); err != nil {
		s.Fence()
		return fmt.Errorf("beginning to lead: %w", err)
	}
	return nil
}

// Fence keeps the store from being written from now on. A transaction that is being recorded goes on to its end.
func (s *Store) Fence() { s.lead(nil) }

func (s *Store) lead(l *Leader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leader = l
}

// leads returns the leader who may write, nil for a store that shares no life, or ErrNotLeading.
func (s *Store) leads(tx *Tx) (*Leader, error) {
	s.mu.Lock()
	l := s.leader
	s.mu.Unlock()
	if l != nil {
		return l, nil
	}
	head, err := standing(tx)
	switch {
	case err != nil:
		return nil, err
	case head.Life != "" || s.fenced:
		return nil, &NotLeadingError{Path: s.path, Fenced: s.fenced}
	}
	return nil, nil
}

// record hands on what the transaction changed, and moves the head.
func (s *Store) record(l *Leader, tx *Tx) error {
	head, err := standing(tx)
	if err != nil {
		return err
	}
	e := &change.Entry{Life: head.Life, Number: head.Number + 1, Prev: head.Hash, Term: l.Term}
	if err := e.Collect(tx.bolt, tx.changes); err != nil {
		return err
	}
	if e.Empty() {
		return nil // missing buckets were made; there is nothing that others would not do by themselves
	}
	raw, err := e.Encode()
	if err != nil {
		return err
	}
	if err := putHead(tx, e.Head()); err != nil { // first: after it was recorded nothing may fail but the commit
		return err
	}
	if err := l.Record(raw, e.Head()); err != nil {
		return fmt.Errorf("recording what was changed: %w", err)
	}
	tx.recorded = true
	return nil
}

func putHead(tx *Tx, head Head) error { return tx.save(bucketMeta, []byte(headKey), &head) }

// Apply repeats the entry of a leader. It must be the one that follows the store's head.
func (s *Store) Apply(raw []byte) error {
	e, err := change.Decode(raw)
	if err != nil {
		return fmt.Errorf("applying an entry: %w", err)
	}
	err = s.follow(func(tx *Tx) error {
		head, err := standing(tx)
		if err != nil {
			return err
		}
		if head.Life != e.Life || head.Number+1 != e.Number || head.Hash != e.Prev {
			return &SkippedError{Head: head, Entry: e.Head()}
		}
		if err := e.Puts(knownSchema); err != nil {
			return err
		}
		if err := e.Repeat(tx.bolt); err != nil {
			return explain(err)
		}
		e.Touched(tx.wrote)
		return putHead(tx, e.Head())
	})
	if err != nil {
		return fmt.Errorf("applying entry %d: %w", e.Number, err)
	}
	return nil
}

// knownSchema refuses what a newer version of the program brought forward: this one would take it for something else.
func knownSchema(bucket string, key, value []byte) error {
	if bucket != bucketMeta || string(key) != schemaKey {
		return nil
	}
	payload, err := unseal(value)
	if err != nil {
		return err
	}
	have, err := decode(bucketMeta, key, payload, func([]byte, *schema) bool { return true })
	if err != nil {
		return err
	}
	if have.Version > newestSchema() {
		return &SchemaError{Have: have.Version, Known: newestSchema()}
	}
	return nil
}

// follow writes a store as another one was written. Whoever watches records sees that they are others.
func (s *Store) follow(fn func(*Tx) error) error {
	tx, err := s.begin(writing)
	if err != nil {
		return err
	}
	defer s.rollback(tx)
	s.mu.Lock()
	leads := s.leader != nil
	s.mu.Unlock()
	if leads {
		return errors.New("this store leads, and follows nobody")
	}
	if err := fn(tx); err != nil {
		return err
	}
	s.written.Note(tx.bolt.ID(), tx.writes)
	return s.commit(tx)
}

// Dump writes all of the store, as of now, and says where it stands then.
func (s *Store) Dump(w io.Writer) (head Head, err error) {
	err = s.View(func(tx *Tx) error {
		if head, err = standing(tx); err != nil {
			return err
		}
		return change.Dump(tx.bolt, head, change.Except{Bucket: bucketMeta, Key: headKey}, w)
	})
	if err != nil {
		return Head{}, fmt.Errorf("copying the store: %w", err)
	}
	return head, nil
}

// Load puts what Dump wrote in the place of all that is in the store: all of it, or nothing.
func (s *Store) Load(r io.Reader) error {
	err := s.follow(func(tx *Tx) error {
		head, err := change.Load(tx.bolt, r)
		if err != nil {
			return explain(err)
		}
		if _, err := tx.schema(s.path); err != nil {
			return err
		}
		if err := makeBuckets(tx.bolt); err != nil {
			return err
		}
		s.written.Forget(tx.bolt.ID())
		return putHead(tx, head)
	})
	if err != nil {
		return fmt.Errorf("taking over a whole store: %w", err)
	}
	return nil
}

// Found makes the store the first of a new life, of which nothing was recorded yet. It must share none.
func (s *Store) Found() (Head, error) {
	life := make([]byte, 16)
	_, _ = rand.Read(life) // never fails
	head := Head{Life: hex.EncodeToString(life)}
	err := s.follow(func(tx *Tx) error {
		have, err := standing(tx)
		if err == nil && have.Number > 0 {
			err = fmt.Errorf("it shares the life %s, which has %d entries", have.Life, have.Number)
		}
		if err != nil {
			return err
		}
		return putHead(tx, head)
	})
	if err != nil {
		return Head{}, fmt.Errorf("founding a life: %w", err)
	}
	return head, nil
}

// Leave makes the store share no life any more. What it says stays; what others record from now on never comes to it.
func (s *Store) Leave() error {
	if err := s.follow(func(tx *Tx) error { return tx.remove(bucketMeta, []byte(headKey)) }); err != nil {
		return fmt.Errorf("leaving the life that the store shares: %w", err)
	}
	return nil
}

// Blank reports whether nothing was ever written to the store but what makes it one.
func (s *Store) Blank() (blank bool, err error) {
	blank = true
	err = s.View(func(tx *Tx) error {
		for _, name := range buckets() {
			b, err := tx.bucket(name)
			if err != nil {
				return err
			}
			key, _ := b.Cursor().First()
			blank = blank && b.Sequence() == 0 && (key == nil || name == bucketMeta)
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("looking whether the store is new: %w", err)
	}
	return blank, nil
}
