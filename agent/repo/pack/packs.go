package pack

import (
	"bufio"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"sallyport/agent/repo/odb"
)

// halfPack is a file of a pack in the making. Its name is one that removePartial knows.
type halfPack struct {
	*os.File
	named bool
}

func newHalfPack(dir, pattern string) (*halfPack, error) {
	f, err := os.CreateTemp(odb.PackDir(dir), pattern)
	if err != nil {
		return nil, fmt.Errorf("making a pack: %w", err)
	}
	return &halfPack{File: f}, nil
}

// rename makes the file durable, read-only as git has its packs, and gives it its name.
func (h *halfPack) rename(path string) error {
	if err := h.Chmod(0o444); err != nil {
		return fmt.Errorf("finishing a pack: %w", err)
	}
	if err := h.Sync(); err != nil {
		return fmt.Errorf("finishing a pack: %w", err)
	}
	if err := os.Rename(h.Name(), path); err != nil {
		return fmt.Errorf("finishing a pack: %w", err)
	}
	h.named = true
	return nil
}

// discard closes the file, and removes it unless it was named.
func (h *halfPack) discard() {
	_ = h.Close()
	if !h.named {
		_ = os.Remove(h.Name())
	}
}

// placePack puts a pack into a repository. fill writes it; it is then read back whole, every object of it, for its index, made
// durable, and only then has its name. All that happens in the caller's goroutine. The index is nil for a pack of no objects.
func placePack(dir string, fill func(io.Writer) error) (plumbing.Hash, *idxfile.MemoryIndex, error) {
	pack, err := newHalfPack(dir, "tmp_pack_")
	if err != nil {
		return plumbing.ZeroHash, nil, err
	}
	defer pack.discard()
	w := bufio.NewWriterSize(pack, 64<<10)
	if err := fill(w); err != nil {
		return plumbing.ZeroHash, nil, err
	}
	if err := w.Flush(); err != nil {
		return plumbing.ZeroHash, nil, fmt.Errorf("writing a pack: %w", err)
	}
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return plumbing.ZeroHash, nil, fmt.Errorf("reading a pack back: %w", err)
	}
	scanner := packfile.NewScanner(pack.File)
	if _, objects, err := scanner.Header(); err != nil || objects == 0 {
		return plumbing.ZeroHash, nil, err
	}
	entries := &idxfile.Writer{}
	parser, err := packfile.NewParser(scanner, entries)
	if err != nil {
		return plumbing.ZeroHash, nil, fmt.Errorf("indexing a pack: %w", err)
	}
	sum, err := parser.Parse()
	if err != nil {
		return plumbing.ZeroHash, nil, fmt.Errorf("indexing a pack: %w", err)
	}
	index, err := entries.Index()
	if err != nil {
		return plumbing.ZeroHash, nil, fmt.Errorf("indexing a pack: %w", err)
	}
	err = nameTogether(dir, sum, pack, func(w io.Writer) error {
		_, err := idxfile.NewEncoder(w).Encode(index)
		return err
	})
	return sum, index, err
}

// nameTogether writes the index of a pack and gives both their names, the pack last: a pack without an index would be damage.
func nameTogether(dir string, sum plumbing.Hash, pack *halfPack, writeIndex func(io.Writer) error) error {
	idx, err := newHalfPack(dir, "tmp_idx_")
	if err != nil {
		return err
	}
	defer idx.discard()
	w := bufio.NewWriterSize(idx, 64<<10)
	if err := writeIndex(w); err != nil {
		return fmt.Errorf("writing the index of a pack: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the index of a pack: %w", err)
	}
	base := filepath.Join(odb.PackDir(dir), "pack-"+sum.String())
	if err := idx.rename(base + ".idx"); err != nil {
		return err
	}
	return pack.rename(base + ".pack")
}

// copyPack copies a pack of another repository on this disk with its index. Each byte of the pack is read and inflated on the way:
// what is damaged there does not arrive here. The copy is named after its checksum, which is the name that go-git expects;
// git of before 2013 named packs otherwise.
func copyPack(ctx context.Context, from, dir string, limits *limits) error {
	in, err := os.Open(from + ".pack")
	if err != nil {
		return err
	}
	defer in.Close()
	pack, err := newHalfPack(dir, "tmp_pack_")
	if err != nil {
		return err
	}
	defer pack.discard()
	w := bufio.NewWriterSize(pack, 64<<10)
	scanner := packfile.NewScanner(io.TeeReader(in, w))
	objects, err := limits.scan(ctx, scanner)
	if err != nil {
		return fmt.Errorf("reading %s: %w", filepath.Base(in.Name()), err)
	}
	sum, err := scanner.Checksum()
	if err != nil {
		return fmt.Errorf("reading %s: %w", filepath.Base(in.Name()), err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing a pack: %w", err)
	}
	idx, err := os.Open(from + ".idx")
	if err != nil {
		return err
	}
	defer idx.Close()
	index := idxfile.NewMemoryIndex()
	err = idxfile.NewDecoder(bufio.NewReader(idx)).Decode(index)
	if count, _ := index.Count(); err != nil || count != int64(objects) || plumbing.Hash(index.PackfileChecksum) != sum {
		// An index of git's first version, or a damaged one: the pack itself is whole, so that another can be made.
		_, _, err := placePack(dir, func(w io.Writer) error {
			if _, err := pack.Seek(0, io.SeekStart); err != nil {
				return err
			}
			_, err := io.Copy(w, pack.File)
			return err
		})
		return err
	}
	if _, err := idx.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return nameTogether(dir, sum, pack, func(w io.Writer) error {
		_, err := io.Copy(w, idx)
		return err
	})
}

// writePack writes objects as a pack, one after the other and without deltas, so that no more than one is in memory. go-git's
// encoder looks for deltas in goroutines that share one reader of a pack, and reads the wrong bytes or panics; without
// deltas it holds every small object.
func writePack(ctx context.Context, w io.Writer, c copying, objects []plumbing.Hash) error {
	sum := sha1.New()
	out := io.MultiWriter(w, sum)
	if err := writePackHeader(out, len(objects)); err != nil {
		return err
	}
	z := zlib.NewWriter(out)
	for _, h := range objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeObject(out, z, c, h); err != nil {
			return err
		}
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

func writePackHeader(w io.Writer, objects int) error {
	header := binary.BigEndian.AppendUint32([]byte("PACK"), packfile.VersionSupported)
	_, err := w.Write(binary.BigEndian.AppendUint32(header, uint32(objects)))
	return err
}

// writeObject writes one object and checks that it is the one that was named.
func writeObject(out io.Writer, z *zlib.Writer, c copying, h plumbing.Hash) error {
	if c.limits != nil {
		size, err := c.src.EncodedObjectSize(h)
		if err != nil {
			return odb.Damage(h, err)
		}
		if err := c.limits.check(size); err != nil {
			return err
		}
	}
	o, err := c.src.EncodedObject(plumbing.AnyObject, h)
	if err != nil {
		return odb.Damage(h, err)
	}
	r, err := o.Reader()
	if err != nil {
		return odb.Damage(h, err)
	}
	defer r.Close()
	size := o.Size()
	header := []byte{byte(o.Type())<<4 | byte(size&0x0f)}
	for rest := size >> 4; rest > 0; rest >>= 7 {
		header[len(header)-1] |= 0x80
		header = append(header, byte(rest&0x7f))
	}
	if _, err := out.Write(header); err != nil {
		return err
	}
	z.Reset(out)
	hasher := plumbing.NewHasher(o.Type(), size)
	reading := &readError{Reader: r}
	n, err := io.Copy(io.MultiWriter(z, hasher), reading)
	switch {
	case reading.err != nil:
		return odb.Damage(h, reading.err)
	case err != nil:
		return err
	case n != size || hasher.Sum() != h:
		return odb.Damage(h, errors.New("content does not match its hash"))
	}
	return z.Close()
}

// readError tells an error of reading from one of writing.
type readError struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (r *readError) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
