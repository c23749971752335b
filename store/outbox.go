package store

import (
	"bytes"
	"errors"
	"fmt"
)

func messageKey(key []byte, m *Message) bool { return bytes.Equal(key, number(m.Seq)) }

// Enqueue adds a message to the outbox; Seq and CreatedAt are filled in. If a message with the same key waits and no try
// to send it is under way, the new one takes its place, Seq and CreatedAt included, and its Revision grows. A message
// without a key is always added.
func (tx *Tx) Enqueue(m Message) error {
	if m.Kind == "" {
		return errors.New("queueing message: it has no kind")
	}
	if err := tx.enqueue(m); err != nil {
		return fmt.Errorf("queueing message %q: %w", m.Key, err)
	}
	return nil
}

func (tx *Tx) enqueue(m Message) error {
	if m.Key != "" {
		if err := validName("message", m.Key); err != nil {
			return err
		}
		old, err := tx.messageWith(m.Key)
		if err != nil {
			return err
		}
		if old != nil && !old.Sending {
			m.Seq, m.CreatedAt, m.Revision = old.Seq, old.CreatedAt, old.Revision+1
			return tx.save(bucketOutbox, number(m.Seq), &m)
		}
	}
	seq, err := tx.next(bucketOutbox)
	if err != nil {
		return err
	}
	m.Seq, m.CreatedAt, m.Revision = seq, tx.now, 0
	if err := tx.save(bucketOutbox, number(seq), &m); err != nil {
		return err
	}
	if m.Key == "" {
		return nil
	}
	return tx.put(bucketOutboxKeys, nameAndNumber(m.Key, seq), nil)
}

// messageWith returns the newest message with a key; nil if there is none.
func (tx *Tx) messageWith(key string) (m *Message, err error) {
	err = tx.walk(bucketOutboxKeys, span{prefix: namePrefix(key), before: newest()}, func(at, _ []byte) error {
		seq, err := numberOf(at)
		if err != nil {
			return err
		}
		if m, err = read(tx, bucketOutbox, number(seq), messageKey); err != nil {
			return err
		}
		if m == nil || m.Key != key {
			return &DamagedError{Bucket: bucketOutboxKeys, Key: keyText(bucketOutboxKeys, at), Err: errors.New("there is no such message")}
		}
		return errStop
	})
	return m, err
}

// MessageWith returns the newest message of the outbox with a key; nil if there is none. It reads an index, and not every message.
func (tx *Tx) MessageWith(key string) (*Message, error) {
	m, err := tx.messageWith(key)
	if err != nil {
		return nil, fmt.Errorf("reading message %q: %w", key, err)
	}
	return m, nil
}

// Outbox returns what has to be sent, oldest first.
func (tx *Tx) Outbox() ([]*Message, error) {
	out, err := readAll(tx, bucketOutbox, span{}, messageKey)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	return out, nil
}

// PutMessage writes how the delivery of a message stands. ErrNotFound if it is gone from the outbox; ErrReplaced if a
// newer one took its place since m was read, so that nobody sends the old words and then deletes the new ones: read the
// outbox again.
func (tx *Tx) PutMessage(m *Message) error {
	have, err := read(tx, bucketOutbox, number(m.Seq), messageKey)
	switch {
	case err != nil:
		return fmt.Errorf("changing message %d: %w", m.Seq, err)
	case have == nil:
		return fmt.Errorf("changing message %d: %w", m.Seq, ErrNotFound)
	case have.Revision != m.Revision:
		return fmt.Errorf("changing message %d: %w", m.Seq, ErrReplaced)
	case have.Key != m.Key:
		return fmt.Errorf("changing message %d: its key cannot change from %q to %q", m.Seq, have.Key, m.Key)
	}
	if err := tx.save(bucketOutbox, number(m.Seq), m); err != nil {
		return fmt.Errorf("changing message %d: %w", m.Seq, err)
	}
	return nil
}

// DeleteMessage takes a message out of the outbox. One that is gone already is no error.
func (tx *Tx) DeleteMessage(seq uint64) error {
	if err := tx.deleteMessage(seq); err != nil {
		return fmt.Errorf("deleting message %d: %w", seq, err)
	}
	return nil
}

func (tx *Tx) deleteMessage(seq uint64) error {
	m, err := read(tx, bucketOutbox, number(seq), messageKey)
	if err != nil || m == nil {
		return err
	}
	if err := tx.remove(bucketOutbox, number(seq)); err != nil || m.Key == "" {
		return err
	}
	return tx.remove(bucketOutboxKeys, nameAndNumber(m.Key, seq))
}
