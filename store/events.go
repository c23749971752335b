package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// eventTransition is the type of the events that the store adds by itself.
const eventTransition = "transition"

// An EventFilter says which entries of the history are wanted. The zero filter wants all.
type EventFilter struct {
	Run   int // only this run's
	Limit int // the newest so many; 0 for no limit
}

func eventKey(key []byte, e *Event) bool { return bytes.Equal(key, number(e.Seq)) }

// AddEvent appends to the history. Seq, At and Prev are filled in, whatever they are; the type is needed. Transitions
// are added by the store itself.
func (tx *Tx) AddEvent(e Event) error {
	if e.Type == "" {
		return errors.New("adding to the history: the event has no type")
	}
	if err := tx.addEvent(e); err != nil {
		return fmt.Errorf("adding to the history: %w", err)
	}
	return nil
}

// HistoryHead returns the number of the newest entry of the history and its hash, which stands for everything before it
// too: whoever knows both notices when the history is cut, altered or replaced. Zero and "" of an empty history.
func (tx *Tx) HistoryHead() (seq uint64, hash string, err error) {
	err = tx.walk(bucketEvents, span{before: newest()}, func(key, payload []byte) error {
		n, err := numberOf(key)
		if err != nil {
			return brokenAt(key, err)
		}
		seq, hash = n, link(payload)
		return errStop
	})
	if err != nil {
		return 0, "", fmt.Errorf("reading the head of the history: %w", err)
	}
	return seq, hash, nil
}

// HistoryAt returns the hash of one entry of the history; ErrNotFound if it is not kept (any more, or yet).
func (tx *Tx) HistoryAt(seq uint64) (string, error) {
	hash := ""
	err := tx.walk(bucketEvents, span{prefix: number(seq)}, func(_, payload []byte) error {
		hash = link(payload)
		return errStop
	})
	if err != nil {
		return "", fmt.Errorf("reading entry %d of the history: %w", seq, err)
	}
	if hash == "" {
		return "", fmt.Errorf("entry %d of the history: %w", seq, ErrNotFound)
	}
	return hash, nil
}

func (tx *Tx) addEvent(e Event) error {
	_, prev, err := tx.HistoryHead()
	if err != nil {
		return err
	}
	seq, err := tx.next(bucketEvents)
	if err != nil {
		return err
	}
	e.Seq, e.At, e.Prev = seq, tx.now, prev
	if err := tx.save(bucketEvents, number(seq), &e); err != nil {
		return err
	}
	if e.Run == 0 {
		return nil
	}
	return tx.put(bucketRunEvents, runEvent(e.Run, seq), nil)
}

// link is what an entry remembers of the one before.
func link(payload []byte) string {
	sum := sha256.Sum256(payload)
	return hex.EncodeToString(sum[:])
}

// Events returns entries of the history, oldest first; with a limit the newest ones.
func (tx *Tx) Events(f EventFilter) ([]Event, error) {
	var out []Event
	take := func(e *Event, err error) error {
		if err != nil {
			return err
		}
		out = append(out, *e)
		if len(out) == f.Limit {
			return errStop
		}
		return nil
	}
	var err error
	if f.Run == 0 {
		err = tx.walk(bucketEvents, span{before: newest()}, func(key, payload []byte) error {
			return take(decode(bucketEvents, key, payload, eventKey))
		})
	} else {
		s := span{prefix: number(f.Run), before: newest()}
		err = tx.walk(bucketRunEvents, s, func(key, _ []byte) error { return take(tx.eventOf(key)) })
	}
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	slices.Reverse(out)
	return out, nil
}

// eventOf reads the event that a key of bucket run-events stands for.
func (tx *Tx) eventOf(key []byte) (*Event, error) {
	if len(key) != 2*idSize {
		return nil, &DamagedError{Bucket: bucketRunEvents, Key: keyText(bucketRunEvents, key), Err: errors.New("the key is not a run and a number")}
	}
	e, err := read(tx, bucketEvents, key[idSize:], eventKey)
	if err == nil && (e == nil || !bytes.Equal(key[:idSize], number(e.Run))) {
		err = &DamagedError{Bucket: bucketRunEvents, Key: keyText(bucketRunEvents, key), Err: errors.New("the run has no such event")}
	}
	return e, err
}

// VerifyHistory walks the whole history that is kept and returns how many entries are good; what was trimmed (see
// [Store.Trim]) is vouched for by the hash that its last entry left. ErrDamaged names the first entry that was
// changed, or after which something is missing.
func (tx *Tx) VerifyHistory() (n int, err error) {
	if n, err = tx.verifyHistory(func(chained) {}); err != nil {
		return n, fmt.Errorf("verifying the history: %w", err)
	}
	return n, nil
}

// chained is the part of an event that its place in the history depends on.
type chained struct {
	Seq  uint64 `json:"seq"`
	Run  int    `json:"run"`
	Prev string `json:"prev"`
}

// chainOf reads that part. An event is flat, written by encoding/json in the order of its fields, and a quote inside of a
// string is escaped: so what stands between fixed marks is found without decoding the rest. A record of any other shape
// is decoded.
func chainOf(payload []byte) (chained, error) {
	var e chained
	rest, ok := bytes.CutPrefix(payload, []byte(`{"seq":`))
	head, tail, found := bytes.Cut(rest, []byte(`,`))
	at := bytes.LastIndex(tail, []byte(`,"prev":"`))
	if !ok || !found || at < 0 || !bytes.HasSuffix(tail, []byte(`"}`)) {
		err := json.Unmarshal(payload, &e)
		return e, err
	}
	prev := tail[at+len(`,"prev":"`) : len(tail)-len(`"}`)]
	seq, err := strconv.ParseUint(string(head), 10, 64)
	if err != nil {
		return e, fmt.Errorf("its number is not one: %q", head)
	}
	e.Seq, e.Prev = seq, string(prev)
	_, run, found := bytes.Cut(tail[:at], []byte(`,"run":`))
	if !found {
		return e, nil
	}
	run, _, _ = bytes.Cut(run, []byte(`,`))
	if e.Run, err = strconv.Atoi(string(run)); err != nil {
		return e, fmt.Errorf("its run is not a number: %q", run)
	}
	return e, nil
}

// verifyHistory calls fn with every good entry.
func (tx *Tx) verifyHistory(fn func(chained)) (n int, err error) {
	a, err := tx.anchor()
	if err != nil {
		return 0, err
	}
	prev := a.Hash
	err = tx.walk(bucketEvents, span{}, func(key, payload []byte) error {
		e, err := chainOf(payload)
		if err != nil {
			return brokenAt(key, err)
		}
		want := a.Seq + uint64(n) + 1
		switch {
		case !bytes.Equal(key, number(e.Seq)):
			return brokenAt(key, errors.New("the record belongs to another key"))
		case e.Seq != want:
			return brokenAt(key, fmt.Errorf("the history breaks: entry %d is missing", want))
		case e.Prev != prev:
			return brokenAt(key, errors.New("the history breaks: the entry before is not the one that this one was written after"))
		}
		prev = link(payload)
		n++
		fn(e)
		return nil
	})
	if err != nil {
		return n, err
	}
	b, err := tx.bucket(bucketEvents)
	if err != nil {
		return n, err
	}
	if last := b.Sequence(); last != a.Seq+uint64(n) {
		return n, brokenAt(number(last), fmt.Errorf("the history breaks: it ends at entry %d", a.Seq+uint64(n)))
	}
	return n, nil
}

func brokenAt(key []byte, err error) error {
	return &DamagedError{Bucket: bucketEvents, Key: keyText(bucketEvents, key), Err: err}
}
