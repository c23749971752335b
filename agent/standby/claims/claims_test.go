package claims_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/standby/claims"
	"sallyport/agent/standby/etcd"
	"sallyport/agent/standby/standbytest"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

// life is one life in a cluster, as a member sees it.
type life struct {
	t      *testing.T
	host   *standbytest.Host
	config etcd.Config
	client *clientv3.Client
	*claims.Claims
}

func join(t *testing.T, c *standbytest.Cluster, prefix, name string) *life {
	t.Helper()
	host := c.Host(name)
	config := host.Config(prefix, etcd.MinLease)
	client, err := etcd.Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return &life{t: t, host: host, config: config, client: client, Claims: claims.New(client, config)}
}

func (l *life) claim(run int) (*claims.Holding, error) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience.Limit())
	defer cancel()
	return l.Claim(ctx, run, "digest")
}

func (l *life) must(s claims.Seen, err error) claims.Seen {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// lossy is a connection to etcd on which transactions get lost: before they arrive, or their answers.
type lossy struct {
	clientv3.KV
	mu       sync.Mutex
	requests int    // how many requests are lost still
	answers  int    // likewise of answers
	between  func() // happens when something was lost
}

func (l *lossy) Txn(ctx context.Context) clientv3.Txn { return &lossyTxn{Txn: l.KV.Txn(ctx), l: l} }

type lossyTxn struct {
	clientv3.Txn
	l *lossy
}

func (t *lossyTxn) If(cs ...clientv3.Cmp) clientv3.Txn   { t.Txn = t.Txn.If(cs...); return t }
func (t *lossyTxn) Then(ops ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Then(ops...); return t }
func (t *lossyTxn) Else(ops ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Else(ops...); return t }

var errLost = errors.New("lost on its way")

func (t *lossyTxn) Commit() (*clientv3.TxnResponse, error) {
	t.l.mu.Lock()
	defer t.l.mu.Unlock()
	var answer *clientv3.TxnResponse
	var err error
	switch {
	case t.l.requests > 0:
		t.l.requests--
		err = errLost
	case t.l.answers > 0:
		t.l.answers--
		if answer, err = t.Txn.Commit(); err == nil {
			answer, err = nil, errLost
		}
	default:
		return t.Txn.Commit()
	}
	if t.l.between != nil {
		t.l.between()
	}
	return answer, err
}

// The races between a runner on one host and an agent that takes over on another, each in one order.
func TestWhoeverWasFirstDecides(t *testing.T) {
	t.Parallel()
	cluster := standbytest.Start(t, standbytest.Options{Members: 1})
	const run = 7
	forbid := func(l *life) { l.must(l.Forbid(l.t.Context(), run)) }
	claim := func(l *life) {
		if _, err := l.claim(run); err != nil {
			l.t.Fatal(err)
		}
	}
	mine := func(s claims.Seen) bool { return s.AtWork() && s.Claim.Member == "a" }
	for i, tt := range []struct {
		name     string
		before   func(other *life)
		requests int               // of the claim, that are lost
		answers  int               // likewise
		between  func(other *life) // happens when the first is lost
		claim    string            // how the claim ends: "", "tombstone", "taken"
		after    func(other *life)
		want     func(claims.Seen) bool
	}{
		{name: "nobody else", want: mine},
		{name: "the tombstone was first", before: forbid, claim: "tombstone", want: claims.Seen.Forbidden},
		{name: "the claim was first", after: forbid, want: mine},
		{name: "another host's claim was first", before: claim, claim: "taken", want: func(s claims.Seen) bool { return s.AtWork() && s.Claim.Member == "b" }},
		{name: "the answer is lost", answers: 1, want: mine},
		{name: "the answer is lost, and the tombstone comes before it is asked again", answers: 1, between: forbid, want: mine},
		{name: "answers are lost twice", answers: 2, want: mine},
		{name: "the request is lost", requests: 2, want: mine},
		{name: "the request is lost, and the tombstone comes before it is made again", requests: 1, between: forbid, claim: "tombstone", want: claims.Seen.Forbidden},
		{name: "two tombstones", before: func(l *life) { forbid(l); forbid(l) }, claim: "tombstone", want: claims.Seen.Forbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			prefix := fmt.Sprintf("/race%d", i)
			a, b := join(t, cluster, prefix, "a"), join(t, cluster, prefix, "b")
			if tt.before != nil {
				tt.before(b)
			}
			a.client.KV = &lossy{KV: a.client.KV, requests: tt.requests, answers: tt.answers, between: sync.OnceFunc(func() {
				if tt.between != nil {
					tt.between(b)
				}
			})}
			_, err := a.claim(run)
			how := ""
			var taken *claims.TakenError
			switch {
			case errors.As(err, &taken) && taken.By.Tombstone:
				how = "tombstone"
			case errors.As(err, &taken):
				how = "taken"
			case err != nil:
				t.Fatal(err)
			}
			if how != tt.claim {
				t.Errorf("the claim ended with %v, want %q", err, tt.claim)
			}
			if tt.after != nil {
				tt.after(b)
			}
			if s := b.must(b.Look(t.Context(), run)); !tt.want(s) {
				t.Errorf("seen: %+v of %+v", s, s.Claim)
			}
		})
	}
}

// Claims and tombstones at once, on three members of etcd: each time one is there, and everybody knows which.
func TestRacesHaveOneWinner(t *testing.T) {
	t.Parallel()
	cluster := standbytest.Start(t, standbytest.Options{Members: 3})
	a, b := join(t, cluster, "/races", "a"), join(t, cluster, "/races", "b")
	claimed, forbidden := 0, 0
	for run := 1; run <= 200; run++ {
		var seen claims.Seen
		var forbidErr, claimErr error
		var both sync.WaitGroup
		both.Go(func() { _, claimErr = a.claim(run) })
		both.Go(func() {
			for range run % 3 { // a claim takes a lease first: without a way as long the tombstone would always win
				if _, forbidErr = b.Look(t.Context(), run); forbidErr != nil {
					break
				}
			}
			for try := 0; try < 50; try++ { // a busy machine may take longer than one call has
				if seen, forbidErr = b.Forbid(t.Context(), run); forbidErr == nil {
					return
				}
			}
		})
		both.Wait()
		if forbidErr != nil {
			t.Fatal(forbidErr)
		}
		var taken *claims.TakenError
		switch {
		case claimErr == nil && seen.AtWork():
			claimed++
		case errors.As(claimErr, &taken) && taken.By.Tombstone && seen.Forbidden():
			forbidden++
		default:
			t.Fatalf("run %d: the runner has %v, the other agent sees %+v of %+v", run, claimErr, seen, seen.Claim)
		}
	}
	t.Logf("%d claims were first, %d tombstones", claimed, forbidden)
}

// What a runner says, from its claim to its end, and what is seen of it when it dies.
func TestLifeOfARunner(t *testing.T) {
	t.Parallel()
	cluster := standbytest.Start(t, standbytest.Options{Members: 1})
	a, b := join(t, cluster, "/runner", "a"), join(t, cluster, "/runner", "b")
	fine := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := func(what string, run int, want func(claims.Seen) bool) (s claims.Seen) {
		t.Helper()
		until(t, what, func() (so bool) {
			var err error
			s, err = b.Look(t.Context(), run)
			return err == nil && want(s)
		})
		return s
	}
	if s := b.must(b.Look(t.Context(), 1)); s.Claim != nil || s.AtWork() || s.Forbidden() {
		t.Errorf("before the claim: %+v", s)
	}
	h, err := a.claim(1)
	fine(err)
	if !h.Fresh() {
		t.Error("a lease that was taken just now is over")
	}
	ctx, leave := context.WithCancel(t.Context())
	stopped, kept := make(chan struct{}), make(chan struct{})
	stop := sync.OnceFunc(func() { close(stopped) })
	go func() {
		defer close(kept)
		h.Keep(ctx, claims.Watch{Progress: func() json.RawMessage { return json.RawMessage(`{"done":3}`) }, Stop: stop, Failed: func(err error) { t.Log(err) }})
	}()
	seen("its progress is seen", 1, func(s claims.Seen) bool { return s.AtWork() && string(s.Progress) == `{"done":3}` })
	fine(b.Stop(t.Context(), 1))
	select {
	case <-stopped:
	case <-time.After(patience.Limit()):
		t.Fatal("the runner never heard that it should stop")
	}
	leave()
	<-kept
	fine(h.End(t.Context(), json.RawMessage(`{"exit_code":0}`), func(error) {}))
	fine(h.End(t.Context(), json.RawMessage(`{"exit_code":1}`), func(error) {})) // nobody writes a second one
	s := b.must(b.Look(t.Context(), 1))
	if s.AtWork() || s.Alive || string(s.End) != `{"exit_code":0}` {
		t.Errorf("after its end: %+v", s)
	}
	fine(b.Forget(t.Context(), 1))
	if s := b.must(b.Look(t.Context(), 1)); s.End != nil || s.Claim == nil {
		t.Errorf("forgotten: %+v", s)
	}

	_, err = a.claim(2) // nobody keeps this one's lease
	fine(err)
	s = seen("that of a dead runner runs out", 2, func(s claims.Seen) bool { return !s.Alive })
	if s.AtWork() || s.Forbidden() || s.End != nil || s.Claim == nil {
		t.Errorf("a dead runner is seen as %+v", s)
	}
	if s := b.must(b.Forbid(t.Context(), 2)); s.Forbidden() {
		t.Error("a tombstone took the place of a claim")
	}
}

// A runner that etcd does not answer does not start; what it could not find out is told once it can be.
func TestACutOffRunnerDoesNotStart(t *testing.T) {
	t.Parallel()
	cluster := standbytest.Start(t, standbytest.Options{Members: 1})
	a, b := join(t, cluster, "/cut", "a"), join(t, cluster, "/cut", "b")
	first, err := a.claim(1)
	if err != nil {
		t.Fatal(err)
	}
	// The claim arrives, and nothing comes back any more.
	kv := a.client.KV
	a.client.KV = &lossy{KV: kv, answers: 1 << 20}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	h, err := a.Claim(ctx, 2, "digest")
	if !errors.Is(err, claims.ErrUnknown) {
		t.Fatalf("the claim ended with %v", err)
	}
	a.client.KV = kv
	if err := h.End(t.Context(), json.RawMessage(`{"refused":"nobody knew"}`), func(err error) { t.Log(err) }); err != nil {
		t.Fatal(err)
	}
	if s := b.must(b.Look(t.Context(), 2)); s.End == nil {
		t.Errorf("seen: %+v", s)
	}
	// Its claim never arrived: nothing is told of it, and a tombstone can be written.
	a.client.KV = &lossy{KV: kv, requests: 1 << 20}
	again, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	if h, err = a.Claim(again, 3, "digest"); !errors.Is(err, claims.ErrUnknown) {
		t.Fatalf("the claim ended with %v", err)
	}
	a.client.KV = kv
	if err := h.End(t.Context(), json.RawMessage(`{"refused":"nobody knew"}`), func(err error) { t.Log(err) }); err != nil {
		t.Fatal(err)
	}
	if s := b.must(b.Forbid(t.Context(), 3)); !s.Forbidden() || s.End != nil {
		t.Errorf("seen: %+v", s)
	}
	a.host.Cut()
	until(t, "a runner that is cut off doubts its lease", func() bool { return !first.Fresh() })
	a.host.Heal()
}

// until looks again and again until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience.Limit()); !so(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
