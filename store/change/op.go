package change

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxField bounds what one length may ask for: bytes that were changed must not make the reader take gigabytes.
const maxField = 256 << 20

// append writes a change.
func (o op) append(raw []byte) []byte {
	raw = field(append(raw, byte(o.kind)), []byte(o.bucket))
	switch o.kind {
	case sequence:
		return binary.AppendUvarint(raw, o.number)
	case remove:
		return field(raw, o.key)
	default:
		return field(field(raw, o.key), o.value)
	}
}

func field(raw, value []byte) []byte {
	return append(binary.AppendUvarint(raw, uint64(len(value))), value...)
}

// reader is what changes are read from.
type reader interface {
	io.Reader
	io.ByteReader
}

// readOp reads a change, or the end of them.
func readOp(r reader) (op, error) {
	first, err := r.ReadByte()
	if err != nil {
		return op{}, early(err)
	}
	o := op{kind: kind(first)}
	if o.kind == end {
		return o, nil
	}
	if o.kind > sequence {
		return o, fmt.Errorf("unknown kind of change %d", o.kind)
	}
	bucket, err := readField(r)
	if err != nil {
		return o, err
	}
	if o.bucket = string(bucket); o.bucket == "" {
		return o, errors.New("a change names no bucket")
	}
	if o.kind == sequence {
		o.number, err = binary.ReadUvarint(r)
		return o, early(err)
	}
	if o.key, err = readField(r); err != nil || o.kind == remove {
		return o, err
	}
	o.value, err = readField(r)
	return o, err
}

func readField(r reader) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, early(err)
	}
	if n > maxField {
		return nil, fmt.Errorf("a field of %d bytes is none of ours", n)
	}
	// Not at once, for the length may lie.
	value, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && uint64(len(value)) < n {
		err = errCut
	}
	return value, err
}

// early says of an end where something should follow that it is too early.
func early(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}
