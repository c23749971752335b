package standby_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/patience"
	"sallyport/agent/standby"
	"sallyport/agent/standby/etcd"
	"sallyport/agent/standby/standbytest"
	"sallyport/store"
)

// long is a lease that does not end while a test looks.
const long = etcd.MaxLease

// A member is one agent of a test, without an agent.
type member struct {
	*standby.Member
	t     *testing.T
	host  *standbytest.Host
	store *store.Store
	path  string
	term  *standby.Term
	lossy *lossy
}

// on makes a member with a new store.
func on(t *testing.T, c *standbytest.Cluster, name string, lease time.Duration) *member {
	t.Helper()
	m := &member{t: t, host: c.Host(name), path: filepath.Join(t.TempDir(), "state.db")}
	m.open(lease)
	return m
}

// open opens the store and joins.
func (m *member) open(lease time.Duration) {
	m.t.Helper()
	s, err := store.Open(store.Options{Path: m.path, Fenced: true})
	if err != nil {
		m.t.Fatal(err)
	}
	m.store = s
	m.Member, err = standby.Open(m.t.Context(), standby.Options{
		Store: s, Etcd: m.host.Config("/test", lease), Version: "1.2.3", Log: slog.New(slog.NewTextHandler(m.t.Output(), nil)),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.lossy = &lossy{KV: m.Client().KV}
	m.Client().KV = m.lossy
	joined := m.Member
	m.t.Cleanup(func() { // whether it was closed by the test or not
		_ = joined.Close(context.Background())
		if err := s.Close(); err != nil {
			m.t.Error(err)
		}
	})
}

// leads waits until the member leads.
func (m *member) leads() *standby.Term {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), patience.Limit())
	defer cancel()
	term, err := m.Campaign(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	m.term = term
	return term
}

// campaigns lets the member follow, until the test ends or it leads.
func (m *member) campaigns() <-chan *standby.Term {
	terms := make(chan *standby.Term, 1)
	ctx, cancel := context.WithCancel(m.t.Context())
	done := make(chan struct{})
	m.t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		term, err := m.Campaign(ctx)
		if err != nil && ctx.Err() == nil {
			m.t.Errorf("%s does not follow: %v", m.View().Name, err)
		}
		if err == nil {
			terms <- term
		}
	}()
	return terms
}

func (m *member) writes(text string) error {
	return m.store.Update(func(tx *store.Tx) error { return tx.PutSetting("note", text) })
}

func (m *member) says() string {
	m.t.Helper()
	var text string
	if err := m.store.View(func(tx *store.Tx) error { _, err := tx.Setting("note", &text); return err }); err != nil {
		m.t.Fatal(err)
	}
	return text
}

func (m *member) head() store.Head {
	m.t.Helper()
	head, err := m.store.Head()
	if err != nil {
		m.t.Fatal(err)
	}
	return head
}

// eventually waits for what must happen.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	for !happened() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("it never happened that %s", what)
		}
	}
}

// led waits for a term that somebody else's goroutine waits for.
func led(t *testing.T, terms <-chan *standby.Term) *standby.Term {
	t.Helper()
	select {
	case term := <-terms:
		return term
	case <-time.After(patience.Limit()):
		t.Fatal("nobody takes over")
		return nil
	}
}

func keys() etcd.Keys { return etcd.Config{Prefix: "/test"}.Keys() }

// logged is how many entries the log holds.
func logged(t *testing.T, c *standbytest.Cluster) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	answer, err := c.Client().Get(ctx, keys().Logs(), clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	return answer.Count
}

// do changes something in etcd as no member would.
func do(t *testing.T, c *standbytest.Cluster, ops ...clientv3.Op) *clientv3.TxnResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	answer, err := c.Client().Txn(ctx).Then(ops...).Commit()
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// A second agent takes over what the first one has, follows, and goes on where that one stops.
func TestOneLeadsAndTheOtherFollows(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 1})
	a, b := on(t, c, "a", long), on(t, c, "b", long)
	first := a.leads()
	if err := a.writes("first"); err != nil {
		t.Fatal(err)
	}
	if err := b.writes("not mine"); !errors.Is(err, store.ErrNotLeading) {
		t.Fatalf("a follower wrote: %v", err)
	}
	terms := b.campaigns()
	eventually(t, "b has what a wrote before", func() bool { return b.says() == "first" })
	if err := a.writes("second"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "b has what a wrote since", func() bool { return b.says() == "second" && b.head() == a.head() })
	eventually(t, "b knows who leads", func() bool {
		v := b.View()
		return v.Leader == "a" && v.Role == standby.Follower && len(v.Members) == 2 && v.Members[0].Name == "a" && v.Members[1].Name == "b" && v.Err == nil
	})
	if v := a.View(); v.Role != standby.Leader || v.Err != nil {
		t.Errorf("the leader takes itself for %+v", v)
	}
	// The lease is a minute: only handing over explains that b leads before it ends.
	if err := first.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := led(t, terms)
	if err := a.writes("too late"); !errors.Is(err, store.ErrNotLeading) {
		t.Errorf("who stood down wrote: %v", err)
	}
	if !errors.Is(first.Why(), standby.ErrStoodDown) || second.Number() <= first.Number() {
		t.Errorf("term %d is over because of %v, and then comes %d", first.Number(), first.Why(), second.Number())
	}
	select {
	case <-first.Done():
	default:
		t.Error("who stood down was not told")
	}
	if err := b.writes("third"); err != nil {
		t.Fatal(err)
	}
	a.campaigns()
	eventually(t, "a has what b wrote", func() bool { return a.says() == "third" && a.head() == b.head() })
}

// The agent that ends well is followed at once, with a lease of a minute.
func TestWhoStopsLetsGo(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 1})
	a, b := on(t, c, "a", long), on(t, c, "b", long)
	a.leads()
	if err := a.writes("last"); err != nil {
		t.Fatal(err)
	}
	terms := b.campaigns()
	eventually(t, "b follows", func() bool { return b.says() == "last" })
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	led(t, terms)
	if a.term.Why() == nil {
		t.Error("who let go takes itself for the leader")
	}
}

// A member that reaches nobody stops before another one can lead, and what it still writes is refused.
func TestWhoIsCutOffStops(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 1})
	a, b := on(t, c, "a", 3*time.Second), on(t, c, "b", 3*time.Second)
	first := a.leads()
	if err := a.writes("before"); err != nil {
		t.Fatal(err)
	}
	terms := b.campaigns()
	eventually(t, "b follows", func() bool { return b.says() == "before" })
	a.host.Cut()
	second := led(t, terms)
	if !errors.Is(first.Why(), standby.ErrDeposed) {
		t.Errorf("two lead: a says %v of its term", first.Why())
	}
	if err := b.writes("after"); err != nil && second.Why() == nil {
		t.Fatal(err)
	}
	if err := a.writes("lost"); err == nil {
		t.Error("what nobody recorded was written")
	}
	a.host.Heal()
	a.campaigns()
	eventually(t, "a says what b says", func() bool { return a.says() == "after" && a.head() == b.head() })
}

// The fence holds where a leader believes in its lease: etcd took the key away, and nobody told it.
func TestEtcdRefusesWhoWasDeposed(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 1})
	a := on(t, c, "a", long)
	term := a.leads()
	if err := a.writes("before"); err != nil {
		t.Fatal(err)
	}
	at := logged(t, c)
	do(t, c, clientv3.OpPut(keys().Life()+"-untouched", ""), clientv3.OpDelete(keys().Leader()))
	err := a.writes("after")
	if !errors.Is(err, standby.ErrDeposed) || a.says() != "before" || logged(t, c) != at {
		t.Fatalf("who was deposed wrote %q: %v", a.says(), err)
	}
	if term.Why() == nil {
		t.Error("the term goes on")
	}
	if err := a.writes("again"); !errors.Is(err, store.ErrNotLeading) {
		t.Errorf("it was tried again: %v", err)
	}
}

// The other half of the fence: the key is ours, and somebody changed the log.
func TestEtcdRefusesWhatDoesNotFollow(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 1})
	a := on(t, c, "a", long)
	a.leads()
	if err := a.writes("before"); err != nil {
		t.Fatal(err)
	}
	text := string(do(t, c, clientv3.OpGet(keys().Head())).Responses[0].GetResponseRange().Kvs[0].Value)
	do(t, c, clientv3.OpPut(keys().Head(), strings.Replace(text, `"number":1`, `"number":2`, 1)))
	if err := a.writes("after"); !errors.Is(err, standby.ErrDeposed) || a.says() != "before" {
		t.Errorf("an entry was written after one that the store has not: %v", err)
	}
}

// One that is called like another follows, and leads only when the other is gone.
func TestANameBelongsToOne(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 1})
	a, twin := on(t, c, "a", long), on(t, c, "a", long)
	term := a.leads()
	if err := a.writes("mine"); err != nil {
		t.Fatal(err)
	}
	terms := twin.campaigns()
	eventually(t, "the twin follows and says what keeps it", func() bool {
		err := twin.View().Err
		return twin.says() == "mine" && err != nil && strings.Contains(err.Error(), "another agent is called a too")
	})
	if err := term.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nobody leads", func() bool { return twin.View().Leader == "" })
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	led(t, terms)
}

// large makes one entry of several megabytes.
func (m *member) writesMuch(round int) error {
	return m.store.Update(func(tx *store.Tx) error {
		for i := range 12 {
			if err := tx.PutSetting(fmt.Sprintf("large %d", i), strings.Repeat(fmt.Sprintf("%d of %d ", i, round), 20_000)); err != nil {
				return err
			}
		}
		return tx.PutSetting("note", fmt.Sprintf("round %d", round))
	})
}

// Large entries travel in parts, and what was copied as a whole leaves the log.
func TestLargeEntriesAndWholeCopies(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 1})
	a, b, late := on(t, c, "a", long), on(t, c, "b", long), on(t, c, "late", long)
	a.leads()
	b.campaigns()
	copies := func() (names []string) {
		for _, kv := range do(t, c, clientv3.OpGet(keys().Snapshots(), clientv3.WithPrefix(), clientv3.WithKeysOnly())).Responses[0].GetResponseRange().Kvs {
			names = append(names, string(kv.Key))
		}
		return names
	}
	begun := copies()
	if len(begun) != 1 {
		t.Fatalf("the first leader's store is there as %q", begun)
	}
	round := 0
	write := func() {
		t.Helper()
		round++
		if err := a.writesMuch(round); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		before := copies()[0]
		for copies()[0] == before {
			write()
		}
		eventually(t, "the copy before is gone", func() bool { return len(copies()) == 1 })
	}
	eventually(t, "b repeated all of it", func() bool { return b.head() == a.head() })
	eventually(t, "older entries are gone", func() bool { return logged(t, c) < int64(round) })
	if b.says() != fmt.Sprintf("round %d", round) {
		t.Errorf("b says %s", b.says())
	}
	late.campaigns()
	eventually(t, "who comes late has all of it", func() bool { return late.head() == a.head() })
	if late.says() != a.says() {
		t.Errorf("who comes late says %q", late.says())
	}
}
