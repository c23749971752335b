package standby

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/contain"
)

// A lease is a member's sign of life. What is bound to it in etcd goes when it is not renewed in time.
type lease struct {
	id   clientv3.LeaseID
	done chan struct{}

	mu    sync.Mutex
	until time.Time // before etcd can take it for ended, by this machine's monotonic clock
	why   error
}

// grant gets a lease and keeps it until ctx ends or it cannot be kept.
//
// It is renewed by single calls, each with a deadline of its own, and not by the client's stream: that hangs on one connection, and where
// a link swallows what is sent, grpc takes longer than a lease to find out, though other endpoints would answer.
func (m *Member) grant(ctx context.Context) (*lease, error) {
	asked := time.Now()
	answer, err := within(ctx, m.call, func(ctx context.Context) (*clientv3.LeaseGrantResponse, error) {
		return m.client.Grant(ctx, int64(m.o.Etcd.Lease/time.Second))
	})
	if err != nil {
		return nil, fmt.Errorf("getting a lease: %w", err)
	}
	l := &lease{id: answer.ID, done: make(chan struct{}), until: asked.Add(m.o.Etcd.Lease)}
	contain.Go("keeping the lease in etcd", func(p *contain.Panic) { l.end(p) }, func() { m.keep(ctx, l) })
	return l, nil
}

func (m *Member) keep(ctx context.Context, l *lease) {
	for l.over() == nil {
		pause(ctx, l.done, m.beat)
		asked := time.Now()
		left := l.left()
		if ctx.Err() != nil {
			l.end(fmt.Errorf("keeping the lease: %w", ctx.Err()))
			return
		}
		if left <= 0 {
			break
		}
		_, err := within(ctx, min(m.call, left), func(ctx context.Context) (*clientv3.LeaseKeepAliveResponse, error) {
			return m.client.KeepAliveOnce(ctx, l.id)
		})
		switch {
		case err == nil:
			l.renew(asked.Add(m.o.Etcd.Lease))
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			l.end(errors.New("the lease has ended: etcd heard nothing in time"))
		}
	}
	l.end(l.over())
}

// renew moves the end on, unless it has passed: who was paused in between may find an answer that was on its way all the time.
func (l *lease) renew(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.until) {
		l.until = until
	}
}

func (l *lease) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.until)
}

// over says why the lease has, or may have, ended; nil as long as it cannot have.
func (l *lease) over() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why == nil && !time.Now().Before(l.until) {
		return errors.New("etcd did not answer within the lease")
	}
	return l.why
}

// end ends the lease here. In etcd it ends by itself.
func (l *lease) end(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why == nil {
		l.why = why
		close(l.done)
	}
}
