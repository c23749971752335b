package standby

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/contain"
	"sallyport/store"
)

// Campaign follows who leads, and returns when this member does and its store has repeated all that was recorded: the store can be
// written from then on, until the term is over. Nobody may still be writing for an earlier term.
//
// An error is one that a person must mend (ErrAhead, ErrForeign, store.ErrNewerSchema), or that of ctx. What else goes wrong shows in
// View, and is tried again.
func (m *Member) Campaign(ctx context.Context) (*Term, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("waiting to lead: %w", err)
	}
	m.o.Store.Fence()
	bells, quiet := context.WithCancel(ctx)
	defer quiet()
	bell := m.bell(bells)
	for {
		term, err := m.step(ctx)
		switch {
		case term != nil:
			m.trouble(nil)
			m.o.Log.Info("this agent leads", "member", m.o.Etcd.Name, "term", term.number)
			return term, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("waiting to lead: %w", ctx.Err())
		case held(err):
			m.trouble(err)
			return nil, fmt.Errorf("following who leads: %w", err)
		}
		m.trouble(err)
		timer := time.NewTimer(m.beat)
		select {
		case <-timer.C:
		case <-bell:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// held reports whether a person must mend it.
func held(err error) bool {
	return errors.Is(err, ErrAhead) || errors.Is(err, ErrForeign) || errors.Is(err, store.ErrNewerSchema)
}

// step follows as far as there is something to follow, and leads if nobody does. Without a term and an error there is nothing to do.
func (m *Member) step(ctx context.Context) (*Term, error) {
	now, err := m.look(ctx)
	if err != nil {
		return nil, err
	}
	l, err := m.alive(ctx)
	if err != nil {
		return nil, err
	}
	if err := m.catchUp(ctx, now); errors.Is(err, ErrAhead) {
		// What an earlier term was still writing may have counted since etcd was asked.
		if now, err = m.look(ctx); err == nil {
			err = m.catchUp(ctx, now)
		}
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	if err := m.publish(ctx, l, now); err != nil {
		return nil, err
	}
	if now.leader == nil && !m.resting(now) {
		if now, err = m.seize(ctx, l); err != nil {
			return nil, err
		}
	}
	if now.leader == nil || clientv3.LeaseID(now.leader.Lease) != l.id {
		return nil, nil
	}
	t := &Term{m: m, number: now.term, lease: l, done: make(chan struct{}), head: now.headText, snapshot: newMeter()}
	if m.hasEnded(t.number) {
		return nil, t.handOver(ctx) // its key outlived it
	}
	return m.begin(ctx, t, now)
}

// hasEnded reports whether a term of this member is over, though its key may still be there.
func (m *Member) hasEnded(term int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return term == m.ended
}

// alive is the member's lease: the one that it has, or a new one.
func (m *Member) alive(ctx context.Context) (*lease, error) {
	m.mu.Lock()
	l := m.lease
	m.mu.Unlock()
	if l != nil && l.over() == nil {
		return l, nil
	}
	l, err := m.grant(context.WithoutCancel(ctx)) // it ends with the member: until then nobody else may take over what is bound to it
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lease = l
	return l, nil
}

// seize makes the leader's key if there is none. What is there then says who leads, also after an answer that was lost.
func (m *Member) seize(ctx context.Context, l *lease) (sight, error) {
	key := m.keys.Leader()
	_, err := within(ctx, m.call, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return m.client.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
			Then(clientv3.OpPut(key, m.o.Etcd.Name, clientv3.WithLease(l.id))).
			Commit()
	})
	if err != nil {
		return sight{}, fmt.Errorf("trying to lead: %w", err)
	}
	return m.look(ctx)
}

// begin begins the term of a member that has the leader's key. From here on nobody else adds an entry, so what is repeated now is all.
func (m *Member) begin(ctx context.Context, t *Term, now sight) (*Term, error) {
	err := m.catchUp(ctx, now)
	if err == nil && now.life == "" {
		err = t.found(ctx)
	}
	if err == nil {
		// The term outlives the call that began it.
		err = t.lead(context.WithoutCancel(ctx))
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.o.Etcd.Lease)
		defer cancel()
		err = errors.Join(err, t.Resign(ctx)) // somebody else may be able to
		return nil, fmt.Errorf("beginning to lead: %w", err)
	}
	m.mu.Lock()
	m.view.Role = Leader
	m.mu.Unlock()
	return t, nil
}

// found fills an empty prefix from the store of the first member that leads.
func (t *Term) found(ctx context.Context) error {
	head, err := t.m.o.Store.Found()
	if err != nil {
		return err
	}
	text, err := headText(head)
	if err != nil {
		return err
	}
	copied, err := t.upload(ctx)
	if err != nil {
		return err
	}
	err = t.fenced(ctx, clientv3.OpPut(t.m.keys.Life(), head.Life), clientv3.OpPut(t.m.keys.Head(), text), copied.op)
	if err != nil {
		return err
	}
	t.head = text
	return nil
}

// rest lets somebody else lead, for so long that everybody has had the occasion.
func (m *Member) rest() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rests = time.Now().Add(2 * m.o.Etcd.Lease)
}

func (m *Member) resting(now sight) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.leader != nil {
		m.rests = time.Time{}
	}
	return time.Now().Before(m.rests)
}

// bell rings when something may be there to do; not to hear it costs a beat. It watches as long as it can, and nothing depends on that.
func (m *Member) bell(ctx context.Context) <-chan struct{} {
	rings := make(chan struct{}, 1)
	ring := func() {
		select {
		case rings <- struct{}{}:
		default:
		}
	}
	for _, key := range []string{m.keys.Head(), m.keys.Leader()} {
		contain.Go("watching etcd", func(*contain.Panic) {}, func() {
			for ctx.Err() == nil {
				for answer := range m.client.Watch(clientv3.WithRequireLeader(ctx), key) {
					if len(answer.Events) > 0 {
						ring()
					}
				}
				pause(ctx, nil, m.beat)
			}
		})
	}
	return rings
}

// trouble keeps what goes wrong for View, and logs it when it begins and when it ends.
func (m *Member) trouble(err error) {
	m.mu.Lock()
	before := m.view.Err
	m.view.Err = err
	m.mu.Unlock()
	switch {
	case err != nil && before == nil:
		m.o.Log.Warn("the life that other agents share cannot be followed; trying again", "err", err)
	case err == nil && before != nil:
		m.o.Log.Info("following the life that other agents share", "member", m.o.Etcd.Name)
	}
}
