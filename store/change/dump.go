package change

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"
	"go.etcd.io/bbolt"
)

// window is how far back the compression looks. More takes memory that an idle agent would go on holding, and saves little.
const window = 256 << 10

// Except is a record that a dump leaves out, since each store has its own.
type Except struct{ Bucket, Key string }

// Dump writes a whole store as of one transaction, compressed, with where it stands.
func Dump(tx *bbolt.Tx, at Head, except Except, w io.Writer) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	if err != nil {
		return fmt.Errorf("writing a whole store: %w", err)
	}
	if err := errors.Join(dump(tx, at, except, z), z.Close()); err != nil {
		return fmt.Errorf("writing a whole store: %w", err)
	}
	return nil
}

func dump(tx *bbolt.Tx, at Head, except Except, w io.Writer) error {
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10)
	head, err := at.encode()
	if err != nil {
		return err
	}
	if _, err := out.Write(head); err != nil {
		return err
	}
	err = tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		o := op{kind: sequence, bucket: string(name), number: b.Sequence()}
		if _, err := out.Write(o.append(nil)); err != nil {
			return err
		}
		return b.ForEach(func(key, value []byte) error {
			if o.bucket == except.Bucket && string(key) == except.Key {
				return nil
			}
			_, err := out.Write(op{kind: put, bucket: o.bucket, key: key, value: value}.append(nil))
			return err
		})
	})
	if err != nil {
		return err
	}
	if err := errors.Join(out.WriteByte(byte(end)), out.Flush()); err != nil {
		return err
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// Load puts a whole store in the place of what is there, and says where it stands. The transaction must not be committed after an error:
// only the end of a dump tells whether all of it was good.
func Load(tx *bbolt.Tx, r io.Reader) (Head, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return Head{}, fmt.Errorf("reading a whole store: %w", err)
	}
	defer z.Close()
	head, err := load(tx, &summed{r: bufio.NewReaderSize(z, 64<<10), sum: sha256.New()})
	if err != nil {
		return Head{}, fmt.Errorf("reading a whole store: %w", err)
	}
	return head, nil
}

func load(tx *bbolt.Tx, r *summed) (Head, error) {
	head, err := readHead(r)
	if err != nil {
		return head, err
	}
	if err := clear(tx); err != nil {
		return head, err
	}
	for {
		o, err := readOp(r)
		if err != nil {
			return head, err
		}
		if o.kind == end {
			break
		}
		if err := o.repeat(tx); err != nil {
			return head, err
		}
	}
	want := r.sum.Sum(nil)
	have := make([]byte, hashSize)
	if _, err := io.ReadFull(r.r, have); err != nil {
		return head, early(err)
	}
	if !bytes.Equal(want, have) {
		return head, errors.New("its bytes are not those that were written")
	}
	if _, err := r.r.ReadByte(); !errors.Is(err, io.EOF) {
		return head, errors.Join(errors.New("something follows its end"), err)
	}
	return head, nil
}

// clear takes all buckets away.
func clear(tx *bbolt.Tx) error {
	var names [][]byte
	if err := tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		names = append(names, bytes.Clone(name))
		return nil
	}); err != nil {
		return err
	}
	for _, name := range names {
		if err := tx.DeleteBucket(name); err != nil {
			return err
		}
	}
	return nil
}

func (h Head) encode() ([]byte, error) {
	life, err := fixed(h.Life, lifeSize)
	if err != nil {
		return nil, err
	}
	newest, err := fixed(h.Hash, hashSize)
	if err != nil {
		return nil, err
	}
	raw := append([]byte{version}, life...)
	raw = binary.BigEndian.AppendUint64(raw, h.Number)
	return append(raw, newest...), nil
}

func readHead(r reader) (Head, error) {
	raw := make([]byte, 1+lifeSize+8+hashSize)
	if _, err := io.ReadFull(r, raw); err != nil {
		return Head{}, early(err)
	}
	if raw[0] != version {
		return Head{}, fmt.Errorf("unknown version %d", raw[0])
	}
	return Head{
		Life:   hex.EncodeToString(raw[1 : 1+lifeSize]),
		Number: binary.BigEndian.Uint64(raw[1+lifeSize:]),
		Hash:   loose(raw[1+lifeSize+8:]),
	}, nil
}

// summed counts what is read into a checksum.
type summed struct {
	r   *bufio.Reader
	sum hash.Hash
}

// Read implements io.Reader.
func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	return n, err
}

// ReadByte implements io.ByteReader.
func (s *summed) ReadByte() (byte, error) {
	b, err := s.r.ReadByte()
	if err == nil {
		s.sum.Write([]byte{b})
	}
	return b, err
}
