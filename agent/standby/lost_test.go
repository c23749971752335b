package standby_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/standby"
	"sallyport/agent/standby/standbytest"
	"sallyport/store"
)

// fate is what becomes of a request that writes.
type fate int

const (
	arrives    fate = iota // as it should be
	answerLost             // it counts, and nobody hears of it
	requestLost
	late // nobody hears of it, and it counts right before the next one
	refusal
)

// A lossy connection loses what it is told to, in turn; the last fate is that of all further requests.
type lossy struct {
	clientv3.KV

	mu    sync.Mutex
	fates []fate // none: all arrives
	late  []*lossyTxn
}

func (l *lossy) Txn(ctx context.Context) clientv3.Txn { return &lossyTxn{ctx: ctx, l: l} }

func (l *lossy) becomes(fates ...fate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fates = fates
}

// next is what becomes of a request, and what arrives before it.
func (l *lossy) next() (fate, []*lossyTxn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, before := arrives, l.late
	l.late = nil
	if len(l.fates) > 0 {
		now = l.fates[0]
	}
	if len(l.fates) > 1 {
		l.fates = l.fates[1:]
	}
	return now, before
}

type lossyTxn struct {
	ctx context.Context //nolint:containedctx // so is the real one's
	l   *lossy
	ifs []clientv3.Cmp
	yes []clientv3.Op
	no  []clientv3.Op
}

func (x *lossyTxn) If(cs ...clientv3.Cmp) clientv3.Txn   { x.ifs = cs; return x }
func (x *lossyTxn) Then(ops ...clientv3.Op) clientv3.Txn { x.yes = ops; return x }
func (x *lossyTxn) Else(ops ...clientv3.Op) clientv3.Txn { x.no = ops; return x }

func (x *lossyTxn) commit(ctx context.Context) (*clientv3.TxnResponse, error) {
	return x.l.KV.Txn(ctx).If(x.ifs...).Then(x.yes...).Else(x.no...).Commit()
}

func (x *lossyTxn) Commit() (*clientv3.TxnResponse, error) {
	if x.ifs == nil {
		return x.commit(x.ctx) // it only looks
	}
	now, before := x.l.next()
	for _, other := range before {
		if _, err := other.commit(context.Background()); err != nil {
			return nil, err
		}
	}
	switch now {
	case answerLost:
		if _, err := x.commit(x.ctx); err != nil {
			return nil, err
		}
	case late:
		x.l.mu.Lock()
		defer x.l.mu.Unlock()
		x.l.late = append(x.l.late, x)
	case refusal:
		return nil, rpctypes.ErrNoSpace
	case arrives:
		return x.commit(x.ctx)
	}
	return nil, context.DeadlineExceeded
}

// Whatever becomes of requests and answers, what Update says is so, and the log holds each entry once.
func TestAnswersThatAreLost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fates []fate
		want  error
		goes  bool // the term goes on
		kept  bool // what was written is there after the next term has begun
	}{
		{"all arrives", []fate{arrives}, nil, true, true},
		{"the answer is lost", []fate{answerLost, arrives}, nil, true, true},
		{"the answer is lost, and the next request too", []fate{answerLost, requestLost, answerLost, arrives}, nil, true, true},
		{"the request is lost", []fate{requestLost, arrives}, nil, true, true},
		{"the request comes late", []fate{late, arrives}, nil, true, true},
		{"two requests come late", []fate{late, late, arrives}, nil, true, true},
		{"etcd is full", []fate{refusal, arrives}, rpctypes.ErrNoSpace, true, false},
		{"the request is lost, and then etcd is full for a while", []fate{requestLost, refusal, refusal, arrives}, nil, true, true},
		{"the request comes late, when etcd is full", []fate{late, refusal, arrives}, nil, true, true},
		{"no answer comes within the lease, and it counted", []fate{answerLost, requestLost}, standby.ErrDeposed, false, true},
		{"nothing comes through within the lease", []fate{requestLost}, standby.ErrDeposed, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := standbytest.Start(t, standbytest.Options{Members: 1})
			a := on(t, c, "a", 10*time.Second)
			if !tt.goes {
				a = on(t, c, "a", 2*time.Second)
			}
			term := a.leads()
			if err := a.writes("before"); err != nil {
				t.Fatal(err)
			}
			at := logged(t, c)
			a.lossy.becomes(tt.fates...)
			err := a.writes("after")
			a.lossy.becomes(arrives)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			said := "before"
			if err == nil {
				said = "after"
			}
			if a.says() != said {
				t.Errorf("the store says %q", a.says())
			}
			if tt.goes {
				if err := errors.Join(term.Why(), a.writes("next")); err != nil {
					t.Fatal(err)
				}
				if n := logged(t, c) - at; n != 1 && !tt.kept || n != 2 && tt.kept {
					t.Errorf("%d entries were added", n)
				}
				return
			}
			if err := a.writes("next"); !errors.Is(err, store.ErrNotLeading) {
				t.Fatalf("it was written before it was known what the log says: %v", err)
			}
			a.leads()
			if want := map[bool]string{true: "after", false: "before"}[tt.kept]; a.says() != want {
				t.Errorf("after the log was repeated the store says %q", a.says())
			}
		})
	}
}
