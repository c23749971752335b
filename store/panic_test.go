package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sallyport/store"
)

// A panic of bbolt's in the middle of a commit is another matter: from then on this process neither reads nor writes,
// even if the file should be whole again.
func TestPanicInACommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(store.Options{Path: path}) // not openAt: its lock goes with the process now
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *store.Tx) error { return tx.PutSetting("word", "before") })
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(func(tx *store.Tx) error {
		if err := tx.PutSetting("word", "half"); err != nil {
			return err
		}
		broken := slices.Clone(before)
		clear(broken[2*os.Getpagesize():])
		return overwrite(path, broken)
	})
	if !errors.Is(err, store.ErrDamaged) || !errors.Is(s.Broken(), store.ErrDamaged) {
		t.Fatalf("the commit ends with %v; broken: %v", err, s.Broken())
	}
	if err := overwrite(path, before); err != nil {
		t.Fatal(err)
	}
	for name, use := range map[string]func(func(*store.Tx) error) error{"read": s.View, "written": s.Update} {
		if err := use(func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("it can be %s after that: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// overwrite changes a file in place, as a failing disk does.
func overwrite(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	return errors.Join(err, f.Close())
}

// A panic inside a transaction is the caller's, and takes back everything that the transaction wrote: the store goes on, with
// its writer's lock free and its records as they were.
func TestPanicInATransaction(t *testing.T) {
	s, _ := open(t)
	put := func(text string, and func()) {
		defer func() { _ = recover() }()
		err := s.Update(func(tx *store.Tx) error {
			if err := tx.PutSetting("word", text); err != nil {
				return err
			}
			and()
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	panicked := func(f func()) (value any) {
		defer func() { value = recover() }()
		f()
		return nil
	}
	put("before", func() {})
	for range 2 {
		value := panicked(func() {
			_ = s.Update(func(tx *store.Tx) error {
				if err := tx.PutSetting("word", "half"); err != nil {
					t.Error(err)
				}
				panic("in the middle")
			})
		})
		if value != "in the middle" {
			t.Fatalf("the panic is %v: its caller does not learn of it", value)
		}
		if value := panicked(func() { _ = s.View(func(*store.Tx) error { panic("while reading") }) }); value != "while reading" {
			t.Fatalf("the panic is %v: its caller does not learn of it", value)
		}
	}
	if err := s.Broken(); err != nil {
		t.Errorf("the store counts as broken: %v", err)
	}
	word := ""
	if err := s.View(func(tx *store.Tx) error { _, err := tx.Setting("word", &word); return err }); err != nil || word != "before" {
		t.Errorf("the store says %q, %v", word, err)
	}
	put("after", func() {})
	if err := s.View(func(tx *store.Tx) error { _, err := tx.Setting("word", &word); return err }); err != nil || word != "after" {
		t.Errorf("after that the store says %q, %v", word, err)
	}
}
