package odb

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
)

const (
	hashLen   = len(plumbing.Hash{})
	fanoutLen = 256 * 4
	namesAt   = 8 + fanoutLen
	// nameBlock is how many names are read at once. Names are spread evenly, so that the place of one is known to about twenty-five
	// in a bucket of three thousand.
	nameBlock = 128
	// guesses is how often the place of a name is guessed; after that, whoever made the names has chosen them so, and halves are
	// taken.
	guesses = 4
	// smallIndex is how many bytes are read at once instead of kept open: those of a few thousand objects. One pack comes with each
	// fetch, and a hundred of them would be a hundred open files.
	smallIndex = 128 << 10
	// placeBits is how many bits of a number hold the place of an object in the index, while the others hold that in the pack.
	placeBits = 28
)

// Index is the index of a pack, in git's own format of version 2, read from the disk as far as it is asked for. In memory are its
// first kilobyte and, from the first question on about what lies at a place of the pack, eight bytes for each object. go-git's own
// reads all of it into memory, and its answer to that question takes ten times as much.
type Index struct {
	data   io.ReaderAt
	file   *os.File // nil where all of it is in memory
	fanout [256]uint32
	count  int
	large  int64 // how many places there are beyond two gigabytes
	places []uint64
}

// OpenIndex opens the index of a pack and checks that it belongs to that pack and has the size that it must have. What is wrong
// with it is idxfile.ErrMalformedIdxFile. What lies in it is not checked: an object that is read is held against its hash.
func OpenIndex(base string) (*Index, error) {
	f, err := os.Open(base + ".idx")
	if err != nil {
		return nil, fmt.Errorf("reading index: %w", err)
	}
	x := &Index{data: f, file: f}
	info, err := f.Stat()
	if err == nil && info.Size() <= smallIndex {
		var text []byte
		text, err = io.ReadAll(io.LimitReader(f, smallIndex))
		x.data, x.file = bytes.NewReader(text), nil
		_ = f.Close() // it was only read
	}
	if err == nil {
		err = x.open(base+".pack", info.Size())
	}
	if err != nil {
		_ = x.Close()
		return nil, fmt.Errorf("reading index: %w", err)
	}
	return x, nil
}

// Close closes the file.
func (x *Index) Close() error {
	if x.file == nil {
		return nil
	}
	return x.file.Close()
}

func (x *Index) open(pack string, size int64) error {
	head := make([]byte, namesAt)
	if err := x.read(head, 0); err != nil {
		return err
	}
	if !bytes.HasPrefix(head, []byte("\xfftOc")) || binary.BigEndian.Uint32(head[4:]) != idxfile.VersionSupported {
		return idxfile.ErrUnsupportedVersion // git's first one has no header at all
	}
	before := uint32(0)
	for i := range x.fanout {
		n := binary.BigEndian.Uint32(head[8+4*i:])
		if n < before {
			return fmt.Errorf("%w: its table of beginnings is not in order", idxfile.ErrMalformedIdxFile)
		}
		x.fanout[i], before = n, n
	}
	x.count = int(before)
	rest := size - namesAt - int64(x.count)*int64(hashLen+8) - int64(2*hashLen)
	if rest < 0 || rest%8 != 0 || rest/8 > int64(x.count) || x.count >= 1<<placeBits {
		return fmt.Errorf("%w: its count of objects (%d) does not fit its size (%d)", idxfile.ErrMalformedIdxFile, x.count, size)
	}
	x.large = rest / 8
	return x.belongsTo(pack, size)
}

// belongsTo compares the checksum of the pack with what the index says that it is.
func (x *Index) belongsTo(pack string, size int64) error {
	f, err := os.Open(pack)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var said, is plumbing.Hash
	if err := x.read(said[:], size-int64(2*hashLen)); err != nil {
		return err
	}
	if _, err := f.ReadAt(is[:], info.Size()-int64(hashLen)); err != nil || said != is {
		return fmt.Errorf("%w: it is of another pack", idxfile.ErrMalformedIdxFile)
	}
	return nil
}

// read fills b from a place of the file.
func (x *Index) read(b []byte, at int64) error {
	_, err := x.data.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it is cut off", idxfile.ErrMalformedIdxFile)
	}
	return err
}

// place is where in the index a name is; negative if it is not there.
func (x *Index) place(h plumbing.Hash) (int, error) {
	low, high := 0, int(x.fanout[h[0]])
	if h[0] > 0 {
		low = int(x.fanout[h[0]-1])
	}
	// The next bytes of a name tell where among those with the same first byte it must be.
	guess := low + int(uint64(high-low)*uint64(binary.BigEndian.Uint32(h[1:]))>>32)
	var block [nameBlock * hashLen]byte
	for n := 0; low < high; n++ {
		if n >= guesses {
			guess = low + (high-low)/2
		}
		from := max(low, min(guess-nameBlock/2, high-nameBlock))
		to := min(from+nameBlock, high)
		names := block[:(to-from)*hashLen]
		if err := x.read(names, namesAt+int64(from*hashLen)); err != nil {
			return 0, err
		}
		switch {
		case bytes.Compare(h[:], names[:hashLen]) < 0:
			high = from
			continue
		case bytes.Compare(h[:], names[len(names)-hashLen:]) > 0:
			low = to
			continue
		}
		i, found := sort.Find(to-from, func(i int) int { return bytes.Compare(h[:], names[i*hashLen:(i+1)*hashLen]) })
		if !found {
			return -1, nil
		}
		return from + i, nil
	}
	return -1, nil
}

// offset is where in the pack the object is that has that place in the index.
func (x *Index) offset(place int) (int64, error) {
	var b [8]byte
	at := namesAt + int64(x.count)*int64(hashLen+4)
	if err := x.read(b[:4], at+int64(place)*4); err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint32(b[:])
	if n&(1<<31) == 0 {
		return int64(n), nil
	}
	far := int64(n &^ (1 << 31))
	if far >= x.large {
		return 0, fmt.Errorf("%w: an object lies nowhere", idxfile.ErrMalformedIdxFile)
	}
	if err := x.read(b[:], at+int64(x.count)*4+far*8); err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(b[:])), nil
}

// FindOffset implements idxfile.Index.
func (x *Index) FindOffset(h plumbing.Hash) (int64, error) {
	place, err := x.place(h)
	if err != nil {
		return 0, err
	}
	if place < 0 {
		return 0, plumbing.ErrObjectNotFound
	}
	return x.offset(place)
}

// Contains implements idxfile.Index.
func (x *Index) Contains(h plumbing.Hash) (bool, error) {
	place, err := x.place(h)
	return err == nil && place >= 0, err
}

// Count implements idxfile.Index.
func (x *Index) Count() (int64, error) { return int64(x.count), nil }

// FindHash implements idxfile.Index. A delta names its base by where it lies, and go-git keeps bases by their names.
func (x *Index) FindHash(offset int64) (plumbing.Hash, error) {
	if x.places == nil {
		if err := x.sortPlaces(); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	i, _ := slices.BinarySearch(x.places, uint64(offset)<<placeBits)
	if offset < 0 || i == len(x.places) || int64(x.places[i]>>placeBits) != offset {
		return plumbing.ZeroHash, plumbing.ErrObjectNotFound
	}
	var h plumbing.Hash
	place := int64(x.places[i] & (1<<placeBits - 1))
	return h, x.read(h[:], namesAt+place*int64(hashLen))
}

// sortPlaces sorts the objects by where they lie in the pack.
func (x *Index) sortPlaces() error {
	r := bufio.NewReaderSize(io.NewSectionReader(x.data, namesAt+int64(x.count)*int64(hashLen+4), int64(x.count)*4), 64<<10)
	places := make([]uint64, x.count)
	var b [4]byte
	for i := range places {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return fmt.Errorf("%w: it is cut off", idxfile.ErrMalformedIdxFile)
		}
		at := int64(binary.BigEndian.Uint32(b[:]))
		if at&(1<<31) != 0 {
			var err error
			if at, err = x.offset(i); err != nil {
				return err
			}
		}
		if at < 0 || at >= 1<<(64-placeBits) {
			return fmt.Errorf("%w: an object lies nowhere", idxfile.ErrMalformedIdxFile)
		}
		places[i] = uint64(at)<<placeBits | uint64(i)
	}
	slices.Sort(places)
	x.places = places
	return nil
}

// FindCRC32 implements idxfile.Index.
func (x *Index) FindCRC32(h plumbing.Hash) (uint32, error) {
	place, err := x.place(h)
	if err != nil {
		return 0, err
	}
	if place < 0 {
		return 0, plumbing.ErrObjectNotFound
	}
	var b [4]byte
	err = x.read(b[:], namesAt+int64(x.count)*int64(hashLen)+int64(place)*4)
	return binary.BigEndian.Uint32(b[:]), err
}

// Entries implements idxfile.Index; nothing here goes through all objects of a pack.
func (x *Index) Entries() (idxfile.EntryIter, error) { return nil, errors.ErrUnsupported }

// EntriesByOffset implements idxfile.Index.
func (x *Index) EntriesByOffset() (idxfile.EntryIter, error) { return nil, errors.ErrUnsupported }
