package change_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"sallyport/store/change"
)

func open(t *testing.T) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

var life = strings.Repeat("ab", 16)

func names(list ...string) map[string]struct{} {
	m := map[string]struct{}{}
	for _, name := range list {
		m[name] = struct{}{}
	}
	return m
}

// The same changes have the same bytes, in whatever order they were made, and another leader's have others.
func TestEntriesAreDeterministic(t *testing.T) {
	t.Parallel()
	encoded := func(term int64, keys ...string) []byte {
		db := open(t)
		e := &change.Entry{Life: life, Number: 7, Term: term}
		if err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte("b"))
			if err != nil {
				return err
			}
			for _, key := range keys {
				if err := b.Put([]byte(key), []byte("value of "+key)); err != nil {
					return err
				}
			}
			if err := b.SetSequence(9); err != nil {
				return err
			}
			return e.Collect(tx, names("b", "b\x00x", "b\x00y", "b\x00gone", "b\x00"))
		}); err != nil {
			t.Fatal(err)
		}
		raw, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	first := encoded(1, "x", "y")
	if !bytes.Equal(first, encoded(1, "y", "x")) {
		t.Error("the same changes have other bytes")
	}
	if bytes.Equal(first, encoded(2, "x", "y")) {
		t.Error("two leaders' entries are the same")
	}
	e, err := change.Decode(first)
	if err != nil {
		t.Fatal(err)
	}
	other := open(t)
	if err := other.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("b"))
		if err != nil {
			return err
		}
		if err := b.Put([]byte("gone"), []byte("still there")); err != nil {
			return err
		}
		if err := e.Repeat(tx); err != nil {
			return err
		}
		if b.Get([]byte("gone")) != nil || string(b.Get([]byte("y"))) != "value of y" || b.Sequence() != 9 {
			t.Errorf("the changes were not repeated: %q, %q, %d", b.Get([]byte("gone")), b.Get([]byte("y")), b.Sequence())
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// FuzzDecode: bytes of anybody's make an error, or an entry that has the same bytes again.
func FuzzDecode(f *testing.F) {
	e := &change.Entry{Life: life, Number: 1, Term: 1}
	raw, err := e.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := change.Decode(raw)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil || !bytes.Equal(raw, again) {
			t.Errorf("%x became %x, %v", raw, again, err)
		}
	})
}

func TestEntriesNeedALife(t *testing.T) {
	t.Parallel()
	for _, e := range []change.Entry{{}, {Life: "x"}, {Life: life[2:]}, {Life: life, Prev: "ab"}} {
		if _, err := e.Encode(); err == nil {
			t.Errorf("%+v was encoded", e)
		}
	}
}
