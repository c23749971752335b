package store_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
)

func TestStates(t *testing.T) {
	s, c := open(t)
	pause := &store.Pause{By: "cli:jane", At: c.now(), Reason: "lunch"}
	stack := &store.StackState{Name: "ghe", Dir: "ghe", AppliedCommit: "c0ffee", AppliedAt: c.now(), Paused: pause}
	repository := &store.RepositoryState{Name: "infra", URL: "ssh://git@ghe/ops", Branch: "master", Head: "c0ffee", PolledAt: c.now()}
	agent := &store.AgentState{ID: "a1", StartedAt: c.now(), Paused: pause}
	thread := &store.Thread{Run: 3, Channel: "C1", TS: "1.2", ReplyCount: 1, Handled: []string{"1.3"}}
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutStack(stack), tx.PutStack(&store.StackState{Name: "a"}), tx.PutRepository(repository),
			tx.PutAgent(agent), tx.PutThread(thread), tx.PutThread(&store.Thread{Run: 2}))
	})
	view(t, s, func(tx *store.Tx) error {
		gotStack, err1 := tx.Stack("ghe")
		stacks, err2 := tx.Stacks()
		gotRepository, err3 := tx.Repository("infra")
		repositories, err4 := tx.Repositories()
		gotAgent, err5 := tx.Agent()
		gotThread, err6 := tx.Thread(3)
		threads, err7 := tx.Threads()
		for _, d := range []string{
			cmp.Diff(stack, gotStack), cmp.Diff([]*store.StackState{{Name: "a"}, stack}, stacks),
			cmp.Diff(repository, gotRepository), cmp.Diff([]*store.RepositoryState{repository}, repositories),
			cmp.Diff(agent, gotAgent), cmp.Diff(thread, gotThread), cmp.Diff([]*store.Thread{{Run: 2}, thread}, threads),
		} {
			if d != "" {
				t.Errorf("differs (-want +got):\n%s", d)
			}
		}
		return errors.Join(err1, err2, err3, err4, err5, err6, err7)
	})
	update(t, s, func(tx *store.Tx) error { return errors.Join(tx.DeleteThread(3), tx.DeleteThread(3)) })
	view(t, s, func(tx *store.Tx) error {
		if _, err := tx.Thread(3); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a deleted thread: %v", err)
		}
		return nil
	})
}

func TestStatesNeverSeen(t *testing.T) {
	s, _ := open(t)
	view(t, s, func(tx *store.Tx) error {
		repository, err1 := tx.Repository("infra")
		agent, err2 := tx.Agent()
		for _, d := range []string{cmp.Diff(&store.RepositoryState{Name: "infra"}, repository), cmp.Diff(&store.AgentState{}, agent)} {
			if d != "" {
				t.Errorf("differs (-want +got):\n%s", d)
			}
		}
		_, noRun := tx.Run(1)
		_, noThread := tx.Thread(1)
		_, noText := tx.PlanText(1)
		for _, err := range []error{noRun, noThread, noText} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("error is %v", err)
			}
		}
		return errors.Join(err1, err2)
	})
}

func TestNames(t *testing.T) {
	s, _ := open(t)
	for _, name := range []string{"", "a\x00b", strings.Repeat("x", 2000)} {
		err := s.Update(func(tx *store.Tx) error {
			for what, err := range map[string]error{
				"stack": tx.PutStack(&store.StackState{Name: name}), "repository": tx.PutRepository(&store.RepositoryState{Name: name}),
				"setting": tx.PutSetting(name, 1),
			} {
				if err == nil {
					t.Errorf("a %s may be named %.10q", what, name)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestSettings(t *testing.T) {
	s, _ := open(t)
	type cursor struct {
		TS   string
		Seen []string
	}
	want := cursor{TS: "1.2", Seen: []string{"a", "b"}}
	read := func(key string, v any) (bool, error) {
		var found bool
		err := s.View(func(tx *store.Tx) (err error) { found, err = tx.Setting(key, v); return err })
		return found, err
	}
	var got cursor
	if found, err := read("cursor", &got); found || err != nil {
		t.Errorf("a setting never made: %v, %v", found, err)
	}
	update(t, s, func(tx *store.Tx) error { return tx.PutSetting("cursor", want) })
	if found, err := read("cursor", &got); !found || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("setting differs (-want +got):\n%s", diff)
	}
	var wrong int
	if _, err := read("cursor", &wrong); err == nil || errors.Is(err, store.ErrDamaged) {
		t.Errorf("a caller's wrong type: %v", err)
	}
	update(t, s, func(tx *store.Tx) error { return tx.PutSetting("cursor", nil) })
	if found, err := read("cursor", &got); found || err != nil {
		t.Errorf("a deleted setting: %v, %v", found, err)
	}
	if err := s.Update(func(tx *store.Tx) error { return tx.PutSetting("big", strings.Repeat("x", 1<<20)) }); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("a setting of a mebibyte: %v", err)
	}
}

func TestPlanText(t *testing.T) {
	noise := make([]byte, 600<<10)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		text string
		want error
	}{
		{"empty", "", nil},
		{"short", "No changes.\n", nil},
		{"long and dull", strings.Repeat("  + resource\n", 1<<20), nil},
		{"does not shrink", string(noise), store.ErrTooLarge},
		{"longer than can be read back", strings.Repeat("x", 16<<20+1), store.ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := open(t)
			// The transaction goes on without the text.
			update(t, s, func(tx *store.Tx) error {
				if err := tx.PutPlanText(4, tt.text); !errors.Is(err, tt.want) {
					t.Errorf("error is %v, want %v", err, tt.want)
				}
				return nil
			})
			view(t, s, func(tx *store.Tx) error {
				got, err := tx.PlanText(4)
				if tt.want != nil {
					if !errors.Is(err, store.ErrNotFound) {
						t.Errorf("error is %v", err)
					}
					return nil
				}
				if got != tt.text {
					t.Errorf("%d bytes came back of %d", len(got), len(tt.text))
				}
				return err
			})
		})
	}
}

func TestEvents(t *testing.T) {
	s, c := open(t)
	update(t, s, func(tx *store.Tx) error {
		for n := range 6 {
			if err := tx.AddEvent(store.Event{Seq: 99, Prev: "forged", At: time.Unix(0, 0), Type: "decision", Run: n % 2, By: "cli:jane"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := s.Update(func(tx *store.Tx) error { return tx.AddEvent(store.Event{}) }); err == nil {
		t.Error("an event without a type was added")
	}
	tests := []struct {
		name   string
		filter store.EventFilter
		want   []uint64
	}{
		{"all", store.EventFilter{}, []uint64{1, 2, 3, 4, 5, 6}},
		{"newest", store.EventFilter{Limit: 2}, []uint64{5, 6}},
		{"of a run", store.EventFilter{Run: 1}, []uint64{2, 4, 6}},
		{"newest of a run", store.EventFilter{Run: 1, Limit: 2}, []uint64{4, 6}},
		{"of no run", store.EventFilter{Run: 2}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			view(t, s, func(tx *store.Tx) error {
				events, err := tx.Events(tt.filter)
				var got []uint64
				for _, e := range events {
					got = append(got, e.Seq)
					if !e.At.Equal(c.now()) || e.Prev == "forged" || (e.Prev == "") != (e.Seq == 1) {
						t.Errorf("event is %+v", e)
					}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("events differ (-want +got):\n%s", diff)
				}
				return err
			})
		})
	}
	view(t, s, func(tx *store.Tx) error {
		n, err := tx.VerifyHistory()
		if n != 6 {
			t.Errorf("%d good entries", n)
		}
		return err
	})
}
