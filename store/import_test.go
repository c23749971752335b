package store_test

import (
	"errors"
	"testing"
	"time"

	"sallyport/store"
)

func TestImportRun(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	imported := func(id int, status store.Status) *store.Run {
		return &store.Run{ID: id, Stack: "ghe", Repository: "infra", Kind: store.KindCommit, Status: status, Commit: "c", CreatedAt: at}
	}
	cases := []struct {
		name string
		run  *store.Run
		want error // nil: any error is wrong; errAny: any will do
	}{
		{"an ended run of a higher number", imported(7, store.Applied), nil},
		{"an open run", imported(7, store.Applying), nil},
		{"a number that is taken", imported(1, store.Applied), errAny},
		{"no number", imported(0, store.Applied), errAny},
		{"a status that nobody knows", imported(7, "won"), errAny},
		{"no stack", &store.Run{ID: 7, Kind: store.KindCommit, Status: store.Applied, CreatedAt: at}, errAny},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, _ := open(t)
			create(t, s, "jira", store.KindManual)
			err := s.Update(func(tx *store.Tx) error { return tx.ImportRun(c.run, "", "found beside its plan") })
			if c.want != nil {
				if err == nil {
					t.Error("it was taken")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			view(t, s, func(tx *store.Tx) error {
				st, err := tx.Stack("ghe")
				if err != nil {
					return err
				}
				if open := !c.run.Status.Terminal(); (st.OpenRun == 7) != open || st.NewestRun != 7 || st.LastCommitRun != 7 {
					t.Errorf("the stack's state: %+v", st)
				}
				events, err := tx.Events(store.EventFilter{Run: 7})
				if err == nil && (len(events) != 1 || events[0].Type != "import") {
					t.Errorf("its history: %+v", events)
				}
				return err
			})
			if c.run.Status.Terminal() {
				if next := create(t, s, "ghe", store.KindManual); next.ID != 8 {
					t.Errorf("the next run is #%d, want #8", next.ID)
				}
			}
			path := s.Path()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := store.Check(path); err != nil {
				t.Error(err)
			}
		})
	}
}

var errAny = errors.New("any error")

func TestHistoryHead(t *testing.T) {
	s, _ := open(t)
	var before string
	view(t, s, func(tx *store.Tx) error {
		seq, hash, err := tx.HistoryHead()
		if seq != 0 || hash != "" {
			t.Errorf("the head of no history is %d %q", seq, hash)
		}
		return err
	})
	create(t, s, "ghe", store.KindManual)
	view(t, s, func(tx *store.Tx) (err error) {
		_, before, err = tx.HistoryHead()
		return err
	})
	create(t, s, "jira", store.KindManual)
	view(t, s, func(tx *store.Tx) error {
		seq, hash, err := tx.HistoryHead()
		if err != nil {
			return err
		}
		if at, err := tx.HistoryAt(1); err != nil || at != before {
			t.Errorf("entry 1 has %q (%v), it had %q", at, err, before)
		}
		if at, err := tx.HistoryAt(seq); seq != 2 || at != hash || hash == before {
			t.Errorf("the head is %d %q, entry %d has %q (%v)", seq, hash, seq, at, err)
		}
		if _, err := tx.HistoryAt(3); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an entry that is not there: %v", err)
		}
		return nil
	})
}
