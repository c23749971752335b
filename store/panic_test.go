package store_test

import (
	"testing"

	"sallyport/store"
)

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
