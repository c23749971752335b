package store_test

import (
	"testing"

	"sallyport/store"
)

// TestTable: what has ended stays so, and everything else can end.
func TestTable(t *testing.T) {
	table := store.Transitions()
	for _, s := range statuses() {
		for _, to := range statuses() {
			if store.Allowed(s, to) && s.Terminal() {
				t.Errorf("%s has ended and can become %s", s, to)
			}
		}
		if !s.Terminal() && !canEnd(table, s, map[store.Status]bool{}) {
			t.Errorf("%s cannot end", s)
		}
		if !s.Terminal() && s != store.Applying && !store.Allowed(s, store.Canceled) {
			t.Errorf("%s cannot be canceled", s)
		}
		if store.Allowed(s, s) {
			t.Errorf("%s leads to itself", s)
		}
		if s != store.Approved && store.Allowed(s, store.Applying) {
			t.Errorf("%s leads to applying without an approval", s)
		}
	}
	for _, ended := range []store.Status{
		store.Applied, store.Errored, store.Interrupted, store.Stale, store.Discarded, store.Superseded, store.Expired,
		store.NoChanges, store.Previewed, store.Canceled,
	} {
		if !ended.Terminal() {
			t.Errorf("%s has not ended", ended)
		}
	}
	table[store.Pending] = nil
	if len(store.Transitions()[store.Pending]) == 0 {
		t.Error("the table was handed out, not a copy")
	}
}

func statuses() []store.Status {
	return []store.Status{
		store.Pending, store.Planning, store.Planned, store.Approved, store.Applying, store.Applied, store.Errored,
		store.Interrupted, store.Stale, store.Discarded, store.Superseded, store.Expired, store.NoChanges, store.Previewed,
		store.Canceled,
	}
}

func canEnd(table map[store.Status][]store.Status, s store.Status, seen map[store.Status]bool) bool {
	if s.Terminal() {
		return true
	}
	seen[s] = true
	for _, to := range table[s] {
		if !seen[to] && canEnd(table, to, seen) {
			return true
		}
	}
	return false
}
