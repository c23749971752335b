package standby

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sallyport/agent/contain"
	"sallyport/store"
)

// A Term is the time for which a member leads.
type Term struct {
	m      *Member
	number int64 // the revision of etcd at which the key was made; no two terms have the same
	lease  *lease
	done   chan struct{}

	head     string // what the key "head" says, as this leader wrote or found it; touched by the store's one writer only
	snapshot meter

	mu  sync.Mutex
	why error
}

// Number tells terms apart; later ones have higher numbers.
func (t *Term) Number() int64 { return t.number }

// Done is closed when the term is over.
func (t *Term) Done() <-chan struct{} { return t.done }

// Why says why the term is over; nil as long as it is not. It asks the clock: between the moment at which a paused process goes on and
// that at which Done is closed, something could be begun that must not be. Ask before beginning anything.
func (t *Term) Why() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why != nil {
		return t.why
	}
	if err := t.lease.over(); err != nil {
		return fmt.Errorf("%w: %w", ErrDeposed, err)
	}
	return nil
}

// end ends the term here: nothing more is written.
func (t *Term) end(why error) {
	t.m.o.Store.Fence()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why != nil {
		return
	}
	t.why = why
	close(t.done)
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	t.m.ended = t.number
}

// lead begins to write the log. The member has the leader's key, and its store has repeated all entries.
func (t *Term) lead(ctx context.Context) error {
	err := t.m.o.Store.Replicate(store.Leader{
		Term:   t.number,
		Record: func(entry []byte, at store.Head) error { return t.record(ctx, entry, at) },
		Lost: func(err error) {
			t.end(fmt.Errorf("%w: what was recorded in etcd could not be written here: %w", ErrDeposed, err))
		},
	})
	if err != nil {
		return err
	}
	for _, work := range []struct {
		name string
		do   func(ctx context.Context)
	}{{"watching the term", t.watch}, {"copying the store to etcd", t.copies}} {
		contain.Go(work.name, func(p *contain.Panic) { t.end(fmt.Errorf("%w: %w", ErrDeposed, p)) }, func() { work.do(ctx) })
	}
	return nil
}

// watch ends the term when the lease has ended, or the key is another one's.
func (t *Term) watch(ctx context.Context) {
	for t.Why() == nil && ctx.Err() == nil {
		timer := time.NewTimer(min(t.m.beat, max(t.lease.left(), time.Millisecond)))
		select {
		case <-timer.C:
		case <-t.lease.done:
		case <-t.done:
		case <-ctx.Done():
		}
		timer.Stop()
		if t.Why() != nil || ctx.Err() != nil {
			break
		}
		now, err := t.m.look(ctx)
		if err == nil && now.term != t.number {
			t.end(fmt.Errorf("%w: %s leads", ErrDeposed, now.who()))
		}
		if err == nil {
			_ = t.m.publish(ctx, t.lease, now) // seen by the others; tried again at the next beat
		}
	}
	if why := t.Why(); why != nil {
		t.end(why)
		return
	}
	t.end(fmt.Errorf("%w: %w", ErrDeposed, ctx.Err()))
}

// Resign hands over: nothing more is written from now on, and another member may lead at once. This one holds back for a while.
func (t *Term) Resign(ctx context.Context) error {
	t.end(ErrStoodDown)
	return t.handOver(ctx)
}

// handOver takes the key away, unless it is another one's.
func (t *Term) handOver(ctx context.Context) error {
	t.m.rest()
	for {
		_, err := within(ctx, t.m.call, func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return t.m.client.Txn(ctx).If(t.mine()).Then(clientv3.OpDelete(t.m.keys.Leader())).Commit()
		})
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || t.lease.over() != nil {
			return fmt.Errorf("handing over, which the end of the lease will do: %w", err)
		}
		pause(ctx, t.lease.done, t.m.beat/4)
	}
}

// mine is the fence's first half: the key is the one that this leader made.
func (t *Term) mine() clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(t.m.keys.Leader()), "=", t.number)
}

// record is called by the store with what a transaction changed. It returns nil if and only if the entry is in the log, for ever. After
// an error it is not, or the term is over.
func (t *Term) record(ctx context.Context, entry []byte, at store.Head) error {
	if err := t.Why(); err != nil {
		return err
	}
	value, err := t.pack(ctx, entry, at.Number)
	if err != nil {
		return err
	}
	head, err := headText(at)
	if err != nil {
		return err
	}
	counted, err := t.write(ctx, value, at.Number, head)
	if err != nil {
		return err
	}
	if !counted {
		t.end(fmt.Errorf("%w: etcd refused what it wrote", ErrDeposed))
		return t.Why()
	}
	t.head = head
	t.snapshot.add(len(entry))
	return nil
}

// write sends the fenced transaction until it is answered, and says whether it counts.
func (t *Term) write(ctx context.Context, value string, number uint64, head string) (counted bool, err error) {
	keys, began := t.m.keys, time.Now()
	for limit := t.m.call; ; limit *= 2 {
		answer, err := within(ctx, min(limit, t.lease.left()), func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return t.m.client.Txn(ctx).
				If(t.mine(), clientv3.Compare(clientv3.Value(keys.Head()), "=", t.head)).
				Then(clientv3.OpPut(keys.Log(number), value), clientv3.OpPut(keys.Head(), head)).
				Else(clientv3.OpGet(keys.Head())).
				Commit()
		})
		switch {
		case err == nil && answer.Succeeded:
			return true, nil
		case err == nil:
			// What was sent before and not answered may have counted meanwhile: no other entry has this head.
			kvs := answer.Responses[0].GetResponseRange().Kvs
			return len(kvs) == 1 && string(kvs[0].Value) == head, nil
		case limit == t.m.call && refused(err):
			return false, fmt.Errorf("etcd does not take it: %w", err)
		case time.Since(began) > t.m.o.Etcd.Lease:
			t.end(fmt.Errorf("%w: etcd has not said for a lease whether it recorded something: %w", ErrDeposed, err))
		}
		if why := t.Why(); why != nil {
			return false, fmt.Errorf("%w; whether it was recorded, the log will tell: %w", why, err)
		}
		pause(ctx, t.done, t.m.beat/8)
	}
}

// refused reports whether etcd said of a request that it will never do it. Any other error may be of an answer that was lost.
func refused(err error) bool {
	code := status.Code(err)
	var said rpctypes.EtcdError
	if errors.As(err, &said) {
		code = said.Code()
	}
	switch code {
	case codes.InvalidArgument, codes.ResourceExhausted, codes.PermissionDenied, codes.Unauthenticated:
		return true
	}
	return false
}

// fenced sends a transaction that only the leader may make, and that may be made twice, until it is answered.
func (t *Term) fenced(ctx context.Context, ops ...clientv3.Op) error {
	for limit := t.m.call; ; limit *= 2 {
		answer, err := within(ctx, limit, func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return t.m.client.Txn(ctx).If(t.mine()).Then(ops...).Commit()
		})
		switch {
		case err == nil && answer.Succeeded:
			return nil
		case err == nil:
			t.end(fmt.Errorf("%w: etcd refused what it wrote", ErrDeposed))
			return t.Why()
		case refused(err), ctx.Err() != nil, limit > t.m.o.Etcd.Lease:
			return err
		}
		if why := t.Why(); why != nil {
			return errors.Join(why, err)
		}
		pause(ctx, t.done, t.m.beat/8)
	}
}
