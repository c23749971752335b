package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sallyport/store"
)

// A model is what the store should say, in plain maps.
type model struct {
	path   string
	store  *store.Store
	opener func(store.Options) (*store.Store, error)
	clock  *clock

	runs     []store.Run // by id-1
	open     map[string]int
	newest   map[string]int
	events   []store.Event // without their chain
	messages []store.Message
	lastSeq  uint64
}

// TestModel does random things to a store and to the model, reopens the store now and then, and compares.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		m := &model{
			path: filepath.Join(dir, strconv.Itoa(n)), clock: newClock(), open: map[string]int{}, newest: map[string]int{},
			opener: store.Open,
		}
		m.reopen(t)
		t.Repeat(rapid.StateMachineActions(m))
		if err := errors.Join(m.store.Close(), store.Check(m.path), os.Remove(m.path)); err != nil {
			t.Fatal(err)
		}
	})
}

func (m *model) reopen(t *rapid.T) {
	var err error
	if m.store != nil {
		err = m.store.Close()
	}
	if err == nil {
		m.store, err = m.opener(store.Options{Path: m.path, Now: m.clock.now})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Reopen is a restart.
func (m *model) Reopen(t *rapid.T) { m.reopen(t) }

func stackName() *rapid.Generator[string] { return rapid.SampledFrom([]string{"ghe", "ghe-2", "net"}) }

// Create makes a run, or is refused one.
func (m *model) Create(t *rapid.T) {
	kinds := []store.Kind{store.KindCommit, store.KindManual, store.KindDrift, store.KindPullRequest, store.KindRecovery, store.KindDependency, store.KindSchedule}
	r := store.Run{
		Stack: stackName().Draw(t, "stack"), Kind: rapid.SampledFrom(kinds).Draw(t, "kind"),
		Reason: rapid.String().Draw(t, "reason"), RequestedBy: "cli:jane",
	}
	m.clock.advance(time.Second)
	stored := r
	err := m.store.Update(func(tx *store.Tx) error { return tx.CreateRun(&stored) })
	counts := r.Kind != store.KindPullRequest
	if counts && m.open[r.Stack] != 0 {
		var open *store.OpenRunError
		if !errors.As(err, &open) || open.ID != m.open[r.Stack] {
			t.Fatalf("error is %v, want open run %d", err, m.open[r.Stack])
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	r.ID, r.Status, r.CreatedAt, r.UpdatedAt = len(m.runs)+1, store.Pending, m.clock.t, m.clock.t
	m.runs = append(m.runs, r)
	if counts {
		m.open[r.Stack], m.newest[r.Stack] = r.ID, r.ID
	}
	m.event(store.Event{Type: "transition", Run: r.ID, Stack: r.Stack, To: store.Pending, By: r.RequestedBy, Text: r.Reason})
}

func (m *model) event(e store.Event) {
	e.Seq, e.At = uint64(len(m.events)+1), m.clock.t
	m.events = append(m.events, e)
}

// drawRun picks a run that is there.
func (m *model) drawRun(t *rapid.T) *store.Run {
	if len(m.runs) == 0 {
		t.Skip("no runs")
	}
	return &m.runs[rapid.IntRange(0, len(m.runs)-1).Draw(t, "run")]
}

// Move tries a transition, allowed or not, from the right status or another.
func (m *model) Move(t *rapid.T) {
	r := m.drawRun(t)
	move := store.Move{From: r.Status, To: rapid.SampledFrom(statuses()).Draw(t, "to"), By: "slack:U1"}
	if ways := store.Transitions()[r.Status]; len(ways) > 0 && rapid.Bool().Draw(t, "allowed") {
		move.To = rapid.SampledFrom(ways).Draw(t, "way")
	} else if rapid.Bool().Draw(t, "conflict") {
		move.From = rapid.SampledFrom(statuses()).Draw(t, "from")
	}
	fails := rapid.IntRange(0, 4).Draw(t, "fails") == 0
	m.clock.advance(time.Second)
	mine := errors.New("mine")
	err := m.store.Update(func(tx *store.Tx) error {
		_, err := tx.Transition(r.ID, move, func(r *store.Run) error {
			r.Attempts++
			if fails {
				return mine
			}
			return nil
		})
		return err
	})
	want := error(nil)
	switch {
	case move.From != r.Status:
		want = store.ErrConflict
	case !store.Allowed(move.From, move.To):
		want = store.ErrNotAllowed
	case fails:
		want = mine
	}
	if want != nil || err != nil {
		if want == nil || !errors.Is(err, want) {
			t.Fatalf("error is %v, want %v", err, want)
		}
		return
	}
	m.moved(r, move)
}

func (m *model) moved(r *store.Run, move store.Move) {
	r.Status, r.UpdatedAt = move.To, m.clock.t
	r.Attempts++
	if move.To == store.Planned && move.From == store.Planning {
		r.PlannedAt = m.clock.t
	}
	if move.To.Terminal() {
		r.EndedAt = m.clock.t
		if m.open[r.Stack] == r.ID {
			delete(m.open, r.Stack)
		}
	}
	m.event(store.Event{Type: "transition", Run: r.ID, Stack: r.Stack, From: move.From, To: move.To, By: move.By})
}

// Change changes a run in place.
func (m *model) Change(t *rapid.T) {
	r := m.drawRun(t)
	m.clock.advance(time.Second)
	text := rapid.String().Draw(t, "error")
	err := m.store.Update(func(tx *store.Tx) error {
		_, err := tx.ChangeRun(r.ID, func(r *store.Run) error { r.Error = text; return nil })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Error, r.UpdatedAt = text, m.clock.t
}

// Enqueue queues a message with one of a few keys.
func (m *model) Enqueue(t *rapid.T) {
	msg := store.Message{Kind: store.MessageNote, Key: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key"), Text: rapid.String().Draw(t, "text")}
	m.clock.advance(time.Second)
	if err := m.store.Update(func(tx *store.Tx) error { return tx.Enqueue(msg) }); err != nil {
		t.Fatal(err)
	}
	for i := len(m.messages) - 1; i >= 0 && msg.Key != ""; i-- {
		if old := &m.messages[i]; old.Key == msg.Key {
			if old.Sending {
				break // only the newest with the key counts
			}
			old.Text, old.Revision = msg.Text, old.Revision+1
			old.Attempts = 0
			return
		}
	}
	m.lastSeq++
	msg.Seq, msg.CreatedAt = m.lastSeq, m.clock.t
	m.messages = append(m.messages, msg)
}

// Deliver marks a message as being sent, or takes it out.
func (m *model) Deliver(t *rapid.T) {
	if len(m.messages) == 0 {
		t.Skip("nothing to send")
	}
	i := rapid.IntRange(0, len(m.messages)-1).Draw(t, "message")
	msg := &m.messages[i]
	done := rapid.Bool().Draw(t, "done")
	err := m.store.Update(func(tx *store.Tx) error {
		if done {
			return tx.DeleteMessage(msg.Seq)
		}
		msg.Sending, msg.Attempts = true, msg.Attempts+1
		sent := *msg
		return tx.PutMessage(&sent)
	})
	if err != nil {
		t.Fatal(err)
	}
	if done {
		m.messages = slices.Delete(m.messages, i, i+1)
	}
}

// Check compares everything that can be read. rapid calls the method with the empty name after each action.
func (m *model) Check(t *rapid.T) {
	err := m.store.View(func(tx *store.Tx) error {
		return errors.Join(m.checkRuns(t, tx), m.checkStacks(t, tx), m.checkEvents(t, tx), m.checkOutbox(t, tx))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *rapid.T, what string, want, got any) {
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s: differ (-want +got):\n%s", what, diff)
	}
}

func (m *model) checkRuns(t *rapid.T, tx *store.Tx) error {
	var open, all []*store.Run
	of := map[string][]*store.Run{}
	for i := range m.runs {
		r := &m.runs[i]
		if !r.Status.Terminal() {
			open = append(open, r)
		}
		all = append(all, r)
		of[r.Stack] = append(of[r.Stack], r)
	}
	gotOpen, err1 := tx.OpenRuns()
	gotAll, err2 := tx.Runs(store.RunFilter{})
	slices.Reverse(gotAll)
	same(t, "open runs", open, gotOpen)
	same(t, "runs", all, gotAll)
	for stack, want := range of {
		got, err := tx.Runs(store.RunFilter{Stack: stack})
		if err != nil {
			return err
		}
		slices.Reverse(got)
		same(t, "runs of "+stack, want, got)
	}
	return errors.Join(err1, err2)
}

func (m *model) checkStacks(t *rapid.T, tx *store.Tx) error {
	stacks, err := tx.Stacks()
	open, newest := map[string]int{}, map[string]int{}
	for _, s := range stacks {
		if s.OpenRun != 0 {
			open[s.Name] = s.OpenRun
		}
		newest[s.Name] = s.NewestRun
	}
	same(t, "open runs of stacks", m.open, open)
	same(t, "newest runs of stacks", m.newest, newest)
	return err
}

func (m *model) checkEvents(t *rapid.T, tx *store.Tx) error {
	n, err := tx.VerifyHistory()
	if err != nil {
		return err
	}
	same(t, "number of events", len(m.events), n)
	limit := 5
	got, err := tx.Events(store.EventFilter{Limit: limit})
	for i := range got {
		got[i].Prev = ""
	}
	want := append([]store.Event(nil), m.events[max(0, len(m.events)-limit):]...)
	same(t, "newest events", want, got)
	return err
}

func (m *model) checkOutbox(t *rapid.T, tx *store.Tx) error {
	messages, err := tx.Outbox()
	var got []store.Message
	for _, msg := range messages {
		got = append(got, *msg)
	}
	if len(m.messages) == 0 && len(got) == 0 {
		return err
	}
	same(t, fmt.Sprintf("outbox of %d", len(got)), m.messages, got)
	return err
}
