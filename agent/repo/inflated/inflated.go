// Package inflated keeps the objects that checkouts are made of as they are, in one file beside the packs of a mirror: what git has
// compressed, and written down as differences to other objects, is put together once, and not for each run that is planned.
//
// A [Store] is a cache. What is in it is held against its hash whenever it is read, as what comes out of a pack is: a file that a
// killed process left half written, that a disk has damaged, or that somebody has meddled with has less in it and never anything
// else. So nothing has to be made durable, and nothing has to be taken back. What cannot be read or written is read in the mirror
// as ever; no method returns an error.
//
// The file is a row of records, each a hash, a size and a content. It has only what checkouts asked for, is shared by all commits,
// and starts anew when most of it is of commits that nobody asks for any more.
package inflated

import (
	"crypto/sha1" //nolint:gosec // git's own names; what comes in was checked for collisions by go-git
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/sys/unix"
)

const (
	// maxBytes bounds the file, maxObject what is kept of one object; what is larger is taken out of the mirror each time.
	maxBytes  = 1 << 30
	maxObject = 32 << 20
	// MaxWhole is the largest object that [Store.Read] returns: it is held in memory.
	MaxWhole = 64 << 10
	// maxRecords bounds the index in memory.
	maxRecords = 1 << 19
	// spare is how many bytes beside those of the last checkout may be in the file, and as many again as that had.
	spare = 32 << 20
	// headBytes are a hash and a size.
	headBytes = 20 + 4
	// batch is how many bytes of new records are written at once.
	batch = 1 << 20
)

// Store is such a file. All methods are safe for concurrent use; those of a nil one find nothing and keep nothing.
type Store struct {
	file *os.File

	mu      sync.Mutex
	places  map[plumbing.Hash]place
	size    int64                   // where the next record begins
	pending []byte                  // records that wait to be written at size
	waiting map[plumbing.Hash]place // of pending
	full    bool                    // nothing is written any more
}

type place struct{ at, size int64 }

// Open opens the file, or makes it. It returns nil if that cannot be, or if another process has it open.
func Open(path string) *Store {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil
	}
	s := &Store{file: os.NewFile(uintptr(fd), path), places: map[plumbing.Hash]place{}, waiting: map[plumbing.Hash]place{}}
	if err := s.scan(fd); err != nil {
		s.Close()
		return nil
	}
	return s
}

// scan finds the records that are there, and cuts off what is none.
func (s *Store) scan(fd int) error {
	info, err := s.file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("not a file: %w", err)
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	var head [headBytes]byte
	for len(s.places) < maxRecords {
		if _, err := s.file.ReadAt(head[:], s.size); err != nil {
			break
		}
		h, size := plumbing.Hash(head[:20]), int64(binary.BigEndian.Uint32(head[20:]))
		if h.IsZero() || size > maxObject || s.size+headBytes+size > info.Size() {
			break
		}
		s.places[h] = place{s.size + headBytes, size}
		s.size += headBytes + size
	}
	return s.file.Truncate(s.size)
}

// Close closes the file. Whoever still reads it finds nothing any more.
func (s *Store) Close() {
	if s != nil {
		_ = s.file.Close() // there is nothing in it that must not be lost
	}
}

// Find reports how many bytes an object has that is kept.
func (s *Store) Find(h plumbing.Hash) (size int64, kept bool) {
	p, kept := s.find(h)
	return p.size, kept
}

func (s *Store) find(h plumbing.Hash) (place, bool) {
	if s == nil {
		return place{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, kept := s.places[h]
	return p, kept
}

// Read returns an object that is kept and is small enough to be held in memory.
func (s *Store) Read(t plumbing.ObjectType, h plumbing.Hash) ([]byte, bool) {
	p, kept := s.find(h)
	if !kept || p.size > MaxWhole {
		return nil, false
	}
	content := make([]byte, p.size)
	sum := named(t, p.size)
	if _, err := s.file.ReadAt(content, p.at); err == nil {
		_, _ = sum.Write(content) // a hash takes everything
	}
	if plumbing.Hash(sum.Sum(nil)) != h {
		s.forget()
		return nil, false
	}
	return content, true
}

// Copy writes an object that is kept. If it returns false, what was written, if anything was, is worth nothing.
func (s *Store) Copy(w io.Writer, t plumbing.ObjectType, h plumbing.Hash) (whole bool, err error) {
	p, kept := s.find(h)
	if !kept {
		return false, nil
	}
	sum := named(t, p.size)
	to := &target{w: w}
	if _, err := io.Copy(io.MultiWriter(to, sum), io.NewSectionReader(s.file, p.at, p.size)); err != nil && to.err != nil {
		return false, to.err
	}
	if plumbing.Hash(sum.Sum(nil)) != h {
		s.forget()
		return false, nil
	}
	return true, nil
}

// target remembers what went wrong with writing, which is not the cache's fault.
type target struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (t *target) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.err = errors.Join(t.err, err)
	return n, err
}

// named begins the hash that is the name of an object.
func named(t plumbing.ObjectType, size int64) hash.Hash {
	sum := sha1.New() //nolint:gosec // see the import
	fmt.Fprintf(sum, "%s %d\x00", t, size)
	return sum
}

// Add keeps an object whose content was held against its hash.
func (s *Store) Add(h plumbing.Hash, content []byte) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.takes(h, int64(len(content))) {
		return
	}
	at := s.size + int64(len(s.pending)) + headBytes
	s.pending = append(append(s.pending, head(h, len(content))...), content...)
	s.waiting[h] = place{at, int64(len(content))}
	if len(s.pending) >= batch {
		s.flush()
	}
}

// AddFile keeps an object whose content, which was held against its hash, is a file's. The kernel copies it.
func (s *Store) AddFile(h plumbing.Hash, from *os.File, size int64) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush()
	if !s.takes(h, size) {
		return
	}
	_, err := s.file.WriteAt(head(h, int(size)), s.size)
	if err == nil {
		_, err = from.Seek(0, io.SeekStart)
	}
	if err == nil {
		_, err = s.file.Seek(s.size+headBytes, io.SeekStart)
	}
	if err == nil {
		_, err = io.CopyN(s.file, from, size)
	}
	if err != nil {
		s.giveUp()
		return
	}
	s.places[h] = place{s.size + headBytes, size}
	s.size += headBytes + size
}

func head(h plumbing.Hash, size int) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, 0, headBytes), h[:]...), uint32(size)) //nolint:gosec // at most maxObject
}

// takes reports whether an object is to be written. mu is held.
func (s *Store) takes(h plumbing.Hash, size int64) bool {
	_, kept := s.places[h]
	_, waits := s.waiting[h]
	return !s.full && !kept && !waits && size <= maxObject && s.size+int64(len(s.pending))+headBytes+size <= maxBytes && len(s.places)+len(s.waiting) < maxRecords
}

// flush writes the records that wait. mu is held.
func (s *Store) flush() {
	if len(s.pending) == 0 {
		return
	}
	if _, err := s.file.WriteAt(s.pending, s.size); err != nil {
		s.giveUp()
		return
	}
	for h, p := range s.waiting {
		s.places[h] = p
	}
	s.size += int64(len(s.pending))
	s.drop()
}

// giveUp writes no more, on a full disk for example, and gives back the room of what was not written whole. mu is held.
func (s *Store) giveUp() {
	s.full = true
	s.drop()
	_ = s.file.Truncate(s.size) // else the next one who opens it cuts it off
}

func (s *Store) drop() {
	s.pending = nil
	clear(s.waiting)
}

// forget starts anew: something in the file was not what had been written.
func (s *Store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty()
}

// empty removes everything. Who reads meanwhile what takes its place finds that it has another hash. mu is held.
func (s *Store) empty() {
	clear(s.places)
	s.drop()
	s.size = 0
	if err := s.file.Truncate(0); err != nil {
		s.full = true
	}
}

// Done ends a checkout that has used objects of so many bytes together: what waits is written, and if the file has grown far beyond
// what checkouts use, it starts anew.
func (s *Store) Done(used int64) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush()
	if s.size > 2*used+spare {
		s.empty()
	}
}
