// Package standby lets several agents on different machines share one life, of which one leads at a time. All that they agree on lies in
// etcd; each has a store of its own, which says the same as the others' as far as it has followed.
//
// # The fence
//
// Who leads has made the key "leader", which only somebody who finds none can make, and which goes when its maker's lease ends. The
// number of that making is the number of the term. Each transaction of the leader's store becomes one entry of a log, written by one
// transaction of etcd (see [Term.write]):
//
//	if   the key "leader" was made by me, and "head" says what I wrote last
//	then put log/N+1 and head = N+1
//
// and is committed to the leader's own file afterwards. So a leader that was deposed, paused, or cut off for however long writes nothing
// any more, whatever it believes: etcd refuses it. It also stops by its own clock when its lease may have ended ([Term.Why]), so that it
// does not begin what it could not record.
//
// An answer that does not come says nothing. The same transaction is sent again until one is answered: it can count once only, since
// head is another one afterwards. So an entry is recorded, or was refused, or the term is over; only in the last case it may be unknown
// which, and then the store is written by nobody before it has repeated what the log says.
//
// # Following
//
// Everybody else repeats the log ([Member.Campaign]) and tries to lead as soon as nobody does. Before a new leader writes anything it
// has repeated all entries: nobody can add one any more once it has the key. A store that cannot have the same past is refused: one that
// is ahead of etcd or parted from it, and one of another life. One that lacks more than the log holds takes the newest snapshot.
package standby

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/standby/etcd"
	"sallyport/store"
)

// What keeps a member from following, for errors.Is, until a person has mended it. All of them have a hint.
var (
	// ErrAhead: etcd knows less than the store, or something else.
	ErrAhead = errors.New("the store says what etcd does not know")
	// ErrForeign: the store has a past of its own.
	ErrForeign = errors.New("the store is of another life than etcd's")
)

// Why a term is over, for errors.Is.
var (
	// ErrDeposed: another member leads, or may lead.
	ErrDeposed = errors.New("this agent does not lead any more")
	// ErrStoodDown: a person wanted another member to lead.
	ErrStoodDown = errors.New("this agent has stood down")
)

// Options say who a member is.
type Options struct {
	Store   *store.Store // opened with Options.Fenced
	Etcd    etcd.Config
	Version string // of the program, for people
	Log     *slog.Logger
}

func (o Options) validate() error {
	if o.Store == nil || o.Log == nil {
		return errors.New("no store or no log is given")
	}
	return o.Etcd.Validate()
}

// A Member is one agent of those that share a life. Its methods may be called from any goroutine; one at a time may be in Campaign.
type Member struct {
	o      Options
	keys   etcd.Keys
	client *clientv3.Client
	since  time.Time

	beat time.Duration // between two signs of life
	call time.Duration // after which an answer is not waited for any more: another endpoint may have one

	mu    sync.Mutex
	view  View
	lease *lease
	rests time.Time // until when somebody else should lead, if anybody does
	ended int64     // the number of this member's last term that is over
	said  time.Time // when it last said how far it is
}

// Open makes a member. Whether etcd is there is seen by what follows.
func Open(ctx context.Context, o Options) (*Member, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("joining the other agents: %w", err)
	}
	client, err := etcd.Dial(ctx, o.Etcd)
	if err != nil {
		return nil, fmt.Errorf("joining the other agents: %w", err)
	}
	m := &Member{
		o: o, keys: o.Etcd.Keys(), client: client, since: time.Now(),
		beat: o.Etcd.Lease / 5, call: o.Etcd.Lease / 4,
	}
	m.view = View{Name: o.Etcd.Name, Err: errors.New("etcd was not asked yet")}
	return m, nil
}

// Client is how the member speaks with etcd.
func (m *Member) Client() *clientv3.Client { return m.client }

// Close lets go of all that the member holds in etcd, so that nobody waits for its lease to end.
func (m *Member) Close(ctx context.Context) error {
	m.mu.Lock()
	l := m.lease
	m.mu.Unlock()
	var err error
	if l != nil {
		l.end(errors.New("the agent stops"))
		ctx, cancel := context.WithTimeout(ctx, m.call)
		defer cancel()
		if _, err = m.client.Revoke(ctx, l.id); err != nil {
			err = fmt.Errorf("ending the lease in etcd: %w", err)
		}
	}
	return errors.Join(err, m.client.Close())
}

// within makes a call to etcd with its own deadline.
func within[T any](ctx context.Context, limit time.Duration, call func(ctx context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return call(ctx)
}

// pause waits, or until ctx or done ends.
func pause(ctx context.Context, done <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-done:
	}
}
