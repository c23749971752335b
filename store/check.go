package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
)

// maxFaults is how many faults Check lists: a broken page can make thousands.
const maxFaults = 20

// Check opens the file at path read-only and verifies all of it: bbolt's pages, the checksum of every record, that the
// indexes agree with the records, and the history. The error lists up to 20 faults, all of them ErrDamaged. Like Open it
// fails with ErrLocked while another process has the file, with ErrNewerSchema, and with fs.ErrNotExist. A file that was cut
// short can kill the process: where that matters, call it in a child.
func Check(path string) error {
	s, err := Open(Options{Path: path, ReadOnly: true})
	if err != nil {
		return err
	}
	_, err = s.Verify()
	return errors.Join(err, s.Close())
}

// History is what a whole chain proves: the entries from First to Head were written in this order and not changed
// since. Hash is the head's, to be compared with what was written down elsewhere.
type History struct {
	Entries     int
	First, Head uint64
	Hash        string
}

// Verify does what [Check] does on an open store while it is used: the pages at one moment, for which writers wait, and the
// records at the next.
func (s *Store) Verify() (History, error) {
	c := &checker{}
	var h History
	if err := s.alone(func(tx *Tx) error {
		c.tx = tx
		if err := c.whole(s.path); err != nil {
			return err
		}
		c.pages()
		return nil
	}); err != nil {
		return h, fmt.Errorf("checking store %s: %w", s.path, err)
	}
	err := s.View(func(tx *Tx) (err error) {
		c.tx = tx
		c.runs()
		c.runIndexes()
		c.stacks()
		h.Entries = c.events()
		c.outbox()
		c.rest()
		if len(c.faults) > 0 {
			return nil
		}
		if h.Head, h.Hash, err = tx.HistoryHead(); err == nil && h.Entries > 0 {
			h.First = h.Head - uint64(h.Entries) + 1
		}
		return err
	})
	if err == nil && len(c.faults) > 0 {
		err = fmt.Errorf("checking store %s: %w", s.path, errors.Join(c.faults...))
	}
	return h, err
}

// alone calls fn while nobody writes. bbolt's check compares what one transaction reads with the list of free pages, which it
// has only as of now: beside a writer it calls a good store damaged.
func (s *Store) alone(fn func(*Tx) error) error {
	if s.db.IsReadOnly() {
		return s.View(fn)
	}
	tx, err := s.begin(writing)
	if err != nil {
		return err
	}
	defer s.rollback(tx)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // as in View
	return fn(tx)
}

// A checker collects faults instead of stopping at the first.
type checker struct {
	tx       *Tx
	open     map[uint64]string // stack of every run that has not ended
	openRun  map[string]int    // the open run of every stack that has one
	newest   map[string]int    // the newest run that can apply of every stack
	stackRun map[string]bool   // what bucket stack-runs has to hold
	faults   []error
}

func (c *checker) fault(err error) {
	if err != nil && len(c.faults) < maxFaults {
		c.faults = append(c.faults, err)
	}
}

func (c *checker) faultf(bucket string, key []byte, format string, args ...any) {
	c.fault(&DamagedError{Bucket: bucket, Key: keyText(bucket, key), Err: fmt.Errorf(format, args...)})
}

// whole refuses a file that is shorter than its own header says, even where only free pages are missing: reading what is
// missing would kill the process, and bbolt would hand it out again.
func (c *checker) whole(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if want := c.tx.bolt.Size(); info.Size() < want {
		return &DamagedError{Err: fmt.Errorf("the file was cut short: it has %d of %d bytes", info.Size(), want)}
	}
	return nil
}

// pages runs bbolt's own check. Its channel is read to the end, or its goroutine would outlive the file.
func (c *checker) pages() {
	for err := range c.tx.bolt.Check() {
		c.fault(&DamagedError{Err: err})
	}
}

// each visits all records of a bucket, beyond those that are damaged.
func (c *checker) each(bucket string, fn func(key, payload []byte) error) {
	err := func() (err error) {
		defer shield(bucket, "", &err)
		b, err := c.tx.bucket(bucket)
		if err != nil {
			return err
		}
		return b.ForEach(func(key, raw []byte) error {
			payload, err := unseal(raw)
			if err == nil {
				err = fn(key, payload)
			}
			if err != nil && !errors.Is(err, ErrDamaged) {
				err = &DamagedError{Bucket: bucket, Key: keyText(bucket, key), Err: err}
			}
			c.fault(err)
			return nil
		})
	}()
	c.fault(err)
}

// checked decodes all records of a bucket and hands on the good ones.
func checked[T any](c *checker, bucket string, same func(key []byte, v *T) bool, fn func(v *T)) {
	c.each(bucket, func(key, payload []byte) error {
		v, err := decode(bucket, key, payload, same)
		if err == nil {
			fn(v)
		}
		return err
	})
}

// indexedRun is the part of a run that something else depends on. Decoding all of 10,000 runs would take most of the time
// of a check, and the checksum vouches for the rest.
type indexedRun struct {
	ID     int    `json:"id"`
	Stack  string `json:"stack"`
	Kind   Kind   `json:"kind"`
	Status Status `json:"status"`
}

// headOf reads that part. Records are written by encoding/json in the order of the struct's fields, and what an index
// depends on stands first; a quote inside of a string is escaped, so the marks cannot stand in one. What is not found this
// way, or has anything escaped, is decoded.
func headOf(payload []byte) (r indexedRun, ok bool) {
	head, _, ok := bytes.Cut(payload, []byte(`","commit":"`))
	if !ok || bytes.IndexByte(head, '\\') >= 0 {
		return r, false
	}
	var id, stack, kind []byte
	if head, ok = bytes.CutPrefix(head, []byte(`{"id":`)); !ok {
		return r, false
	}
	if id, head, ok = bytes.Cut(head, []byte(`,"stack":"`)); !ok {
		return r, false
	}
	if stack, head, ok = bytes.Cut(head, []byte(`","repository":"`)); !ok {
		return r, false
	}
	if _, head, ok = bytes.Cut(head, []byte(`","kind":"`)); !ok {
		return r, false
	}
	kind, status, ok := bytes.Cut(head, []byte(`","status":"`))
	n, err := strconv.Atoi(string(id))
	if !ok || err != nil {
		return r, false
	}
	for _, value := range [][]byte{stack, kind, status} {
		if bytes.IndexByte(value, '"') >= 0 {
			return r, false // other fields stand between: the run was written by another version
		}
	}
	return indexedRun{ID: n, Stack: string(stack), Kind: Kind(kind), Status: Status(status)}, true
}

// eachRun hands on that part of every run.
func (c *checker) eachRun(fn func(*indexedRun)) {
	same := func(key []byte, r *indexedRun) bool { return bytes.Equal(key, number(r.ID)) }
	c.each(bucketRuns, func(key, payload []byte) error {
		if r, ok := headOf(payload); ok && same(key, &r) {
			fn(&r)
			return nil
		}
		r, err := decode(bucketRuns, key, payload, same)
		if err == nil {
			fn(r)
		}
		return err
	})
}

// runs reads every run and works out what the indexes have to say about them.
func (c *checker) runs() {
	c.open, c.openRun = map[uint64]string{}, map[string]int{}
	c.newest, c.stackRun = map[string]int{}, map[string]bool{}
	c.eachRun(func(r *indexedRun) {
		c.stackRun[string(nameAndNumber(r.Stack, r.ID))] = true
		if !r.Status.known() {
			c.faultf(bucketRuns, number(r.ID), "unknown status %q", r.Status)
		}
		if !r.Status.Terminal() {
			c.open[uint64(r.ID)] = r.Stack
		}
		if r.Kind == KindPullRequest {
			return
		}
		c.newest[r.Stack] = r.ID
		if r.Status.Terminal() {
			return
		}
		if other := c.openRun[r.Stack]; other != 0 {
			c.faultf(bucketRuns, number(r.ID), "stack %s has two open runs, the other is #%d", r.Stack, other)
		}
		c.openRun[r.Stack] = r.ID
	})
}

// runIndexes compares the indexes with the runs, in both directions.
func (c *checker) runIndexes() {
	found := map[uint64]bool{}
	c.each(bucketOpen, func(key, payload []byte) error {
		id, err := numberOf(key)
		if err != nil {
			return err
		}
		found[id] = true
		if stack, ok := c.open[id]; !ok || stack != string(payload) {
			return errors.New("no open run of that stack has this number")
		}
		return nil
	})
	for id, stack := range c.open {
		if !found[id] {
			c.faultf(bucketOpen, number(id), "the open run of stack %s is missing", stack)
		}
	}
	c.index(bucketStackRuns, c.stackRun)
}

// index compares a bucket of empty records with the keys that it has to hold.
func (c *checker) index(bucket string, want map[string]bool) {
	n := 0
	c.each(bucket, func(key, _ []byte) error {
		n++
		if !want[string(key)] {
			return errors.New("it stands for nothing")
		}
		return nil
	})
	if n < len(want) {
		c.fault(&DamagedError{Bucket: bucket, Err: fmt.Errorf("entries are missing: %d of %d", len(want)-n, len(want))})
	}
}

// stacks compares what stacks remember of their runs with the runs.
func (c *checker) stacks() {
	checked(c, bucketStacks, stackKey, func(s *StackState) {
		if s.OpenRun != c.openRun[s.Name] {
			c.faultf(bucketStacks, []byte(s.Name), "it remembers open run %d, the runs say %d", s.OpenRun, c.openRun[s.Name])
		}
		if s.NewestRun != c.newest[s.Name] {
			c.faultf(bucketStacks, []byte(s.Name), "it remembers newest run %d, the runs say %d", s.NewestRun, c.newest[s.Name])
		}
		delete(c.openRun, s.Name)
	})
	for stack, id := range c.openRun {
		c.faultf(bucketStacks, []byte(stack), "the stack of open run #%d is missing", id)
	}
}

// events follows the chain, and if that is whole, compares the index with it. It returns how many entries are good.
func (c *checker) events() int {
	want := map[string]bool{}
	n, err := c.tx.verifyHistory(func(e chained) {
		if e.Run != 0 {
			want[string(runEvent(e.Run, e.Seq))] = true
		}
	})
	if err != nil {
		c.fault(err)
		return n
	}
	c.index(bucketRunEvents, want)
	return n
}

// outbox checks that every message is found by its key.
func (c *checker) outbox() {
	want := map[string]bool{}
	checked(c, bucketOutbox, messageKey, func(m *Message) {
		if m.Key != "" {
			want[string(nameAndNumber(m.Key, m.Seq))] = true
		}
	})
	c.index(bucketOutboxKeys, want)
}

// rest checks the buckets that nothing else depends on.
func (c *checker) rest() {
	checked(c, bucketRepositories, repositoryKey, func(*RepositoryState) {})
	checked(c, bucketThreads, threadKey, func(*Thread) {})
	checked(c, bucketAgent, func([]byte, *AgentState) bool { return true }, func(*AgentState) {})
	checked(c, bucketMeta, func([]byte, *schema) bool { return true }, func(*schema) {})
	c.each(bucketTexts, func(_, payload []byte) error {
		_, err := unpack(payload)
		return err
	})
	c.each(bucketSettings, func(_, payload []byte) error {
		if !json.Valid(payload) {
			return errors.New("it is not JSON")
		}
		return nil
	})
}

// known reports whether a status is in the table, as a way's begin or end.
func (s Status) known() bool {
	if _, ok := transitions[s]; ok {
		return true
	}
	for _, to := range transitions {
		for _, t := range to {
			if t == s {
				return true
			}
		}
	}
	return false
}
