package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"sallyport/store"
)

// readHistory reads all that is kept in parts, each in a transaction of its own, and returns the first break.
func readHistory(t *testing.T, s *store.Store, limit int) (out []store.Event, broken error) {
	t.Helper()
	var mark store.HistoryMark
	for end := false; !end; {
		view(t, s, func(tx *store.Tx) error {
			p, err := tx.ReadHistory(mark, limit, func(e *store.Event) error {
				out = append(out, *e)
				return nil
			})
			if broken == nil {
				broken = p.Broken
			}
			mark, end = p.Next, p.End
			return err
		})
	}
	return out, broken
}

// TestReadHistory: in parts of any size it is what [store.Tx.Events] has, also behind what was trimmed.
func TestReadHistory(t *testing.T) {
	s, _ := open(t)
	if have, broken := readHistory(t, s, 3); len(have) != 0 || broken != nil {
		t.Errorf("of an empty history: %d entries, %v", len(have), broken)
	}
	for range 5 {
		end(t, s, "ghe")
	}
	for _, trimmed := range []int{0, 4} {
		if trimmed > 0 {
			if _, err := s.Trim(context.Background(), store.Retention{History: trimmed}); err != nil {
				t.Fatal(err)
			}
		}
		var want []store.Event
		view(t, s, func(tx *store.Tx) (err error) {
			want, err = tx.Events(store.EventFilter{})
			return err
		})
		for limit := 1; limit <= len(want)+1; limit++ {
			if have, broken := readHistory(t, s, limit); !reflect.DeepEqual(have, want) || broken != nil {
				t.Errorf("%d trimmed, in parts of %d: %d entries of %d, %v", trimmed, limit, len(have), len(want), broken)
			}
		}
	}
}

// TestReadHistoryTrimmedMeanwhile: the parts before were read while they were there, so that nothing is missing.
func TestReadHistoryTrimmedMeanwhile(t *testing.T) {
	s, _ := open(t)
	for range 5 {
		end(t, s, "ghe")
	}
	var p store.HistoryPart
	read := func(limit int) (n int) {
		view(t, s, func(tx *store.Tx) (err error) {
			p, err = tx.ReadHistory(p.Next, limit, func(*store.Event) error { n++; return nil })
			return err
		})
		return n
	}
	read(2)
	if _, err := s.Trim(context.Background(), store.Retention{History: 3}); err != nil {
		t.Fatal(err)
	}
	if n := read(100); n == 0 || !p.End || p.Broken != nil {
		t.Errorf("%d entries after the trimming, end %t, %v", n, p.End, p.Broken)
	}
}

// TestReadHistoryBreaks: what [store.Tx.VerifyHistory] finds is found in parts of any size, and what comes after a break is read.
func TestReadHistoryBreaks(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *bbolt.Bucket) error
		read   int // entries that can be read, of six
	}{
		"one is missing":       {func(b *bbolt.Bucket) error { return b.Delete(id(3)) }, 5},
		"the first is missing": {func(b *bbolt.Bucket) error { return b.Delete(id(1)) }, 5},
		"the last is missing":  {func(b *bbolt.Bucket) error { return b.Delete(id(6)) }, 5},
		"one is altered": {func(b *bbolt.Bucket) error {
			return b.Put(id(3), sealed(strings.Replace(string(b.Get(id(3))[5:]), "ghe", "gha", 1)))
		}, 6},
		"one cannot be read":      {func(b *bbolt.Bucket) error { return b.Put(id(3), []byte("?")) }, 2},
		"one belongs elsewhere":   {func(b *bbolt.Bucket) error { return b.Put(id(3), b.Get(id(4))) }, 2},
		"all of it was exchanged": {func(b *bbolt.Bucket) error { return b.SetSequence(9) }, 6},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			s, err := store.Open(store.Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				end(t, s, "ghe")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			edit(t, path, func(tx *bbolt.Tx) error { return c.change(tx.Bucket([]byte("events"))) })
			if s, err = store.Open(store.Options{Path: path, ReadOnly: true}); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var want error
			view(t, s, func(tx *store.Tx) error {
				_, want = tx.VerifyHistory()
				return nil
			})
			for _, limit := range []int{1, 2, 100} {
				have, broken := readHistory(t, s, limit)
				if !errors.Is(broken, store.ErrDamaged) || !strings.HasSuffix(fmt.Sprint(want), fmt.Sprint(broken)) || len(have) != c.read {
					t.Errorf("in parts of %d: %d entries, %v; the check says %v", limit, len(have), broken, want)
				}
			}
		})
	}
}
