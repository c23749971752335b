package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/agent/journal"
	"sallyport/agent/outbox"
	"sallyport/agent/patience"
	"sallyport/notify/webhook"
	"sallyport/store"
)

// fuse is a store that takes so many more commits, and none after that: whatever its agent does then is lost with it, as if it had
// been killed before its next commit.
type fuse struct {
	journal.Store
	left *atomic.Int64
}

var errKilled = errors.New("killed")

func (f fuse) Update(change func(*store.Tx) error) error {
	if f.left.Add(-1) < 0 {
		return errKilled
	}
	return f.Store.Update(change)
}

// dies has another agent go on where one was killed, on its data directory. It can make so many commits until it is killed itself.
func (s *standing) dies(commits int64) (left *atomic.Int64) {
	s.t.Helper()
	cfg := s.active.Cfg()
	s.work.Wait()
	s.w.Close()
	if err := s.store.Close(); err != nil {
		s.t.Fatal(err)
	}
	left = new(atomic.Int64)
	left.Store(unhurt)
	next, err := New(Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Executable: "/bin/true", Now: func() time.Time { return s.now },
		Outside: Outside{Records: func(s *store.Store) journal.Store { return fuse{s, left} }}})
	if err != nil {
		s.t.Fatal(err)
	}
	left.Store(commits) // from now on, and not of its start
	s.Agent = next
	s.work.Start(context.Background())
	s.w = s.active.Current.Load()
	return left
}

const unhurt = 1 << 30 // commits

// The one message about many drifts is posted once, wherever the agent dies between its commits; and so is every card.
func TestKilledWhileManyDriftsAreTold(t *testing.T) {
	t.Parallel()
	for commits := int64(0); ; commits++ {
		if commits > 100 {
			t.Fatal("it is never done")
		}
		d := newDrifting(t)
		for i := range 5 {
			d.drifts(fmt.Sprintf("s%d", i), time.Minute)
		}
		d.said()
		d.drifts("s5", time.Minute)
		left := d.dies(commits)
		for range 5 {
			d.outbox.Deliver(t.Context())
		}
		killed := left.Load() < 0
		d.dies(unhurt)
		many, runs := d.said()
		if len(many) != 1 || !strings.HasPrefix(many[0].Text, "Drift: 6 stacks") || !slices.Equal(runs, slices.Compact(slices.Clone(runs))) {
			t.Errorf("killed after %d commits: %d messages about many drifts, messages of %v", commits, len(many), runs)
		}
		if !killed {
			if commits < 2 {
				t.Errorf("all was told with %d commits", commits)
			}
			t.Logf("killed before each of %d commits", commits)
			return
		}
	}
}

// A receiver is told of every event at least once, under one id, wherever the agent dies: before it was told, or after that and
// before the commit which says so.
func TestKilledWhileAReceiverIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		commits int64 // of the agent that tells it first
		want    int   // how often it is told
	}{
		"before it is told":            {-1, 1},
		"told, and not written down":   {0, 2},
		"told, and it is written down": {unhurt, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := make(chan webhook.Event, 10)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var e webhook.Event
				text, err := io.ReadAll(r.Body)
				if err = errors.Join(err, json.Unmarshal(text, &e)); err != nil {
					t.Error(err)
				}
				told <- e
			}))
			defer server.Close()
			s := newStandingWith(t, fmt.Sprintf("notify \"pager\" {\n  events = [\"waiting\"]\n  url = %q\n}\n", server.URL))
			run := &store.Run{Stack: "net", Repository: "infra", Kind: store.KindCommit, Commit: strings.Repeat("a", 40)}
			if err := s.journal.Update(func(tx *journal.Tx) error { return s.ledger.Create(tx, s.w, run) }); err != nil {
				t.Fatal(err)
			}
			for _, to := range []store.Status{store.Planning, store.Planned} {
				if err := s.ledger.MoveNow(s.w, s.get(run.ID), store.Move{From: s.get(run.ID).Status, To: to}, func(r *store.Run) error {
					r.Plan = &store.Plan{Digest: "d", Add: 1}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			var heard []webhook.Event
			if c.commits >= 0 {
				s.dies(c.commits)
				s.tell(told, &heard, func() bool { return len(heard) > 0 && (c.commits == 0 || s.words() == 0) })
			}
			if left := s.words(); (left == 0) != (c.commits == unhurt) {
				t.Fatalf("%d words are left", left)
			}
			s.dies(unhurt)
			s.tell(told, &heard, func() bool { return s.words() == 0 })
			for len(told) > 0 {
				heard = append(heard, <-told)
			}
			again := c.commits == 0 && len(heard) > c.want // it may try once more before it is stopped
			if len(heard) != c.want && !again || heard[0].ID == "" || heard[0].Run != run.ID {
				t.Errorf("it was told %+v, want %d times", heard, c.want)
			}
			for _, e := range heard {
				if e.ID != heard[0].ID {
					t.Errorf("one event has the ids %s and %s", heard[0].ID, e.ID)
				}
			}
		})
	}
}

// words are how many messages wait for receivers.
func (s *standing) words() (n int) {
	s.t.Helper()
	if err := s.store.View(func(tx *store.Tx) error {
		all, err := tx.Outbox()
		for _, m := range all {
			if m.Kind.ForReceiver() {
				n++
			}
		}
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// tell has receivers told until something is so. That something was told wakes nobody, so it is looked for.
func (s *standing) tell(told <-chan webhook.Event, heard *[]webhook.Event, until func() bool) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), patience.Limit())
	var telling sync.WaitGroup
	defer telling.Wait()
	defer stop()
	telling.Go(func() { outbox.NewReceivers(s.outbox, "test").Tell(ctx) })
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		if until() {
			return
		}
		select {
		case e := <-told:
			*heard = append(*heard, e)
		case <-look.C:
		case <-ctx.Done():
			s.t.Error("the receiver was not told in time")
			return
		}
	}
}
