package store

import (
	"errors"
	"fmt"
)

// A HistoryMark is how far the history was read: the number of the last entry and its hash, which the next one has to name. The
// zero mark stands before the oldest entry that is kept.
type HistoryMark struct {
	Seq  uint64
	Hash string
}

// A HistoryPart is what one [Tx.ReadHistory] has read.
type HistoryPart struct {
	Next HistoryMark // where to go on
	End  bool        // nothing follows
	// Broken is the first place in this part where the chain does not hold, [ErrDamaged]; nil if it does.
	Broken error
}

// ReadHistory calls fn with up to limit entries after a mark, oldest first, and follows the chain of their hashes as
// [Tx.VerifyHistory] does. A break does not end the reading, so that what was written after it can be looked at; a record that cannot
// be read ends it, for nothing tells what it was. A mark behind which the history was trimmed meanwhile stands for the trimmed part's
// end.
func (tx *Tx) ReadHistory(after HistoryMark, limit int, fn func(*Event) error) (HistoryPart, error) {
	p := HistoryPart{Next: after}
	a, err := tx.anchor()
	if err != nil {
		return p, fmt.Errorf("reading the history: %w", err)
	}
	if after.Seq < a.Seq || after.Seq == 0 {
		p.Next = HistoryMark(a)
	}
	n := 0
	var told error // fn's own error, which says nothing of the history
	err = tx.walk(bucketEvents, span{from: number(p.Next.Seq + 1)}, func(key, payload []byte) error {
		if n == limit {
			return errStop
		}
		e, err := decode(bucketEvents, key, payload, eventKey)
		if err != nil {
			return err
		}
		n++
		if p.Broken == nil {
			p.Broken = p.Next.before(key, e)
		}
		p.Next = HistoryMark{Seq: e.Seq, Hash: link(payload)}
		told = fn(e)
		return told
	})
	if told != nil {
		return p, told
	}
	p.End = n < limit
	if errors.Is(err, ErrDamaged) {
		p.End = true
		if p.Broken == nil {
			p.Broken = err
		}
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("reading the history: %w", err)
	}
	if !p.End || p.Broken != nil {
		return p, nil
	}
	b, err := tx.bucket(bucketEvents)
	if err != nil {
		return p, fmt.Errorf("reading the history: %w", err)
	}
	if last := b.Sequence(); last != p.Next.Seq {
		p.Broken = brokenAt(number(last), fmt.Errorf("the history breaks: it ends at entry %d", p.Next.Seq))
	}
	return p, nil
}

// before says why an entry cannot be the one after a mark.
func (m HistoryMark) before(key []byte, e *Event) error {
	switch {
	case e.Seq != m.Seq+1:
		return brokenAt(key, fmt.Errorf("the history breaks: entry %d is missing", m.Seq+1))
	case e.Prev != m.Hash:
		return brokenAt(key, errors.New("the history breaks: the entry before is not the one that this one was written after"))
	}
	return nil
}
