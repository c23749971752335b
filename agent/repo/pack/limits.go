package pack

import (
	"context"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
)

const (
	DefaultMaxObject = 256 << 20
	// maxExpanded is how many bytes the objects of a pack may have together, deltas resolved, if it is not a hundred times the
	// pack: what a large history of much the same has.
	maxExpanded   = 8 << 30
	maxExpandedBy = 100
)

// limits bound what the objects of a pack expand to. They are known before anything is expanded: the size of an object stands before
// it, and the size of what a delta makes is in its first bytes. 17 KB of deltas can otherwise take 3 GB of memory.
type limits struct {
	object int64 // bytes
	read   int64 // of the pack so far
	total  int64 // of the objects so far
}

func newLimits(object int64) *limits { return &limits{object: object} }

// scan reads all objects of a pack, without resolving deltas, and returns how many there are.
func (l *limits) scan(ctx context.Context, scanner *packfile.Scanner) (uint32, error) {
	_, objects, err := scanner.Header()
	if err != nil {
		return 0, err
	}
	l.read, l.total = 0, 0
	for range objects {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		header, err := scanner.NextObjectHeader()
		if err != nil {
			return 0, err
		}
		l.read = header.Offset
		if err := l.check(header.Length); err != nil {
			return 0, err
		}
		first := &firstBytes{}
		n, _, err := scanner.NextObject(first)
		if err != nil {
			return 0, err
		}
		if n != header.Length {
			return 0, fmt.Errorf("%w: an object of %d bytes has %d", packfile.ErrMalformedPackFile, header.Length, n)
		}
		size := header.Length
		if header.Type.IsDelta() {
			if size, err = first.result(l); err != nil {
				return 0, err
			}
		}
		if l.total += size; l.total > max(maxExpanded, l.read*maxExpandedBy) {
			return 0, hint.With(fmt.Errorf("%w: its objects expand to more than %d GB", odb.ErrTooLarge, l.total>>30),
				"no honest history does; see who may push to the repository, and make it anew without what was pushed")
		}
	}
	return objects, nil
}

// check refuses an object that is too large.
func (l *limits) check(size int64) error {
	if size >= 0 && size <= l.object {
		return nil
	}
	return hint.With(fmt.Errorf("%w: an object has %d MB, and max_object_size is %d MB", odb.ErrTooLarge, uint64(size)>>20, l.object>>20),
		"set max_object_size of the repository if that file belongs there (the process that unpacks it takes five times as much memory), or take the file out of the history")
}

// firstBytes keeps the first bytes of a delta: the sizes of its base and of what it makes.
type firstBytes struct {
	n int
	b [20]byte
}

// Write implements io.Writer.
func (f *firstBytes) Write(p []byte) (int, error) {
	f.n += copy(f.b[f.n:], p)
	return len(p), nil
}

// result is the size of what a delta makes, which is checked, as that of its base is.
func (f *firstBytes) result(l *limits) (int64, error) {
	rest := f.b[:f.n]
	size := int64(0)
	for range 2 {
		n := varintLen(rest)
		if n == 0 || n > 9 {
			return 0, fmt.Errorf("%w: a delta without sizes", packfile.ErrMalformedPackFile)
		}
		size = 0
		for i, c := range rest[:n] {
			size |= int64(c&0x7f) << (7 * i)
		}
		if err := l.check(size); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return size, nil
}

var _ io.Writer = (*firstBytes)(nil)
