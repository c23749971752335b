package store_test

import (
	"slices"
	"testing"

	"sallyport/store"
)

// What is kept under a key comes back as what it was, and lies where its name says: other versions look for it there.
func TestKey(t *testing.T) {
	t.Parallel()
	const key store.Key[[]string] = "slack/words"
	s, _ := open(t)
	want := func(what string, value []string, found bool) {
		t.Helper()
		if err := s.View(func(tx *store.Tx) error {
			got, known, err := key.Get(tx)
			if !slices.Equal(got, value) || known != found {
				t.Errorf("%s: %q, %t", what, got, known)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	want("before", nil, false)
	update(t, s, func(tx *store.Tx) error { return key.Put(tx, []string{"a", "b"}) })
	want("kept", []string{"a", "b"}, true)
	if err := s.View(func(tx *store.Tx) error {
		var plain []string
		if found, err := tx.Setting("slack/words", &plain); err != nil || !found || len(plain) != 2 {
			t.Errorf("by its name: %q, %t, %v", plain, found, err)
		}
		var other int
		if _, err := tx.Setting("slack/words", &other); err == nil {
			t.Error("words were read as a number")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *store.Tx) error { return key.Forget(tx) })
	want("forgotten", nil, false)
}
