package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/api"
	"sallyport/agent/config"
	"sallyport/agent/config/receiver"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle"
	"sallyport/notify"
	"sallyport/store"
)

// standing is an agent that nothing runs in: a test moves its runs by hand, with a clock that stands still.
type standing struct {
	*Agent
	t    *testing.T
	w    *active.Config
	now  time.Time
	kind store.Kind // of the runs that are made
}

func newStanding(t *testing.T) *standing {
	t.Helper()
	return newStandingWith(t, "")
}

// newStandingWith is one with more blocks in its configuration.
func newStandingWith(t *testing.T, more string) *standing {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "sallyport.hcl")
	text := fmt.Sprintf(`
data_dir = %q
repository "infra" {
  url      = "file://%s/nowhere"
  branch   = "main"
  schedule = "@every 1s"
}
stack "box" {
  dir        = "box"
  depends_on = ["net"]
  images     = { ami = "node" }
}
stack "net" { dir = "net" }
image "node" {
  dir      = "node"
  template = "node.json"
}
stacks "found/*" {}
`, filepath.Join(dir, "data"), dir) + more
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, config.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := &standing{t: t, kind: store.KindManual, now: time.Date(2026, 3, 1, 3, 10, 0, 0, time.UTC)}
	s.Agent, err = New(Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Executable: "/bin/true", Now: func() time.Time { return s.now }})
	if err != nil {
		t.Fatal(err)
	}
	s.work.Start(context.Background())
	s.w = s.active.Current.Load()
	t.Cleanup(func() {
		s.work.Wait()
		s.w.Close()
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	s.do(func(tx *store.Tx) error {
		return tx.PutRepository(&store.RepositoryState{Name: "infra", URL: cfg.Repositories[0].URL, Branch: "main", Head: strings.Repeat("a", 40)})
	})
	return s
}

func (s *standing) do(f func(*store.Tx) error) {
	s.t.Helper()
	if err := s.journal.Update(func(tx *journal.Tx) error { return f(tx.Tx) }); err != nil {
		s.t.Fatal(err)
	}
}

// stack changes what is stored of a stack.
func (s *standing) stack(name string, change func(*store.StackState)) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		st, err := tx.Stack(name)
		if err != nil {
			return err
		}
		st.Repository = "infra"
		change(st)
		return tx.PutStack(st)
	})
}

// run makes a person's run of a stack in a status; they have a message about it.
func (s *standing) run(stack string, status store.Status) *store.Run {
	s.t.Helper()
	inputs := ""
	if c := s.w.Stack(stack); c != nil {
		inputs = c.Inputs
	}
	by := "slack:U1"
	if s.kind != store.KindManual {
		by = ""
	}
	run := &store.Run{
		Stack: stack, Repository: "infra", Kind: s.kind, RequestedBy: by, Inputs: inputs,
		Commit: strings.Repeat("a", 40), Head: strings.Repeat("a", 40), Card: &store.Card{Channel: "C1", TS: "1.1"},
	}
	s.do(func(tx *store.Tx) error {
		if err := tx.CreateRun(run); err != nil {
			return err
		}
		from := store.Pending
		for _, to := range []store.Status{store.Planning, store.Planned, store.Approved, store.Applying} {
			if from == status {
				break
			}
			_, err := tx.Transition(run.ID, store.Move{From: from, To: to}, func(r *store.Run) error {
				r.Plan = &store.Plan{Digest: "d", Add: 1}
				r.ExpiresAt = s.now.Add(time.Hour)
				if to == store.Approved {
					r.Decisions = []store.Decision{{Verdict: store.Approve, By: "cli:jane", Person: "jane", Digest: "d"}}
				}
				r.Apply = &store.Apply{StartedAt: s.now}
				return nil
			})
			if err != nil {
				return err
			}
			from = to
		}
		return nil
	})
	return s.get(run.ID)
}

func (s *standing) get(id int) *store.Run {
	s.t.Helper()
	run, err := s.ledger.RunOf(&store.Message{Run: id})
	if err != nil || run == nil {
		s.t.Fatalf("reading run #%d: %v, %v", id, run, err)
	}
	return run
}

// step lets the loop look at a run once, and waits for what it starts beside itself.
func (s *standing) step(id int) {
	s.t.Helper()
	if _, err := s.executor.MoveOn(context.Background(), s.w, s.get(id)); err != nil {
		s.t.Fatal(err)
	}
	s.work.Settle()
}

// told are the messages for a run's thread about why it waits.
func (s *standing) told(id int) (texts []string) {
	s.t.Helper()
	err := s.store.View(func(tx *store.Tx) error {
		outbox, err := tx.Outbox()
		for _, m := range outbox {
			if m.Run == id && strings.HasPrefix(m.Key, fmt.Sprintf("run/%d/held/", id)) {
				texts = append(texts, m.Text)
			}
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return texts
}

// The one thing that ends the process: bbolt panicked where it may have left its own memory half changed. Whatever was asked
// of the store before that was an error of its own.
func TestBrokenStoreEndsTheAgent(t *testing.T) {
	t.Parallel()
	s := newStanding(t)
	ready, done := make(chan struct{}), make(chan error, 1)
	s.opts.Ready = func() { close(ready) }
	go func() { done <- s.Run(context.Background()) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("it ended at once: %v", err)
	}
	err := s.journal.Update(func(tx *journal.Tx) error {
		if err := tx.PutSetting("word", "half"); err != nil {
			return err
		}
		f, err := os.OpenFile(s.store.Path(), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		meta := 2 * int64(os.Getpagesize())
		_, err = f.WriteAt(make([]byte, info.Size()-meta), meta)
		return errors.Join(err, f.Close())
	})
	if err == nil {
		t.Fatal("a store without pages takes words")
	}
	s.journal.StoreFault(err)
	if err := <-done; err == nil || !strings.Contains(err.Error(), "cannot be relied on") {
		t.Errorf("the agent ended with %v", err)
	}
}

// What is said of a run is redacted on its way into the record, from which the card, status, comments and the store have it.
func TestSentencesAreRedacted(t *testing.T) {
	t.Parallel()
	s := newStanding(t)
	const secret = "ghp_canary0canary0canary0"
	run := s.run("net", store.Pending)
	if err := s.ledger.Hold(run, "waits for "+secret, "look at "+secret); err != nil {
		t.Fatal(err)
	}
	if now := s.get(run.ID); now.Held != "waits for (redacted)" || now.Hint != "look at (redacted)" {
		t.Errorf("it is held %q, %q", now.Held, now.Hint)
	}
	if err := s.ledger.MoveNow(s.w, run, store.Move{From: store.Pending, To: store.Errored, Text: secret}, func(r *store.Run) error {
		r.Error, r.Hint, r.Warnings, r.Notes = secret, secret, []string{secret}, []string{secret}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	err := s.store.View(func(tx *store.Tx) error {
		events, err := tx.Events(store.EventFilter{})
		for _, e := range events {
			if strings.Contains(fmt.Sprint(e), secret) {
				t.Errorf("the history says %+v", e)
			}
		}
		return err
	})
	if text := fmt.Sprintf("%+v", *s.get(run.ID)); err != nil || strings.Contains(text, secret) {
		t.Errorf("the run is %s, %v", text, err)
	}
}

// Each way in which a run can be left where it is: the reason is in its record, in status with what to do, on its card, and
// once in its thread when that lasts.
func TestEveryHoldIsShown(t *testing.T) {
	t.Parallel()
	for _, test := range holdCases() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStanding(t)
			s.active.Cfg().Notify = []*receiver.Receiver{{Name: "pager", Events: []string{receiver.Blocked}}}
			name := test.stack
			if name == "" {
				name = "box"
			}
			run := s.run(name, test.status)
			if test.setUp != nil {
				test.setUp(s)
			}
			if s.kind != store.KindManual {
				run = s.get(2)
			}
			step := test.step
			if step == nil {
				step = (*standing).step
			}
			step(s, run.ID)
			s.now = s.now.Add(lifecycle.SlotPatience) // what passes by itself within moments is not worth a word
			step(s, run.ID)
			now := s.get(run.ID)
			if !strings.Contains(now.Held, test.why) || now.Hint == "" || now.Status != test.status || now.HeldAt.IsZero() {
				t.Fatalf("it is %s, held %q, hint %q; want %q", now.Status, now.Held, now.Hint, test.why)
			}
			if card := s.outbox.Card(s.w, now); !strings.Contains(card.Plain(), now.Held) || !strings.Contains(card.Plain(), now.Hint) || !strings.Contains(card.StatusWord(), "held") && test.status != store.Applying {
				t.Errorf("its card says\n%s", card.Plain())
			}
			status, err := api.Desktop{SocketAPI: s.socketAPI}.Status(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range status.PullRequests {
				if r.Held != now.Held || r.Hint != now.Hint {
					t.Errorf("status says %+v", r)
				}
			}
			for _, st := range status.Stacks {
				if st.Name == name && now.Kind != store.KindPullRequest && (st.Run == nil || st.Run.Held != now.Held || st.Run.Hint != now.Hint) {
					t.Errorf("status says %+v", st.Run)
				}
			}
			for range 3 { // once, however long it lasts
				s.now = s.now.Add(ledger.HeldTell)
				step(s, run.ID)
			}
			s.checkBlocked(s.get(run.ID))
			texts := s.told(run.ID)
			if now.RequestedBy == "" && now.Status != store.Approved {
				if len(texts) > 0 {
					t.Errorf("nobody waits for it, and its thread is told %q", texts)
				}
				return
			}
			if len(texts) != 1 || !strings.Contains(texts[0], strings.TrimPrefix(now.Held, "approved; ")[1:]) || !strings.Contains(texts[0], "Next: ") {
				t.Errorf("its thread is told %q", texts)
			}
		})
	}
}

// checkBlocked: the receiver of a notify block is told once that a run cannot go on, and in words of ours alone, if somebody waits for
// it or has to do something. What waits for people is not blocked.
func (s *standing) checkBlocked(run *store.Run) {
	s.t.Helper()
	var told []*store.Message
	s.do(func(tx *store.Tx) error {
		all, err := tx.Outbox()
		for _, m := range all {
			if m.Kind == store.MessageWord && m.Run == run.ID {
				told = append(told, m)
			}
		}
		return err
	})
	why, _, _ := strings.Cut(run.Held, ": ")
	busy := run.Status != store.Approved && strings.HasPrefix(run.Held, lifecycle.SlotWords) // the agent is at work: that passes
	waitedFor := run.RequestedBy != "" || run.Status == store.Approved || notify.ToDo(run.Hint) != ""
	switch {
	case !waitedFor || busy || run.Status == store.Planned || run.Kind == store.KindPullRequest:
		if len(told) > 0 {
			s.t.Errorf("a receiver is told %+v", told[0])
		}
	case len(told) != 1 || told[0].Word.Event != receiver.Blocked || !strings.HasSuffix(told[0].Text, " is blocked: "+why):
		s.t.Errorf("receivers are told %d times that it is held %q", len(told), run.Held)
	}
}
