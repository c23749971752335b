package store_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"sallyport/store"
)

// sealed is a record as the package comment describes it.
func sealed(payload string) []byte {
	raw := []byte{1}
	raw = binary.BigEndian.AppendUint32(raw, crc32.Checksum([]byte(payload), crc32.MakeTable(crc32.Castagnoli)))
	return append(raw, payload...)
}

func id(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// filled makes a closed store that has something in every bucket.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := store.Open(store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	create(t, s, "ghe", store.KindCommit)
	create(t, s, "net", store.KindCommit)
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tx.PutRepository(&store.RepositoryState{Name: "infra", Head: "c0ffee"}),
			tx.PutAgent(&store.AgentState{ID: "a"}),
			tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "hello", Text: "hello"}),
			tx.PutThread(&store.Thread{Run: 1, Channel: "C1"}),
			tx.PutPlanText(1, "nothing to do"),
			tx.PutSetting("cursor", 12),
			tx.AddEvent(store.Event{Type: "pause", Text: "by hand"}),
		)
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Check(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// flip changes one bit in the last byte of a stored value.
func flip(tx *bbolt.Tx, bucket string, key []byte) error {
	b := tx.Bucket([]byte(bucket))
	raw := append([]byte(nil), b.Get(key)...)
	if len(raw) == 0 {
		return errors.New("nothing there to damage")
	}
	raw[len(raw)-1] ^= 1
	return b.Put(key, raw)
}

// TestDamagedRecord: one flipped bit in each bucket is found by the method that reads it, and by Check.
func TestDamagedRecord(t *testing.T) {
	tests := []struct {
		bucket string
		key    []byte
		name   string // of the key, in the error
		read   func(*store.Tx) error
	}{
		{"runs", id(1), "1", func(tx *store.Tx) error { _, err := tx.Run(1); return err }},
		{"runs", id(2), "2", func(tx *store.Tx) error { _, err := tx.Runs(store.RunFilter{}); return err }},
		{"runs", id(2), "2", func(tx *store.Tx) error { _, err := tx.OpenRuns(); return err }},
		{"open", id(1), "1", func(tx *store.Tx) error { _, err := tx.OpenRuns(); return err }},
		{"stack-runs", append([]byte("ghe\x00"), id(1)...), `"ghe" 1`, func(tx *store.Tx) error {
			_, err := tx.Runs(store.RunFilter{Stack: "ghe"})
			return err
		}},
		{"stacks", []byte("ghe"), `"ghe"`, func(tx *store.Tx) error { _, err := tx.Stack("ghe"); return err }},
		{"stacks", []byte("net"), `"net"`, func(tx *store.Tx) error { _, err := tx.Stacks(); return err }},
		{"repositories", []byte("infra"), `"infra"`, func(tx *store.Tx) error { _, err := tx.Repository("infra"); return err }},
		{"agent", []byte("agent"), `"agent"`, func(tx *store.Tx) error { _, err := tx.Agent(); return err }},
		{"events", id(2), "2", func(tx *store.Tx) error { _, err := tx.Events(store.EventFilter{}); return err }},
		{"events", id(2), "2", func(tx *store.Tx) error { _, err := tx.VerifyHistory(); return err }},
		{"run-events", append(id(1), id(1)...), "1 1", func(tx *store.Tx) error {
			_, err := tx.Events(store.EventFilter{Run: 1})
			return err
		}},
		{"outbox", id(1), "1", func(tx *store.Tx) error { _, err := tx.Outbox(); return err }},
		{"outbox-keys", append([]byte("hello\x00"), id(1)...), `"hello" 1`, func(tx *store.Tx) error { return tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "hello"}) }},
		{"threads", id(1), "1", func(tx *store.Tx) error { _, err := tx.Thread(1); return err }},
		{"texts", id(1), "1", func(tx *store.Tx) error { _, err := tx.PlanText(1); return err }},
		{"settings", []byte("cursor"), `"cursor"`, func(tx *store.Tx) error { var n int; _, err := tx.Setting("cursor", &n); return err }},
	}
	for _, tt := range tests {
		t.Run(tt.bucket+" "+tt.name, func(t *testing.T) {
			path := filled(t)
			edit(t, path, func(tx *bbolt.Tx) error { return flip(tx, tt.bucket, tt.key) })
			s, err := store.Open(store.Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			err = s.View(tt.read)
			var damaged *store.DamagedError
			if !errors.Is(err, store.ErrDamaged) || !errors.As(err, &damaged) {
				t.Fatalf("reading says %v", err)
			}
			if damaged.Bucket != tt.bucket || damaged.Key != tt.name {
				t.Errorf("error names %s %s, want %s %s", damaged.Bucket, damaged.Key, tt.bucket, tt.name)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := store.Check(path); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "bucket "+tt.bucket) {
				t.Errorf("check says %v", err)
			}
		})
	}
}

// TestCutShort: a file that lost nothing but free pages is damaged too. All records are there, and yet bbolt would read beyond
// the end of it once it used those pages again.
func TestCutShort(t *testing.T) {
	path := filled(t)
	whole, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("settings")).Put([]byte("big"), make([]byte, 1<<20)) })
	edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("settings")).Delete([]byte("big")) })
	if err := store.Check(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, whole.Size()+1<<19); err != nil {
		t.Fatal(err)
	}
	if err := store.Check(path); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("check says %v", err)
	}
}

// TestVerifyBesideWriter: a store that is written all the while is whole at each look.
func TestVerifyBesideWriter(t *testing.T) {
	s, _ := open(t)
	written := make(chan error, 1)
	go func() {
		var err error
		for n := 0; err == nil && n < 100; n++ {
			err = s.Update(func(tx *store.Tx) error {
				return errors.Join(tx.PutSetting("n", n), tx.PutPlanText(n%7, strings.Repeat("plan ", n*40)))
			})
		}
		written <- err
	}()
	for {
		select {
		case err := <-written:
			if err != nil {
				t.Error(err)
			}
			return
		default:
			if _, err := s.Verify(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTampered: records whose checksums are right and that still cannot be.
func TestTampered(t *testing.T) {
	put := func(bucket string, key []byte, payload string) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucket)).Put(key, sealed(payload)) }
	}
	drop := func(bucket string, key []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucket)).Delete(key) }
	}
	tests := []struct {
		name string
		edit func(*bbolt.Tx) error
		text string
	}{
		{"a run under another number", put("runs", id(2), `{"id":1,"stack":"net","status":"pending"}`), "bucket runs, key 2: the record belongs to another key"},
		{"a whole run under another number", put("runs", id(2), `{"id":1,"stack":"net","repository":"","kind":"commit","status":"pending","commit":"","created_at":"2026-01-01T00:00:00Z"}`), "bucket runs, key 2: the record belongs to another key"},
		{"an unknown status", put("runs", id(1), `{"id":1,"stack":"ghe","status":"dancing"}`), `bucket runs, key 1: unknown status "dancing"`},
		{"two open runs of a stack", put("runs", id(2), `{"id":2,"stack":"ghe","status":"pending"}`), "two open runs"},
		{"a run is gone", drop("runs", id(1)), "bucket open, key 1: no open run"},
		{"an ended run in the index", put("runs", id(1), `{"id":1,"stack":"ghe","status":"applied"}`), "bucket open, key 1"},
		{"missing in the index of open runs", drop("open", id(2)), "bucket open, key 2: the open run of stack net is missing"},
		{"missing in the index by stack", drop("stack-runs", append([]byte("net\x00"), id(2)...)), "bucket stack-runs: entries are missing: 1 of 2"},
		{"a stack that forgot its run", put("stacks", []byte("net"), `{"name":"net"}`), `bucket stacks, key "net"`},
		{"a stack is gone", drop("stacks", []byte("net")), "the stack of open run #2 is missing"},
		{"a message key that leads nowhere", put("outbox-keys", append([]byte("hello\x00"), id(9)...), ""), `bucket outbox-keys, key "hello" 9: it stands for nothing`},
		{"a message key is gone", drop("outbox-keys", append([]byte("hello\x00"), id(1)...)), "bucket outbox-keys: entries are missing: 1 of 1"},
		{"an event in words of its own", put("events", id(2), `{"seq":2,"type":"transition","stack":"nett","run":2}`), "bucket events, key 2: the history breaks"},
		{"an event is gone", drop("events", id(2)), "bucket events, key 3: the history breaks: entry 2 is missing"},
		{"the newest event is gone", drop("events", id(3)), "it ends at entry 2"},
		{"a bucket is gone", func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("texts")) }, "bucket texts: the bucket is missing"},
		{"a record of the future", func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("agent")).Put([]byte("agent"), append([]byte{2}, sealed("{}")[1:]...))
		}, "unknown record version 2"},
		{"a record that is too short", func(tx *bbolt.Tx) error { return tx.Bucket([]byte("agent")).Put([]byte("agent"), []byte{1}) }, "too few"},
		{"a setting that is no JSON", put("settings", []byte("cursor"), "{"), "not JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filled(t)
			edit(t, path, tt.edit)
			err := store.Check(path)
			if !errors.Is(err, store.ErrDamaged) {
				t.Fatalf("check says %v", err)
			}
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("check says %q, not %q", err, tt.text)
			}
		})
	}
}

// TestHistoryEdited: an edit of a stored event breaks the chain at the event after it, checksum or not.
func TestHistoryEdited(t *testing.T) {
	path := filled(t)
	edit(t, path, func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("events"))
		payload := strings.Replace(string(b.Get(id(1))[5:]), `"to":"pending"`, `"to":"applied"`, 1)
		return b.Put(id(1), sealed(payload))
	})
	s, err := store.Open(store.Options{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	view(t, s, func(tx *store.Tx) error {
		n, err := tx.VerifyHistory()
		var damaged *store.DamagedError
		if !errors.As(err, &damaged) || damaged.Key != "2" || n != 1 {
			t.Errorf("%d entries are good, error is %v; want 1, and a break at 2", n, err)
		}
		return nil
	})
}

// TestMissingBucketIsMade: a newer version may add buckets.
func TestMissingBucketIsMade(t *testing.T) {
	path := filled(t)
	edit(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("texts")) })
	s := openAt(t, store.Options{Path: path})
	update(t, s, func(tx *store.Tx) error { return tx.PutPlanText(1, "text") })
}

// TestBrokenPages zeroes pages that bbolt panics over: an error, and the lock is free afterwards.
func TestBrokenPages(t *testing.T) {
	path := filled(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	damaged := 0
	for n := range 40 {
		if (n+1)*page > len(good) {
			break
		}
		broken := append([]byte(nil), good...)
		clear(broken[n*page : (n+1)*page])
		at := filepath.Join(t.TempDir(), "state.db")
		write(t, at, broken)
		for range 2 { // the second finds the lock free
			err := store.Check(at)
			if err != nil && !errors.Is(err, store.ErrDamaged) {
				t.Fatalf("page %d: %v", n, err)
			}
			if err != nil {
				damaged++
			}
		}
		useBroken(t, at, n)
	}
	if damaged == 0 {
		t.Error("no zeroed page did any harm: the test tests nothing")
	}
}

// useBroken opens and uses a store with a broken page for writing: whatever happens is an error, no panic and no hang.
func useBroken(t *testing.T, path string, page int) {
	t.Helper()
	s, err := store.Open(store.Options{Path: path})
	if err != nil {
		if !errors.Is(err, store.ErrDamaged) {
			t.Errorf("page %d: opening: %v", page, err)
		}
		return
	}
	for range 3 {
		err := s.Update(func(tx *store.Tx) error {
			if _, err := tx.OpenRuns(); err != nil {
				return err
			}
			return tx.CreateRun(&store.Run{Stack: "new", Kind: store.KindPullRequest})
		})
		if err != nil && !errors.Is(err, store.ErrDamaged) {
			t.Errorf("page %d: writing: %v", page, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("page %d: closing: %v", page, err)
	}
}
