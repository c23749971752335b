package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"sallyport/store/recall"
	"sallyport/store/stamp"
)

// A Tx is one transaction. It is valid inside the function given to View or Update, in its goroutine only.
type Tx struct {
	bolt   *bbolt.Tx
	now    time.Time
	dirty  bool  // something was written
	failed error // the first write that did not work: what was written before must not be committed

	reads, writes recall.Names // what was read while somebody watches, and what was written; see [Tx.Watch]

	changes  recall.Names // every record and sequence that was written, for a leader to record; nil without one
	recorded bool         // what was written counts, whether it can be committed or not
}

// errEnded is a mistake of the caller: a transaction kept beyond its function.
var errEnded = errors.New("the transaction has ended")

// bucket returns a bucket of the transaction.
func (tx *Tx) bucket(name string) (*bbolt.Bucket, error) {
	if tx.bolt.DB() == nil {
		return nil, errEnded
	}
	b := tx.bolt.Bucket([]byte(name))
	if b == nil {
		return nil, &DamagedError{Bucket: name, Err: errors.New("the bucket is missing")}
	}
	return b, nil
}

// shield turns a panic of bbolt, over a page that is not what it should be, into ErrDamaged. For use with defer.
func shield(bucket, key string, err *error) {
	if p := recover(); p != nil {
		*err = &DamagedError{Bucket: bucket, Key: key, Err: fmt.Errorf("bbolt: %v", p)}
	}
}

// payload returns the checked payload of a record, in bbolt's own memory; nil if there is no such record.
func (tx *Tx) payload(bucket string, key []byte) (payload []byte, err error) {
	defer shield(bucket, keyText(bucket, key), &err)
	b, err := tx.bucket(bucket)
	if err != nil {
		return nil, err
	}
	tx.reading(bucket, key)
	raw := b.Get(key)
	if raw == nil {
		return nil, nil
	}
	if payload, err = unseal(raw); err != nil {
		return nil, &DamagedError{Bucket: bucket, Key: keyText(bucket, key), Err: err}
	}
	return payload, nil
}

// load reads a JSON record into v and says whether there was one.
func (tx *Tx) load(bucket string, key []byte, v any) (bool, error) {
	payload, err := tx.payload(bucket, key)
	if err != nil || payload == nil {
		return false, err
	}
	if err := json.Unmarshal(payload, v); err != nil {
		return false, &DamagedError{Bucket: bucket, Key: keyText(bucket, key), Err: err}
	}
	return true, nil
}

// save writes a JSON record after cutting its times.
func (tx *Tx) save(bucket string, key []byte, v any) error {
	stamp.All(v)
	payload, err := json.Marshal(v)
	if err != nil {
		return tx.fail(fmt.Errorf("encoding record %s of %s: %w", keyText(bucket, key), bucket, err))
	}
	return tx.put(bucket, key, payload)
}

// put writes a payload with its checksum. What is there already in the same words is not written again: see dirty.
func (tx *Tx) put(bucket string, key, payload []byte) (err error) {
	defer tx.writing(bucket, key, &err)
	b, err := tx.bucket(bucket)
	if err != nil {
		return err
	}
	raw := seal(payload)
	if bytes.Equal(b.Get(key), raw) {
		return nil
	}
	if bucket == bucketEvents {
		b.FillPercent = 0.9 // only ever appended to
	}
	tx.wrote(bucket, key)
	return b.Put(key, raw)
}

// remove deletes a record. A missing one is no error.
func (tx *Tx) remove(bucket string, key []byte) (err error) {
	defer tx.writing(bucket, key, &err)
	b, err := tx.bucket(bucket)
	if err != nil {
		return err
	}
	if b.Get(key) == nil {
		return nil
	}
	tx.wrote(bucket, key)
	return b.Delete(key)
}

// next returns the next number of a bucket's sequence.
func (tx *Tx) next(bucket string) (n uint64, err error) {
	defer tx.writing(bucket, nil, &err)
	b, err := tx.bucket(bucket)
	if err != nil {
		return 0, err
	}
	tx.counted(bucket)
	return b.NextSequence()
}

// writing ends a method that writes: it says what was being written, and keeps Update from committing the rest of a
// transaction whose caller went on after the error. For use with defer.
func (tx *Tx) writing(bucket string, key []byte, err *error) {
	if p := recover(); p != nil {
		*err = &DamagedError{Bucket: bucket, Key: keyText(bucket, key), Err: fmt.Errorf("bbolt: %v", p)}
	}
	if *err != nil {
		*err = tx.fail(fmt.Errorf("writing record %s of %s: %w", keyText(bucket, key), bucket, explain(*err)))
	}
}

// fail remembers that the transaction is only half of what it should be. It returns err.
func (tx *Tx) fail(err error) error {
	if tx.failed == nil {
		tx.failed = err
	}
	return err
}

// A span is the part of a bucket that a walk visits.
type span struct {
	prefix []byte // only keys that begin so; empty for all
	before []byte // newest first, from the last key below prefix+before; nil for oldest first from the prefix's begin
	from   []byte // oldest first, from the first key at or after it; only without a prefix
}

// newest is a span's before that leaves nothing out: no number is larger.
func newest() []byte { return bytes.Repeat([]byte{0xff}, idSize) }

// errStop ends a walk early without being an error.
var errStop = errors.New("stop")

// walk visits records with their checked payloads. Key and payload are in bbolt's memory, to be copied if kept. fn must
// not write to the same bucket.
func (tx *Tx) walk(bucket string, s span, fn func(key, payload []byte) error) (err error) {
	defer shield(bucket, "", &err)
	b, err := tx.bucket(bucket)
	if err != nil {
		return err
	}
	tx.reading(bucket, nil)
	c := b.Cursor()
	var key, raw []byte
	step := c.Next
	if s.before == nil {
		key, raw = c.Seek(append(bytes.Clone(s.prefix), s.from...))
	} else {
		step = c.Prev
		// Seek goes to the first key at or after the bound; the one before it is the first to visit.
		if key, _ = c.Seek(append(bytes.Clone(s.prefix), s.before...)); key == nil {
			key, raw = c.Last()
		} else {
			key, raw = c.Prev()
		}
	}
	for ; key != nil && bytes.HasPrefix(key, s.prefix); key, raw = step() {
		payload, err := unseal(raw)
		if err != nil {
			return &DamagedError{Bucket: bucket, Key: keyText(bucket, key), Err: err}
		}
		if err := fn(key, payload); err != nil {
			if errors.Is(err, errStop) {
				return nil
			}
			return err
		}
	}
	return nil
}

// readAll decodes every record of a span, in its order; same says whether a record belongs to its key.
func readAll[T any](tx *Tx, bucket string, s span, same func(key []byte, v *T) bool) ([]*T, error) {
	var out []*T
	err := tx.walk(bucket, s, func(key, payload []byte) error {
		v, err := decode(bucket, key, payload, same)
		if err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	return out, err
}

// read decodes one record; nil if there is none.
func read[T any](tx *Tx, bucket string, key []byte, same func(key []byte, v *T) bool) (*T, error) {
	payload, err := tx.payload(bucket, key)
	if err != nil || payload == nil {
		return nil, err
	}
	return decode(bucket, key, payload, same)
}

func decode[T any](bucket string, key, payload []byte, same func(key []byte, v *T) bool) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(payload, v); err != nil {
		return nil, &DamagedError{Bucket: bucket, Key: keyText(bucket, key), Err: err}
	}
	if !same(key, v) {
		return nil, &DamagedError{Bucket: bucket, Key: keyText(bucket, key), Err: errors.New("the record belongs to another key")}
	}
	return v, nil
}
