package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
)

func TestCreateRun(t *testing.T) {
	tests := []struct {
		name string
		run  *store.Run
		text string
	}{
		{"plain", &store.Run{Stack: "ghe", Kind: store.KindCommit}, ""},
		{"said to be pending", &store.Run{Stack: "ghe", Kind: store.KindDrift, Status: store.Pending}, ""},
		{"nil", nil, "no run"},
		{"has a number", &store.Run{ID: 7, Stack: "ghe", Kind: store.KindCommit}, "#7"},
		{"begins planned", &store.Run{Stack: "ghe", Kind: store.KindCommit, Status: store.Planned}, "cannot begin as planned"},
		{"no kind", &store.Run{Stack: "ghe"}, "unknown kind"},
		{"unknown kind", &store.Run{Stack: "ghe", Kind: "whim"}, `unknown kind "whim"`},
		{"no stack", &store.Run{Kind: store.KindCommit}, "no name"},
		{"zero byte in the stack", &store.Run{Stack: "a\x00b", Kind: store.KindCommit}, "zero byte"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c := open(t)
			err := s.Update(func(tx *store.Tx) error { return tx.CreateRun(tt.run) })
			if tt.text != "" {
				if err == nil || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("error is %v, want %q", err, tt.text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r := tt.run; r.ID != 1 || r.Status != store.Pending || !r.CreatedAt.Equal(c.now()) || !r.UpdatedAt.Equal(c.now()) {
				t.Errorf("the run is %+v", r)
			}
			view(t, s, func(tx *store.Tx) error {
				got, err := tx.Run(1)
				if diff := cmp.Diff(tt.run, got); diff != "" {
					t.Errorf("run differs (-want +got):\n%s", diff)
				}
				return err
			})
		})
	}
}

// TestStackState: which runs a stack remembers.
func TestStackState(t *testing.T) {
	s, _ := open(t)
	stack := func() *store.StackState {
		var st *store.StackState
		view(t, s, func(tx *store.Tx) (err error) { st, err = tx.Stack("ghe"); return err })
		return st
	}
	if diff := cmp.Diff(&store.StackState{Name: "ghe"}, stack()); diff != "" {
		t.Errorf("a stack never seen differs (-want +got):\n%s", diff)
	}
	create(t, s, "ghe", store.KindPullRequest)
	if diff := cmp.Diff(&store.StackState{Name: "ghe"}, stack()); diff != "" {
		t.Errorf("a preview changed the stack (-want +got):\n%s", diff)
	}
	commit := create(t, s, "ghe", store.KindCommit)
	want := &store.StackState{Name: "ghe", Repository: "infra", OpenRun: 2, NewestRun: 2, LastCommitRun: 2, LastCommitCommit: "c0ffee"}
	if diff := cmp.Diff(want, stack()); diff != "" {
		t.Errorf("stack differs (-want +got):\n%s", diff)
	}

	// A preview is no obstacle, another run is.
	create(t, s, "ghe", store.KindPullRequest)
	err := s.Update(func(tx *store.Tx) error { return tx.CreateRun(&store.Run{Stack: "ghe", Kind: store.KindManual}) })
	var open *store.OpenRunError
	if !errors.Is(err, store.ErrOpenRun) || !errors.As(err, &open) || *open != (store.OpenRunError{Stack: "ghe", ID: 2}) {
		t.Errorf("error is %v", err)
	}

	// One transaction ends the old run and begins the new one.
	manual := &store.Run{Stack: "ghe", Repository: "infra", Kind: store.KindManual, Commit: "beef"}
	update(t, s, func(tx *store.Tx) error {
		stale, err := tx.Stack("ghe")
		if err != nil {
			return err
		}
		if _, err := tx.Transition(commit.ID, store.Move{From: store.Pending, To: store.Superseded}, nil); err != nil {
			return err
		}
		if err := tx.CreateRun(manual); err != nil {
			return err
		}
		// A copy from before must not bring the old open run back.
		stale.Behind = 3
		return tx.PutStack(stale)
	})
	want.OpenRun, want.NewestRun, want.Behind = manual.ID, manual.ID, 3
	if diff := cmp.Diff(want, stack()); diff != "" {
		t.Errorf("stack differs (-want +got):\n%s", diff)
	}

	// The end of a preview does not touch it, the end of the run does.
	update(t, s, func(tx *store.Tx) error {
		_, err := tx.Transition(1, store.Move{From: store.Pending, To: store.Canceled}, nil)
		return err
	})
	if got := stack().OpenRun; got != manual.ID {
		t.Errorf("open run is %d", got)
	}
	update(t, s, func(tx *store.Tx) error {
		_, err := tx.Transition(manual.ID, store.Move{From: store.Pending, To: store.Canceled}, nil)
		return err
	})
	want.OpenRun = 0
	if diff := cmp.Diff(want, stack()); diff != "" {
		t.Errorf("stack differs (-want +got):\n%s", diff)
	}
}

func TestTransition(t *testing.T) {
	s, c := open(t)
	run := create(t, s, "ghe", store.KindManual)
	later := c.now().Add(time.Hour)
	move := func(from, to store.Status, change func(*store.Run) error) *store.Run {
		t.Helper()
		c.advance(time.Minute)
		var r *store.Run
		update(t, s, func(tx *store.Tx) (err error) {
			r, err = tx.Transition(run.ID, store.Move{From: from, To: to, By: "cli:jane", Text: "because"}, change)
			return err
		})
		return r
	}
	move(store.Pending, store.Planning, nil)
	r := move(store.Planning, store.Pending, func(r *store.Run) error {
		r.Held, r.Hint, r.NotBefore, r.Attempts = "the state is locked", "wait", later, 1
		return nil
	})
	if r.Held == "" || !r.NotBefore.Equal(later) {
		t.Errorf("what change set is lost: %+v", r)
	}
	r = move(store.Pending, store.Planning, nil)
	if r.Held != "" || r.Hint != "" || !r.NotBefore.IsZero() || r.Attempts != 1 {
		t.Errorf("the run is held by what was: %+v", r)
	}
	r = move(store.Planning, store.Planned, nil)
	planned := c.now()
	if !r.PlannedAt.Equal(planned) || !r.EndedAt.IsZero() {
		t.Errorf("planned at %v, ended at %v", r.PlannedAt, r.EndedAt)
	}
	move(store.Planned, store.Approved, nil)
	move(store.Approved, store.Planned, nil)
	move(store.Planned, store.Approved, nil)
	move(store.Approved, store.Applying, nil)
	r = move(store.Applying, store.Errored, func(r *store.Run) error { r.Error, r.Hint = "no", "sallyport plan ghe"; return nil })
	if !r.PlannedAt.Equal(planned) || !r.EndedAt.Equal(c.now()) || !r.UpdatedAt.Equal(c.now()) || r.Hint == "" {
		t.Errorf("the ended run is %+v", r)
	}
	view(t, s, func(tx *store.Tx) error {
		got, err := tx.Run(run.ID)
		if diff := cmp.Diff(r, got); diff != "" {
			t.Errorf("what was returned is not what is stored (-returned +stored):\n%s", diff)
		}
		events, err2 := tx.Events(store.EventFilter{Run: run.ID, Limit: 1})
		want := []store.Event{{
			Seq: 10, At: c.now(), Type: "transition", Run: run.ID, Stack: "ghe",
			From: store.Applying, To: store.Errored, By: "cli:jane", Text: "because",
		}}
		if len(events) == 1 {
			want[0].Prev = events[0].Prev
		}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Errorf("event differs (-want +got):\n%s", diff)
		}
		return errors.Join(err, err2)
	})
}

func TestTransitionErrors(t *testing.T) {
	mine := errors.New("mine")
	set := func(fn func(*store.Run)) func(*store.Run) error {
		return func(r *store.Run) error { fn(r); return nil }
	}
	tests := []struct {
		name   string
		id     int
		move   store.Move
		change func(*store.Run) error
		want   error
		text   string
	}{
		{name: "no such run", id: 9, move: store.Move{From: store.Pending, To: store.Planning}, want: store.ErrNotFound, text: "run #9"},
		{name: "it has moved", id: 1, move: store.Move{From: store.Planned, To: store.Approved}, want: store.ErrConflict, text: "run #1 is pending, not planned any more"},
		{name: "no such way", id: 1, move: store.Move{From: store.Pending, To: store.Applied}, want: store.ErrNotAllowed, text: "run #1 cannot go from pending to applied"},
		{name: "the run's own error", id: 1, move: store.Move{From: store.Pending, To: store.Planning}, change: func(*store.Run) error { return mine }, want: mine},
		{name: "status inside", id: 1, move: store.Move{From: store.Pending, To: store.Planning}, change: set(func(r *store.Run) { r.Status = store.Applied }), text: "status"},
		{name: "stack inside", id: 1, move: store.Move{From: store.Pending, To: store.Planning}, change: set(func(r *store.Run) { r.Stack = "net" }), text: "for good"},
		{name: "kind inside", id: 1, move: store.Move{From: store.Pending, To: store.Planning}, change: set(func(r *store.Run) { r.Kind = store.KindPullRequest }), text: "for good"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := open(t)
			before := create(t, s, "ghe", store.KindManual)
			err := s.Update(func(tx *store.Tx) error {
				_, err := tx.Transition(tt.id, tt.move, tt.change)
				return err
			})
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error is %v, want %v, %q", err, tt.want, tt.text)
			}
			view(t, s, func(tx *store.Tx) error {
				after, err := tx.Run(1)
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("the run changed (-before +after):\n%s", diff)
				}
				return err
			})
		})
	}
}

// TestConflict: two that saw the same status; one of them moves the run.
func TestConflict(t *testing.T) {
	s, _ := open(t)
	run := create(t, s, "ghe", store.KindManual)
	results := make(chan error)
	for _, to := range []store.Status{store.Planning, store.Canceled} {
		go func() {
			results <- s.Update(func(tx *store.Tx) error {
				_, err := tx.Transition(run.ID, store.Move{From: store.Pending, To: to}, nil)
				return err
			})
		}()
	}
	first, second := <-results, <-results
	if (first == nil) == (second == nil) {
		t.Fatalf("errors are %v and %v, want one of them", first, second)
	}
	err := errors.Join(first, second)
	var conflict *store.ConflictError
	if !errors.Is(err, store.ErrConflict) || !errors.As(err, &conflict) {
		t.Fatalf("error is %v", err)
	}
	if conflict.ID != run.ID || conflict.Want != store.Pending || conflict.Have == store.Pending {
		t.Errorf("error has %+v", conflict)
	}
}

func TestChangeRun(t *testing.T) {
	s, c := open(t)
	run := create(t, s, "ghe", store.KindManual)
	c.advance(time.Minute)
	// A clock of Go's: another zone, nanoseconds, monotonic.
	at := c.now().Add(1234567 * time.Nanosecond).In(time.FixedZone("here", 3600))
	var got *store.Run
	update(t, s, func(tx *store.Tx) (err error) {
		got, err = tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.Decisions = append(r.Decisions, store.Decision{Verdict: store.Approve, By: "cli:jane", At: at})
			r.Apply = &store.Apply{StartedAt: at}
			r.ExpiresAt = at
			return nil
		})
		return err
	})
	want := *run
	short := c.now().Add(time.Millisecond)
	want.UpdatedAt, want.ExpiresAt = c.now(), short
	want.Decisions = []store.Decision{{Verdict: store.Approve, By: "cli:jane", At: short}}
	want.Apply = &store.Apply{StartedAt: short}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("returned run differs (-want +got):\n%s", diff)
	}
	view(t, s, func(tx *store.Tx) error {
		stored, err := tx.Run(run.ID)
		if diff := cmp.Diff(got, stored); diff != "" {
			t.Errorf("stored run differs (-want +got):\n%s", diff)
		}
		events, err2 := tx.Events(store.EventFilter{})
		if len(events) != 1 {
			t.Errorf("%d events, want only that of the creation", len(events))
		}
		return errors.Join(err, err2)
	})
	err := s.Update(func(tx *store.Tx) error {
		_, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Status = store.Applied; return nil })
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "by a transition only") {
		t.Errorf("error is %v", err)
	}
}

func TestRuns(t *testing.T) {
	s, _ := open(t)
	// #1 ghe, #2 ghe-2, #3 ghe, #4 ghe-2, ...: names that begin alike must not mix.
	for n := range 8 {
		create(t, s, []string{"ghe", "ghe-2"}[n%2], store.KindPullRequest)
	}
	tests := []struct {
		name   string
		filter store.RunFilter
		want   []int
	}{
		{"all", store.RunFilter{}, []int{8, 7, 6, 5, 4, 3, 2, 1}},
		{"newest", store.RunFilter{Limit: 3}, []int{8, 7, 6}},
		{"next page", store.RunFilter{Limit: 3, Before: 6}, []int{5, 4, 3}},
		{"before the first", store.RunFilter{Before: 1}, nil},
		{"before what is not there yet", store.RunFilter{Before: 100, Limit: 1}, []int{8}},
		{"one stack", store.RunFilter{Stack: "ghe"}, []int{7, 5, 3, 1}},
		{"other stack, limited", store.RunFilter{Stack: "ghe-2", Limit: 2}, []int{8, 6}},
		{"one stack, next page", store.RunFilter{Stack: "ghe", Before: 5, Limit: 1}, []int{3}},
		{"one stack, before another's run", store.RunFilter{Stack: "ghe", Before: 4}, []int{3, 1}},
		{"a stack without runs", store.RunFilter{Stack: "gh"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			view(t, s, func(tx *store.Tx) error {
				runs, err := tx.Runs(tt.filter)
				var got []int
				for _, r := range runs {
					got = append(got, r.ID)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("runs differ (-want +got):\n%s", diff)
				}
				return err
			})
		})
	}
}

// TestHalfATransaction: a caller that goes on after a failed write cannot commit the other half.
func TestHalfATransaction(t *testing.T) {
	s, _ := open(t)
	err := s.Update(func(tx *store.Tx) error {
		if err := tx.PutSetting("first", 1); err != nil {
			return err
		}
		_ = tx.PutAgent(&store.AgentState{ID: "x"})
		// A time that JSON cannot hold.
		return swallow(tx.PutAgent(&store.AgentState{StartedAt: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}))
	})
	if err == nil {
		t.Error("the half was committed")
	}
	view(t, s, func(tx *store.Tx) error {
		var n int
		found, err := tx.Setting("first", &n)
		if found {
			t.Error("the first half is there")
		}
		return err
	})
}

func swallow(error) error { return nil }
