package store_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sallyport/store"
)

// shared makes a fenced store of a new life.
func shared(t *testing.T) *store.Store {
	t.Helper()
	s := openAt(t, store.Options{Path: filepath.Join(t.TempDir(), "state.db"), Fenced: true})
	if _, err := s.Found(); err != nil {
		t.Fatal(err)
	}
	return s
}

func note(s *store.Store, text string) error {
	return s.Update(func(tx *store.Tx) error { return tx.PutSetting("note", text) })
}

func noted(t *testing.T, s *store.Store) string {
	t.Helper()
	var text string
	if err := s.View(func(tx *store.Tx) error { _, err := tx.Setting("note", &text); return err }); err != nil {
		t.Fatal(err)
	}
	return text
}

// What is not recorded does not happen, and the next one goes where it would have gone.
func TestWhatIsNotRecordedIsNotWritten(t *testing.T) {
	t.Parallel()
	s := shared(t)
	gone := errors.New("the cluster is gone")
	var fails error
	var heads []store.Head
	if err := s.Replicate(store.Leader{Term: 1, Record: func(_ []byte, at store.Head) error {
		heads = append(heads, at)
		return fails
	}}); err != nil {
		t.Fatal(err)
	}
	first := note(s, "first")
	fails = gone
	second := note(s, "second")
	if first != nil || !errors.Is(second, gone) || noted(t, s) != "first" {
		t.Fatalf("got %v, %v, and the store says %q", first, second, noted(t, s))
	}
	fails = nil
	if err := note(s, "third"); err != nil {
		t.Fatal(err)
	}
	if len(heads) != 3 || heads[0].Number != 1 || heads[1].Number != 2 || heads[2].Number != 2 || heads[1].Hash == heads[2].Hash {
		t.Errorf("recorded were %v", heads)
	}
	if have, err := s.Head(); err != nil || have != heads[2] {
		t.Errorf("the store stands at %v, %v", have, err)
	}
	n := len(heads)
	if err := note(s, "third"); err != nil || len(heads) != n {
		t.Errorf("what changed nothing was recorded: %v, %v", heads[n:], err)
	}
}

// What was recorded and could not be written here leaves the store behind: it is not written any more before it has caught up.
func TestWhatIsRecordedAndNotWrittenEndsTheLeading(t *testing.T) {
	t.Parallel()
	s := openAt(t, store.Options{Path: filepath.Join(t.TempDir(), "state.db"), Fenced: true, MaxSize: 2 << 20})
	if _, err := s.Found(); err != nil {
		t.Fatal(err)
	}
	var lost error
	var log [][]byte
	if err := s.Replicate(store.Leader{Term: 1, Lost: func(err error) { lost = err }, Record: func(entry []byte, _ store.Head) error {
		log = append(log, entry)
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		err = s.Update(func(tx *store.Tx) error {
			return tx.PutSetting("large "+strconv.Itoa(i), randomText(128<<10))
		})
	}
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("the store was not filled: %v", err)
	}
	if !errors.Is(lost, store.ErrFull) {
		t.Fatalf("nobody was told that the store is behind: %v", lost)
	}
	if err := note(s, "on"); !errors.Is(err, store.ErrNotLeading) {
		t.Errorf("the store is behind and was written: %v", err)
	}
	if head, err := s.Head(); err != nil || head.Number != uint64(len(log)-1) {
		t.Errorf("the store stands at %v, %v, of %d entries", head, err, len(log))
	}
}

func randomText(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(strconv.FormatUint(rand.Uint64(), 36))
	}
	return b.String()[:n]
}

func TestWhoMayWriteASharedStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	record := store.Leader{Term: 1, Record: func([]byte, store.Head) error { return nil }}
	s := openAt(t, store.Options{Path: path, Fenced: true})
	if err := note(s, "too early"); !errors.Is(err, store.ErrNotLeading) {
		t.Errorf("a fenced store was written: %v", err)
	}
	if err := s.Replicate(record); err == nil {
		t.Error("a store that shares nothing is led")
	}
	if blank, err := s.Blank(); err != nil || !blank {
		t.Errorf("a new store is not blank: %v", err)
	}
	if _, err := s.Found(); err != nil {
		t.Fatal(err)
	}
	if blank, err := s.Blank(); err != nil || !blank {
		t.Errorf("a life alone makes a store one that says something: %v", err)
	}
	if err := s.Replicate(record); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(note(s, "led"), func() error { _, err := s.Verify(); return err }()); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(bytes.NewReader(dump(t, s))); err == nil {
		t.Error("a leader's store was replaced")
	}
	if err := s.Leave(); err == nil {
		t.Error("a leader's store left")
	}
	if _, err := s.Found(); err == nil {
		t.Error("a store with entries was made the first of another life")
	}
	s.Fence()
	if err := note(s, "deposed"); !errors.Is(err, store.ErrNotLeading) || noted(t, s) != "led" {
		t.Errorf("a deposed leader wrote: %v", err)
	}
	if _, err := s.Verify(); err != nil {
		t.Errorf("a follower cannot check its store: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	alone := openAt(t, store.Options{Path: path}) // the standby block was taken out of the configuration
	var refused *store.NotLeadingError
	if err := note(alone, "alone"); !errors.As(err, &refused) || refused.UserHint() == "" {
		t.Errorf("a shared store was written as if it were not: %v", err)
	}
	if err := errors.Join(alone.Leave(), note(alone, "alone")); err != nil || noted(t, alone) != "alone" {
		t.Errorf("a store that left cannot be written: %v", err)
	}
	if head, err := alone.Head(); err != nil || head != (store.Head{}) {
		t.Errorf("it stands at %v, %v", head, err)
	}
}

// A damaged or foreign copy leaves what was there.
func TestLoadTakesAllOrNothing(t *testing.T) {
	t.Parallel()
	from := shared(t)
	if err := from.Replicate(store.Leader{Term: 1, Record: func([]byte, store.Head) error { return nil }}); err != nil {
		t.Fatal(err)
	}
	if err := note(from, "whole"); err != nil {
		t.Fatal(err)
	}
	copied := dump(t, from)
	to := openAt(t, store.Options{Path: filepath.Join(t.TempDir(), "state.db"), Fenced: true})
	var reads store.Reads
	if err := to.View(func(tx *store.Tx) (err error) {
		reads, err = tx.Watch(func() error { _, err := tx.Setting("note", new(string)); return err })
		return err
	}); err != nil {
		t.Fatal(err)
	}
	before := dump0(t, to)
	for i := range copied {
		if err := to.Load(bytes.NewReader(copied[:i])); err == nil {
			t.Fatalf("the first %d of %d bytes were taken for all", i, len(copied))
		}
	}
	if !bytes.Equal(before, dump0(t, to)) || !to.Unchanged(reads) {
		t.Fatal("what was refused changed something")
	}
	if err := to.Load(bytes.NewReader(copied)); err != nil {
		t.Fatal(err)
	}
	if noted(t, to) != "whole" || !bytes.Equal(copied, dump(t, to)) {
		t.Error("the copy says something else")
	}
	if to.Unchanged(reads) {
		t.Error("who watches a record is told that nothing was written")
	}
}

// dump0 is of a store that shares no life yet, which a dump does not tell.
func dump0(t *testing.T, s *store.Store) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Who watches a record on a follower sees that its leader changed it.
func TestWatchSeesWhatIsApplied(t *testing.T) {
	t.Parallel()
	leader := shared(t)
	var entry []byte
	if err := leader.Replicate(store.Leader{Term: 1, Record: func(raw []byte, _ store.Head) error { entry = raw; return nil }}); err != nil {
		t.Fatal(err)
	}
	follower := openAt(t, store.Options{Path: filepath.Join(t.TempDir(), "state.db"), Fenced: true})
	if err := follower.Load(bytes.NewReader(dump(t, leader))); err != nil {
		t.Fatal(err)
	}
	watch := func() (reads store.Reads) {
		if err := follower.View(func(tx *store.Tx) (err error) {
			reads, err = tx.Watch(func() error { _, err := tx.Stack("ghe"); return err })
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return reads
	}
	reads := watch()
	if err := leader.Update(func(tx *store.Tx) error { return tx.CreateRun(&store.Run{Stack: "ghe", Kind: store.KindManual}) }); err != nil {
		t.Fatal(err)
	}
	if !follower.Unchanged(reads) {
		t.Error("something changed before it was applied")
	}
	if err := follower.Apply(entry); err != nil {
		t.Fatal(err)
	}
	if follower.Unchanged(reads) {
		t.Error("a stack's state was written, and who watches it is told that it was not")
	}
	if err := follower.Apply(entry); !errors.Is(err, store.ErrSkipped) {
		t.Errorf("an entry was applied twice: %v", err)
	}
}

// Each entry of another leader, life or version of the program is refused for its own reason.
func TestWhatDoesNotFollowIsRefused(t *testing.T) {
	t.Parallel()
	leader := shared(t)
	follower := openAt(t, store.Options{Path: filepath.Join(t.TempDir(), "state.db"), Fenced: true})
	if err := follower.Load(bytes.NewReader(dump(t, leader))); err != nil {
		t.Fatal(err)
	}
	twin := openAt(t, store.Options{Path: filepath.Join(t.TempDir(), "state.db"), Fenced: true})
	if err := twin.Load(bytes.NewReader(dump(t, leader))); err != nil {
		t.Fatal(err)
	}
	stranger := shared(t)
	record := func(s *store.Store, term int64, fns ...func(tx *store.Tx) error) []byte {
		t.Helper()
		var log [][]byte
		err := s.Replicate(store.Leader{Term: term, Record: func(raw []byte, _ store.Head) error { log = append(log, raw); return nil }})
		for _, fn := range fns {
			if err == nil {
				err = s.Update(fn)
			}
		}
		if s.Fence(); err != nil {
			t.Fatal(err)
		}
		return log[0]
	}
	text := func(tx *store.Tx) error { return tx.PutSetting("note", "the same words") }
	mine, others, foreign := record(leader, 1, text), record(twin, 2, text), record(stranger, 1, text)
	after := record(twin, 2, func(tx *store.Tx) error { return tx.PutSetting("note", "more") })
	newer := record(leader, 1, func(tx *store.Tx) error { return store.PutSchema(tx, 99) },
		func(tx *store.Tx) error { return store.PutSchema(tx, 3) }) // or nobody could check it at the end of the test
	if err := follower.Apply(mine); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		entry []byte
		want  error
		text  string
	}{
		{"of another leader, with the same number", others, store.ErrSkipped, "the store has 1 entries, and this one is number 1"},
		{"after what another leader wrote", after, store.ErrSkipped, "entry 2 was written after another entry 1 than the store has"},
		{"of another life", foreign, store.ErrSkipped, "the entry is of another life"},
		{"of a newer version of the program", newer, store.ErrNewerSchema, "the store has schema 99"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := follower.Apply(tt.entry); !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %q", err, tt.text)
			}
		})
	}
	if head, err := follower.Head(); err != nil || head.Number != 1 {
		t.Errorf("the follower stands at %v, %v", head, err)
	}
}

// A shared store of an older version is brought forward by its leader, where the others see it, and not by being opened.
func TestASharedStoreIsBroughtForwardByItsLeader(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := openAt(t, store.Options{Path: path})
	if err := s.Update(func(tx *store.Tx) error { return store.PutSchema(tx, 2) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	leader := openAt(t, store.Options{Path: path, Fenced: true})
	if _, err := leader.Found(); err != nil {
		t.Fatal(err)
	}
	follower := openAt(t, store.Options{Path: path + ".follower", Fenced: true})
	if err := follower.Load(bytes.NewReader(dump(t, leader))); err != nil {
		t.Fatal(err)
	}
	var log [][]byte
	if err := leader.Replicate(store.Leader{Term: 1, Record: func(raw []byte, _ store.Head) error {
		log = append(log, raw)
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	if len(log) != 1 {
		t.Fatalf("bringing the store forward recorded %d entries", len(log))
	}
	if err := follower.Apply(log[0]); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(dump(t, leader), dump(t, follower)) {
		t.Error("the follower is at another schema")
	}
}
