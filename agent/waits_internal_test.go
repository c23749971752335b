package agent

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"sallyport/agent/outbox"
	"sallyport/agent/triggers"
	"sallyport/agent/workers"
	"sallyport/store"
)

// due are the numbers of the runs that the loop would look at now.
func (s *standing) due() (ids []int) {
	s.t.Helper()
	runs, _, err := s.executor.Due(s.w)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	return ids
}

// rests lets the loop look until it finds nothing to do for anybody.
func (s *standing) rests() {
	s.t.Helper()
	for range 5 { // a look may write why it waits, which is looked at once more
		ids := s.due()
		if len(ids) == 0 {
			return
		}
		for _, id := range ids {
			s.step(id)
		}
	}
	s.t.Fatalf("these are looked at again and again: %v", s.due())
}

// Of runs that wait, exactly those are looked at again of which something is another than it was; that something happened to others is
// no reason.
func TestWaitingRunsAreLookedAtWhenSomethingChanges(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *standing, mine, other *store.Run)
		mine   bool
	}{
		{"nothing", func(*standing, *store.Run, *store.Run) {}, false},
		{"another run moves", func(s *standing, _, other *store.Run) {
			s.do(func(tx *store.Tx) error {
				_, err := tx.Transition(other.ID, store.Move{From: store.Planned, To: store.Discarded}, nil)
				return err
			})
		}, false},
		{"another stack changes", func(s *standing, _, _ *store.Run) {
			s.stack("net", func(st *store.StackState) { st.Resources = 7 })
		}, false},
		{"something is at work for another", func(s *standing, _, other *store.Run) {
			s.work.Do(other.ID, workers.WorkBuild, func(ctx context.Context) { <-ctx.Done() })
		}, false},
		{"the run changes", func(s *standing, mine, _ *store.Run) {
			s.do(func(tx *store.Tx) error {
				_, err := tx.ChangeRun(mine.ID, func(r *store.Run) error { r.CancelBy = "cli:jane"; return nil })
				return err
			})
		}, true},
		{"its stack changes", func(s *standing, _, _ *store.Run) {
			s.stack("box", func(st *store.StackState) { st.Resources = 7 })
		}, true},
		{"the repository moves", func(s *standing, _, _ *store.Run) {
			s.do(func(tx *store.Tx) error {
				r, err := tx.Repository("infra")
				if err != nil {
					return err
				}
				r.HeldWhy = "not signed"
				return tx.PutRepository(r)
			})
		}, true},
		{"everything is paused", func(s *standing, _, _ *store.Run) {
			s.do(func(tx *store.Tx) error {
				a, err := tx.Agent()
				if err != nil {
					return err
				}
				a.Paused = &store.Pause{By: "cli:jane", At: s.now}
				return tx.PutAgent(a)
			})
		}, true},
		{"its commits cannot be compared", func(s *standing, _, _ *store.Run) {
			s.faults.Set(triggers.LookingFault("infra"), errors.New("a damaged object"))
		}, true},
		{"the disk is full", func(s *standing, _, _ *store.Run) { s.tight.Why = "no room" }, true},
		{"its time is over", func(s *standing, _, _ *store.Run) { s.now = s.now.Add(2 * time.Hour) }, true},
		{"the clock is put back", func(s *standing, _, _ *store.Run) { s.now = s.now.Add(-time.Hour) }, true},
		{"a while has passed", func(s *standing, _, _ *store.Run) { s.now = s.now.Add(outbox.IdlePass) }, true},
		{"the configuration is read again", func(s *standing, _, _ *store.Run) {
			again, err := s.active.NewConfig(s.w.Cfg, s.w)
			if err != nil {
				s.t.Fatal(err)
			}
			s.active.Current.Store(again)
			s.w = again
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStanding(t)
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			s.work.Start(ctx)
			mine, other := s.run("box", store.Planned), s.run("net", store.Planned)
			if got := s.due(); !slices.Equal(got, []int{mine.ID, other.ID}) {
				t.Fatalf("at first %v are looked at", got)
			}
			s.rests()
			c.change(s, mine, other)
			if got := slices.Contains(s.due(), mine.ID); got != c.mine {
				t.Errorf("it is looked at again: %v", got)
			}
			stop()
		})
	}
}
