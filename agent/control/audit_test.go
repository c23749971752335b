package control

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/store"
)

// decided fills a store with runs in turn: one that was planned, approved and applied, one that was denied.
func decided(t testing.TB, s *store.Store, runs int) {
	t.Helper()
	const batch = 500 // in one transaction: each is synced
	for first := 1; first <= runs; first += batch {
		err := s.Update(func(tx *store.Tx) (err error) {
			for n := first; n < first+batch && n <= runs && err == nil; n++ {
				err = decide(tx, n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func decide(tx *store.Tx, n int) error {
	digest := fmt.Sprintf("%064d", n)
	r := &store.Run{Stack: "ghe", Kind: store.KindCommit, Commit: fmt.Sprintf("%040d", n)}
	if n%2 == 0 {
		r.Stack = "net"
	}
	if err := tx.CreateRun(r); err != nil {
		return err
	}
	vote := func(by, words string, verdict store.Verdict) error {
		_, err := tx.ChangeRun(r.ID, func(r *store.Run) error {
			r.Decisions = append(r.Decisions, store.Decision{Verdict: verdict, By: by, Person: by, At: time.Now(), Text: words, Digest: digest})
			return nil
		})
		return errors.Join(err, tx.AddEvent(store.Event{Type: "decision", Run: r.ID, Stack: r.Stack, By: by, Text: string(verdict) + " " + digest}))
	}
	move := func(from, to store.Status) error {
		_, err := tx.Transition(r.ID, store.Move{From: from, To: to, By: "agent"}, func(r *store.Run) error {
			if to == store.Planned {
				r.Plan = &store.Plan{Digest: digest}
			}
			return nil
		})
		return err
	}
	if err := errors.Join(move(store.Pending, store.Planning), move(store.Planning, store.Planned)); err != nil {
		return err
	}
	if n%2 == 0 {
		return errors.Join(vote("slack:U2", "deny not tonight", store.Deny), move(store.Planned, store.Discarded))
	}
	return errors.Join(vote("cli:jane", "approve destroy 1", store.Approve),
		move(store.Planned, store.Approved), move(store.Approved, store.Applying), move(store.Applying, store.Applied))
}

// entries reads a whole history, part by part.
func entries(t testing.TB, s *store.Store, q AuditQuery) (out []AuditEntry) {
	t.Helper()
	for {
		a, err := AuditIn(s, q, []string{"new"})
		if err != nil || a.Broken != "" {
			t.Fatal(err, a.Broken)
		}
		out = append(out, a.Entries...)
		if a.End {
			return out
		}
		q.After = store.HistoryMark{Seq: a.Seq, Hash: a.Hash}
	}
}

// TestAudit: an entry says what it was about as well: the commit, and the plan once there was one.
func TestAudit(t *testing.T) {
	s, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	decided(t, s, 2)
	told := func(list []AuditEntry) (out []string) {
		for _, e := range list {
			digest := strings.TrimLeft(e.Digest, "0")
			out = append(out, strings.Join(strings.Fields(fmt.Sprint("#", e.Run, " ", e.Stack, " ", e.Event, " ", e.Outcome, " ", e.By, " ", strings.TrimLeft(e.Commit, "0"), "/", digest, " ", e.Text)), " "))
		}
		return out
	}
	ghe := []string{
		"#1 ghe transition pending 1/",
		"#1 ghe transition planning agent 1/",
		"#1 ghe transition planned agent 1/1",
		"#1 ghe decision approve cli:jane 1/1 approve destroy 1",
		"#1 ghe transition approved agent 1/1",
		"#1 ghe transition applying agent 1/1",
		"#1 ghe transition applied agent 1/1",
	}
	net := []string{
		"#2 net transition pending 2/",
		"#2 net transition planning agent 2/",
		"#2 net transition planned agent 2/2",
		"#2 net decision deny slack:U2 2/2 deny not tonight",
		"#2 net transition discarded agent 2/2",
	}
	for name, c := range map[string]struct {
		q    AuditQuery
		want []string
	}{
		"all":                  {AuditQuery{}, slices.Concat(ghe, net)},
		"a stack":              {AuditQuery{Stack: "net"}, net},
		"nothing is that old":  {AuditQuery{Until: time.Now().Add(-time.Hour)}, nil},
		"nothing is that new":  {AuditQuery{Since: time.Now().Add(time.Hour)}, nil},
		"a stack that is new":  {AuditQuery{Stack: "new"}, nil},
		"all of today, of one": {AuditQuery{Stack: "ghe", Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}, ghe},
	} {
		if have := told(entries(t, s, c.q)); !slices.Equal(have, c.want) {
			t.Errorf("%s:\n%s", name, strings.Join(have, "\n"))
		}
	}
	if _, err := AuditIn(s, AuditQuery{Stack: "gha"}, nil); err == nil || AsError(err).Kind != NotFound {
		t.Errorf("of an unknown stack: %v", err)
	}
}

// BenchmarkAudit10k reads the history of 10,000 runs.
func BenchmarkAudit10k(b *testing.B) {
	s, err := store.Open(store.Options{Path: filepath.Join(b.TempDir(), "state.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	decided(b, s, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if n := len(entries(b, s, AuditQuery{})); n < 60_000 {
			b.Fatal(n)
		}
	}
}
