// Package change says what a transaction changed, in bytes that another machine can check and repeat.
//
// An [Entry] is one transaction: the records that it put and deleted, and the numbers that its buckets have given out. Entries form a
// chain: each has a number and names the hash of the one before, so that none can be left out, repeated, moved or changed unseen. The
// same changes have the same bytes. A dump is a whole store in the same words, for who has nothing to begin with.
//
// It knows bbolt and nothing of what the records mean.
package change

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

const (
	version  = 1
	lifeSize = 16
	hashSize = sha256.Size
)

// A kind of change. The zero value ends a dump.
type kind byte

const (
	end kind = iota
	put
	remove
	sequence
)

// An op is one change.
type op struct {
	kind       kind
	bucket     string
	key, value []byte
	number     uint64 // of a sequence
}

// Head is where a store stands in the life that it shares: the number and the hash of its newest entry. The zero value is a store that
// shares none.
type Head struct {
	Life   string `json:"life"` // 32 hex digits
	Number uint64 `json:"number"`
	Hash   string `json:"hash"` // 64 hex digits; empty before the first entry
}

// Entry is one transaction.
type Entry struct {
	Life   string
	Number uint64
	Prev   string // the hash of the entry before; empty for the first
	Term   int64  // which leader wrote it: two that try the same number have different entries
	Hash   string // of this entry; set by Encode and Decode

	ops []op
}

// Head is where a store stands that has it.
func (e *Entry) Head() Head { return Head{Life: e.Life, Number: e.Number, Hash: e.Hash} }

// Empty reports whether nothing was changed.
func (e *Entry) Empty() bool { return len(e.ops) == 0 }

// Puts calls fn with every record that the entry puts.
func (e *Entry) Puts(fn func(bucket string, key, value []byte) error) error {
	for _, o := range e.ops {
		if o.kind != put {
			continue
		}
		if err := fn(o.bucket, o.key, o.value); err != nil {
			return err
		}
	}
	return nil
}

// Touched calls fn with every record that the entry puts or deletes.
func (e *Entry) Touched(fn func(bucket string, key []byte)) {
	for _, o := range e.ops {
		if o.kind != sequence {
			fn(o.bucket, o.key)
		}
	}
}

// Collect reads what became of the records and sequences that a transaction has touched; a sequence is named by its bucket alone, a
// record by bucket, a zero byte and key. What is in touched twice, or was put and deleted, counts as it is in the end.
func (e *Entry) Collect(tx *bbolt.Tx, touched map[string]struct{}) error {
	e.ops = nil
	for name := range touched {
		bucket, key, record := strings.Cut(name, "\x00")
		b := tx.Bucket([]byte(bucket))
		if b == nil {
			return fmt.Errorf("bucket %s is missing", bucket)
		}
		o := op{kind: sequence, bucket: bucket, number: b.Sequence()}
		if record {
			o = op{kind: put, bucket: bucket, key: []byte(key), value: bytes.Clone(b.Get([]byte(key)))}
			if b.Get([]byte(key)) == nil {
				o.kind = remove
			}
		}
		e.ops = append(e.ops, o)
	}
	slices.SortFunc(e.ops, func(a, b op) int {
		return cmp.Or(strings.Compare(a.bucket, b.bucket), bytes.Compare(a.key, b.key), int(a.kind)-int(b.kind))
	})
	return nil
}

// Repeat makes the changes in another store, which must be where the entry follows.
func (e *Entry) Repeat(tx *bbolt.Tx) error {
	for _, o := range e.ops {
		if err := o.repeat(tx); err != nil {
			return fmt.Errorf("repeating a change of bucket %s: %w", o.bucket, err)
		}
	}
	return nil
}

func (o op) repeat(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists([]byte(o.bucket)) // which a newer version of the program may have added
	if err != nil {
		return err
	}
	switch o.kind {
	case put:
		return b.Put(o.key, o.value)
	case remove:
		return b.Delete(o.key)
	case sequence:
		return b.SetSequence(o.number)
	}
	return fmt.Errorf("unknown kind of change %d", o.kind)
}

// Encode writes the entry, and sets its hash.
func (e *Entry) Encode() ([]byte, error) {
	life, err := fixed(e.Life, lifeSize)
	if err != nil {
		return nil, fmt.Errorf("encoding an entry: its life: %w", err)
	}
	prev, err := fixed(e.Prev, hashSize)
	if err != nil {
		return nil, fmt.Errorf("encoding an entry: the hash before: %w", err)
	}
	raw := append([]byte{version}, life...)
	raw = binary.BigEndian.AppendUint64(raw, e.Number)
	raw = append(raw, prev...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(e.Term))
	for _, o := range e.ops {
		raw = o.append(raw)
	}
	raw = append(raw, byte(end))
	sum := sha256.Sum256(raw)
	e.Hash = hex.EncodeToString(sum[:])
	return append(raw, sum[:]...), nil
}

// errCut is what is said of bytes that end too early.
var errCut = errors.New("it ends too early")

// Decode reads an entry and checks that its bytes are those that were written.
func Decode(raw []byte) (*Entry, error) {
	e, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("decoding an entry: %w", err)
	}
	return e, nil
}

func decode(raw []byte) (*Entry, error) {
	if len(raw) < 1+lifeSize+8+hashSize+8+1+hashSize {
		return nil, errCut
	}
	if raw[0] != version {
		return nil, fmt.Errorf("unknown version %d", raw[0])
	}
	body, sum := raw[:len(raw)-hashSize], raw[len(raw)-hashSize:]
	if have := sha256.Sum256(body); !bytes.Equal(have[:], sum) {
		return nil, errors.New("its bytes are not those that were written")
	}
	e := &Entry{Hash: hex.EncodeToString(sum)}
	body = body[1:]
	e.Life, body = hex.EncodeToString(body[:lifeSize]), body[lifeSize:]
	e.Number, body = binary.BigEndian.Uint64(body), body[8:]
	e.Prev, body = loose(body[:hashSize]), body[hashSize:]
	e.Term, body = int64(binary.BigEndian.Uint64(body)), body[8:]
	r := bytes.NewReader(body)
	for {
		o, err := readOp(r)
		if err != nil {
			return nil, err
		}
		if o.kind == end {
			break
		}
		e.ops = append(e.ops, o)
	}
	if r.Len() > 0 {
		return nil, errors.New("something follows its end")
	}
	return e, nil
}

// fixed reads hex digits of so many bytes; nothing at all is zeros.
func fixed(text string, size int) ([]byte, error) {
	if text == "" && size == hashSize {
		return make([]byte, size), nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != size {
		return nil, fmt.Errorf("%q is not %d bytes in hex", text, size)
	}
	return raw, nil
}

// loose is the opposite for a hash.
func loose(raw []byte) string {
	if bytes.Equal(raw, make([]byte, len(raw))) {
		return ""
	}
	return hex.EncodeToString(raw)
}
