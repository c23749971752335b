package pack

import (
	"bufio"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"sallyport/notify/words"
)

// ReadIndex reads the index of a pack.
func ReadIndex(file string) (*idxfile.MemoryIndex, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading index: %w", err)
	}
	defer f.Close()
	index := idxfile.NewMemoryIndex()
	if err := idxfile.NewDecoder(bufio.NewReader(f)).Decode(index); err != nil {
		return nil, fmt.Errorf("reading index: %w", err)
	}
	return index, nil
}

// eachEntry calls f for what an index names, in the order of the pack.
func eachEntry(index *idxfile.MemoryIndex, f func(*idxfile.Entry) error) error {
	entries, err := index.EntriesByOffset()
	if err != nil {
		return fmt.Errorf("reading index: %w", err)
	}
	defer entries.Close()
	for {
		e, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading index: %w", err)
		}
		if err := f(e); err != nil {
			return err
		}
	}
}

// joiner writes several packs as one. Entries go over as they are, compressed and as deltas, so that neither their number nor their
// size costs memory; only how a delta points to its base is written anew. Each object is written once.
type joiner struct {
	out     io.Writer
	offset  int64
	written map[plumbing.Hash]int64 // where in the new pack
}

// joinPacks writes the packs of a directory that have those names, which together hold so many objects.
func joinPacks(w io.Writer, dir string, names []string, objects int) error {
	sum := sha1.New()
	j := &joiner{out: io.MultiWriter(w, sum), offset: 12, written: make(map[plumbing.Hash]int64, objects)}
	if err := writePackHeader(j.out, objects); err != nil {
		return err
	}
	for _, name := range names {
		if err := j.add(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("joining %s: %w", name, err)
		}
	}
	if len(j.written) != objects {
		return errors.New(words.OfThem(len(j.written), int(objects), "object was", "objects were") + " written")
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

// add writes what one pack holds and no earlier one did.
func (j *joiner) add(base string) error {
	index, err := ReadIndex(base + ".idx")
	if err != nil {
		return err
	}
	pack, err := os.ReadFile(base + ".pack") // at most smallPack bytes
	if err != nil {
		return fmt.Errorf("reading pack: %w", err)
	}
	var entries []idxfile.Entry
	at := map[uint64]plumbing.Hash{}
	err = eachEntry(index, func(e *idxfile.Entry) error {
		entries = append(entries, *e)
		at[e.Offset] = e.Hash
		return nil
	})
	if err != nil {
		return err
	}
	for i, e := range entries {
		end := uint64(max(len(pack)-sha1.Size, 0))
		if i+1 < len(entries) {
			end = entries[i+1].Offset
		}
		if e.Offset >= end || end > uint64(len(pack)) || crc32.ChecksumIEEE(pack[e.Offset:end]) != e.CRC32 {
			return fmt.Errorf("%w: object %s", packfile.ErrMalformedPackFile, words.Short(e.Hash.String()))
		}
		if _, done := j.written[e.Hash]; done {
			continue
		}
		if err := j.write(e, pack[e.Offset:end], at); err != nil {
			return err
		}
	}
	return nil
}

// write writes one entry. at says which object begins where in its old pack.
func (j *joiner) write(e idxfile.Entry, raw []byte, at map[uint64]plumbing.Hash) error {
	parts, err := splitEntry(raw)
	if err != nil {
		return err
	}
	base := parts.base
	if parts.kind == plumbing.OFSDeltaObject {
		known := false
		if base, known = at[e.Offset-parts.distance]; !known {
			return fmt.Errorf("%w: object %s has no base", packfile.ErrMalformedPackFile, words.Short(e.Hash.String()))
		}
	}
	head := parts.size
	if parts.kind.IsDelta() {
		kind := plumbing.REFDeltaObject
		var pointer []byte
		if offset, before := j.written[base]; before {
			kind, pointer = plumbing.OFSDeltaObject, distanceBytes(j.offset-offset)
		} else {
			pointer = base[:]
		}
		head = append([]byte{head[0]&0x8f | byte(kind)<<4}, head[1:]...)
		head = append(head, pointer...)
	}
	j.written[e.Hash] = j.offset
	for _, b := range [][]byte{head, parts.data} {
		n, err := j.out.Write(b)
		j.offset += int64(n)
		if err != nil {
			return fmt.Errorf("writing joined pack: %w", err)
		}
	}
	return nil
}

// entryParts are the pieces of an entry of a pack.
type entryParts struct {
	kind     plumbing.ObjectType
	size     []byte        // kind and size, as they are written
	distance uint64        // of a delta whose base lies so far before it
	base     plumbing.Hash // of a delta whose base is named
	data     []byte        // compressed
}

// splitEntry takes an entry apart.
func splitEntry(raw []byte) (entryParts, error) {
	bad := fmt.Errorf("%w: an entry is cut off", packfile.ErrMalformedPackFile)
	n := varintLen(raw)
	if n == 0 {
		return entryParts{}, bad
	}
	p := entryParts{kind: plumbing.ObjectType(raw[0] >> 4 & 7), size: raw[:n], data: raw[n:]}
	switch p.kind {
	case plumbing.OFSDeltaObject:
		n := varintLen(p.data)
		if n == 0 || n > binary.MaxVarintLen64 {
			return entryParts{}, bad
		}
		for i, b := range p.data[:n] {
			if i > 0 {
				p.distance++
			}
			p.distance = p.distance<<7 | uint64(b&0x7f)
		}
		p.data = p.data[n:]
	case plumbing.REFDeltaObject:
		if len(p.data) < len(p.base) {
			return entryParts{}, bad
		}
		p.data = p.data[copy(p.base[:], p.data):]
	}
	return p, nil
}

// varintLen is how many bytes a number takes whose bytes but for the last have their high bit set; 0 if it does not end.
func varintLen(b []byte) int {
	for i, c := range b {
		if c&0x80 == 0 {
			return i + 1
		}
	}
	return 0
}

// distanceBytes writes how far before a delta its base lies.
func distanceBytes(n int64) []byte {
	b := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		b = append([]byte{byte(n&0x7f) | 0x80}, b...)
	}
	return b
}
