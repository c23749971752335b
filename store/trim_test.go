package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sallyport/agent/need"
	"sallyport/store"
)

// end makes a run and ends it.
func end(t testing.TB, s *store.Store, stack string) int {
	t.Helper()
	r := create(t, s, stack, store.KindManual)
	update(t, s, func(tx *store.Tx) error {
		if err := tx.PutPlanText(r.ID, strings.Repeat("some text ", 100)); err != nil {
			return err
		}
		_, err := tx.Transition(r.ID, store.Move{From: store.Pending, To: store.Canceled}, nil)
		return err
	})
	return r.ID
}

// kept lists the numbers of the runs that are there, oldest first.
func kept(t testing.TB, s *store.Store) []int {
	t.Helper()
	var ids []int
	view(t, s, func(tx *store.Tx) error {
		runs, err := tx.Runs(store.RunFilter{})
		for _, r := range runs {
			ids = append(ids, r.ID)
		}
		return err
	})
	slices.Sort(ids)
	return ids
}

func TestTrimRuns(t *testing.T) {
	day := 24 * time.Hour
	cases := []struct {
		name  string
		trim  func(now time.Time) store.Retention
		setup func(tx *store.Tx) error
		want  []int // of runs 1 to 6 of stack ghe, ended a day apart, run 7 of jira, ended last, and open run 8 of ghe
	}{
		{name: "no bounds", trim: func(time.Time) store.Retention { return store.Retention{} }, want: []int{1, 2, 3, 4, 5, 6, 7, 8}},
		{name: "by age", trim: func(now time.Time) store.Retention { return store.Retention{RunsBefore: now.Add(-3*day - time.Hour)} }, want: []int{4, 5, 6, 7, 8}},
		{name: "by number", trim: func(time.Time) store.Retention { return store.Retention{Runs: 3} }, want: []int{6, 7, 8}},
		{name: "each stack keeps its newest", trim: func(now time.Time) store.Retention {
			return store.Retention{RunsBefore: now.Add(day), PerStack: 3}
		}, want: []int{5, 6, 7, 8}},
		{name: "what is applied stays", trim: func(now time.Time) store.Retention { return store.Retention{RunsBefore: now.Add(day)} },
			setup: func(tx *store.Tx) error {
				st, err := tx.Stack("ghe")
				if err != nil {
					return err
				}
				st.AppliedRun, st.LastCommitRun = 2, 4
				return tx.PutStack(st)
			}, want: []int{2, 4, 7, 8}},
		{name: "what a stack waits for stays", trim: func(now time.Time) store.Retention { return store.Retention{RunsBefore: now.Add(day)} },
			setup: func(tx *store.Tx) error {
				st, err := tx.Stack("ghe")
				if err != nil {
					return err
				}
				st.LastApply, st.Unfinished = 1, 2
				st.LeftLock, st.Unseen = &store.LeftLock{Run: 3}, []store.Unseen{{Run: 5}}
				return tx.PutStack(st)
			}, want: []int{1, 2, 3, 5, 7, 8}},
		{name: "what is still to be told stays", trim: func(now time.Time) store.Retention { return store.Retention{RunsBefore: now.Add(day)} },
			setup: func(tx *store.Tx) error {
				return tx.Enqueue(store.Message{Kind: store.MessageReply, Run: 3, Key: "k"})
			}, want: []int{3, 7, 8}},
		{name: "what an open run takes over from stays", trim: func(now time.Time) store.Retention { return store.Retention{RunsBefore: now.Add(day)} },
			setup: func(tx *store.Tx) error {
				for run, after := range map[int]int{8: 5, 5: 1} {
					if _, err := tx.ChangeRun(run, func(r *store.Run) error { r.After = after; return nil }); err != nil {
						return err
					}
				}
				return nil
			}, want: []int{1, 5, 7, 8}},
		{name: "whose files cannot go stays", trim: func(now time.Time) store.Retention {
			return store.Retention{RunsBefore: now.Add(day), Forget: func(r *store.Run) (bool, error) {
				if r.ID == 2 {
					return false, errors.New("no permission")
				}
				return r.ID != 4, nil
			}}
		}, want: []int{2, 4, 7, 8}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, clock := open(t)
			for range 6 {
				end(t, s, "ghe")
				clock.advance(day)
			}
			end(t, s, "jira")
			create(t, s, "ghe", store.KindManual)
			if c.setup != nil {
				update(t, s, c.setup)
			}
			done, err := s.Trim(context.Background(), c.trim(clock.now()))
			if (err != nil) != strings.Contains(c.name, "cannot") {
				t.Error(err)
			}
			if have := kept(t, s); !slices.Equal(have, c.want) || done.Runs != 8-len(c.want) {
				t.Errorf("kept %v, want %v; said %d", have, c.want, done.Runs)
			}
			path := s.Path()
			view(t, s, func(tx *store.Tx) error {
				if _, err := tx.PlanText(1); (err == nil) != slices.Contains(c.want, 1) {
					t.Errorf("the text of run #1: %v", err)
				}
				return nil
			})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := store.Check(path); err != nil {
				t.Error(err)
			}
		})
	}
}

// What comes to need a run while its files are removed keeps its record.
func TestTrimLooksAgain(t *testing.T) {
	s, clock := open(t)
	for range 4 {
		end(t, s, "ghe")
	}
	clock.advance(time.Hour)
	forget := func(r *store.Run) (bool, error) {
		if r.ID != 2 {
			return true, nil
		}
		return true, s.Update(func(tx *store.Tx) error {
			return tx.Enqueue(store.Message{Kind: store.MessageReply, Run: 2, Key: "late"})
		})
	}
	done, err := s.Trim(context.Background(), store.Retention{RunsBefore: clock.now(), Forget: forget})
	if err != nil || done.Runs != 2 {
		t.Errorf("%+v, %v", done, err)
	}
	if have := kept(t, s); !slices.Equal(have, []int{2, 4}) {
		t.Errorf("kept %v", have)
	}
}

// A run that was taken in from elsewhere and does not say when it ended is as old as its creation.
func TestTrimWithoutAnEnd(t *testing.T) {
	s, clock := open(t)
	update(t, s, func(tx *store.Tx) error {
		return tx.ImportRun(&store.Run{ID: 3, Stack: "ghe", Kind: store.KindManual, Status: store.Applied, CreatedAt: clock.now()}, "", "")
	})
	end(t, s, "ghe")
	if _, err := s.Trim(context.Background(), store.Retention{RunsBefore: clock.now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if have := kept(t, s); !slices.Equal(have, []int{3, 4}) {
		t.Errorf("kept %v", have)
	}
}

func TestTrimHistory(t *testing.T) {
	s, clock := open(t)
	for range 150 {
		end(t, s, "ghe")
		clock.advance(time.Hour)
	}
	var head uint64
	var hash string
	view(t, s, func(tx *store.Tx) (err error) {
		head, hash, err = tx.HistoryHead()
		return err
	})
	done, err := s.Trim(context.Background(), store.Retention{HistoryBefore: clock.now().Add(-120*time.Hour - time.Minute)})
	if err != nil || done.Events != 60 {
		t.Errorf("by age: %+v, %v", done, err)
	}
	done, err = s.Trim(context.Background(), store.Retention{History: 10})
	if err != nil || done.Events != 230 {
		t.Errorf("by number: %+v, %v", done, err)
	}
	done, err = s.Trim(context.Background(), store.Retention{HistoryBefore: clock.now().Add(time.Hour)})
	if err != nil || done.Events != 9 {
		t.Errorf("all but the last: %+v, %v", done, err)
	}
	view(t, s, func(tx *store.Tx) error {
		if n, err := tx.VerifyHistory(); n != 1 || err != nil {
			t.Errorf("%d entries are good: %v", n, err)
		}
		if seq, now, err := tx.HistoryHead(); seq != head || now != hash || err != nil {
			t.Errorf("the head moved: %d %s, %v", seq, now, err)
		}
		return nil
	})
	end(t, s, "ghe")
	path := s.Path()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Check(path); err != nil {
		t.Error(err)
	}
	// What is left still proves itself: whatever is taken away or altered is noticed, at the anchor too.
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(tx *bbolt.Tx) error{
		"the first entry is missing": func(tx *bbolt.Tx) error {
			key, _ := tx.Bucket([]byte("events")).Cursor().First()
			return tx.Bucket([]byte("events")).Delete(key)
		},
		"one in the middle is missing": func(tx *bbolt.Tx) error {
			c := tx.Bucket([]byte("events")).Cursor()
			c.First()
			key, _ := c.Next()
			return tx.Bucket([]byte("events")).Delete(key)
		},
		"one is altered, with a checksum that fits": func(tx *bbolt.Tx) error {
			c := tx.Bucket([]byte("events")).Cursor()
			key, raw := c.First()
			altered := strings.Replace(string(raw[5:]), "ghe", "gha", 1)
			return tx.Bucket([]byte("events")).Put(key, sealed(altered))
		},
		"the last entry is missing": func(tx *bbolt.Tx) error {
			key, _ := tx.Bucket([]byte("events")).Cursor().Last()
			return tx.Bucket([]byte("events")).Delete(key)
		},
		"the anchor is missing": func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("history")) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cut.db")
			write(t, path, whole)
			edit(t, path, change)
			err := store.Check(path)
			if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "the history breaks") {
				t.Errorf("the check says %v", err)
			}
		})
	}
}

// The file's size reaches a plateau: room is used again.
func TestTrimmedRoomIsUsedAgain(t *testing.T) {
	need.Long(t, "it writes and trims thousands of runs, one after the other")
	s, clock := open(t)
	size := func() int64 {
		info, err := os.Stat(s.Path())
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	cycle := func() {
		for n := range 60 {
			end(t, s, fmt.Sprintf("stack-%d", n%3))
			clock.advance(time.Minute)
		}
		if _, err := s.Trim(context.Background(), store.Retention{Runs: 30, History: 60}); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		cycle()
	}
	plateau := size()
	for range 12 {
		cycle()
	}
	if size() > plateau {
		t.Errorf("it grew from %d to %d bytes", plateau, size())
	}
	if ids := kept(t, s); len(ids) != 30 {
		t.Errorf("%d runs are kept", len(ids))
	}
}

func TestTrimStopsWithItsContext(t *testing.T) {
	s, _ := open(t)
	for range 3 {
		end(t, s, "ghe")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if done, err := s.Trim(ctx, store.Retention{Runs: 1}); err != nil || done.Runs != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}
