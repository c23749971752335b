package standby

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/store"
)

// A Role is what a member does.
type Role string

// The roles.
const (
	Follower Role = "standby"
	Leader   Role = "leader"
)

// A View is what a member knows of all of them.
type View struct {
	Name    string // of this member
	Role    Role
	Leader  string     // who leads; empty if nobody does, or nobody knows
	Head    uint64     // the newest entry in etcd
	Members []Standing // by name
	At      time.Time  // when etcd last answered
	Err     error      // why this member does not follow at the moment; nil if it does
}

// A Standing is what a member says of itself.
type Standing struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Head    uint64    `json:"head"` // the newest entry in its store
	Since   time.Time `json:"since"`
}

// View is what the member knows, from memory: etcd is asked at each beat anyway, a fifth of a lease.
func (m *Member) View() View {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.view
	v.Members = slices.Clone(v.Members)
	if v.Role == "" {
		v.Role = Follower
	}
	if v.Err == nil && time.Since(v.At) > m.o.Etcd.Lease {
		v.Err = fmt.Errorf("etcd has not answered for %s", time.Since(v.At).Round(time.Second))
	}
	return v
}

// A sight is what etcd said at one moment.
type sight struct {
	life     string // empty: the prefix is empty
	head     store.Head
	headText string
	leader   *mvccpb.KeyValue // nil: nobody leads
	term     int64            // the number of the leader's term
	own      *mvccpb.KeyValue // what is kept under this member's name
}

func (s sight) who() string {
	if s.leader == nil {
		return "nobody"
	}
	return string(s.leader.Value)
}

// look asks etcd for all that a member goes by, as of one moment.
func (m *Member) look(ctx context.Context) (sight, error) {
	keys := m.keys
	answer, err := within(ctx, m.call, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return m.client.Txn(ctx).Then(
			clientv3.OpGet(keys.Life()), clientv3.OpGet(keys.Head()), clientv3.OpGet(keys.Leader()), clientv3.OpGet(keys.Members(), clientv3.WithPrefix()),
		).Commit()
	})
	if err != nil {
		return sight{}, fmt.Errorf("asking etcd: %w", err)
	}
	var s sight
	got := func(i int) []*mvccpb.KeyValue { return answer.Responses[i].GetResponseRange().Kvs }
	if kvs := got(0); len(kvs) > 0 {
		s.life = string(kvs[0].Value)
	}
	if kvs := got(1); len(kvs) > 0 {
		s.headText = string(kvs[0].Value)
		if err := json.Unmarshal(kvs[0].Value, &s.head); err != nil {
			return sight{}, fmt.Errorf("reading the newest entry's number: %w", err)
		}
	}
	if s.head.Life != s.life {
		return sight{}, fmt.Errorf("the keys under %s belong to two lives: %q and %q", m.o.Etcd.Prefix, s.life, s.head.Life)
	}
	if kvs := got(2); len(kvs) > 0 {
		s.leader, s.term = kvs[0], kvs[0].CreateRevision
	}
	var members []Standing
	for _, kv := range got(3) {
		var one Standing
		if err := json.Unmarshal(kv.Value, &one); err == nil {
			members = append(members, one)
		}
		if string(kv.Key) == keys.Member(m.o.Etcd.Name) {
			s.own = kv
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.view.Head, m.view.Members, m.view.At, m.view.Leader = s.head.Number, members, time.Now(), ""
	m.view.Role = Follower
	if s.leader != nil {
		m.view.Leader = s.who()
		if m.lease != nil && clientv3.LeaseID(s.leader.Lease) == m.lease.id {
			m.view.Role = Leader
		}
	}
	return s, nil
}

// publish says how far this member is, if that is news. A name belongs to one member: while another one lives under it, this one leads
// nobody, or nobody could tell which of the two had claimed a run.
func (m *Member) publish(ctx context.Context, l *lease, now sight) error {
	have, err := m.o.Store.Head()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(Standing{Name: m.o.Etcd.Name, Version: m.o.Version, Head: have.Number, Since: m.since.UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	key, revision := m.keys.Member(m.o.Etcd.Name), int64(0)
	if now.own != nil {
		if string(now.own.Value) == string(raw) && clientv3.LeaseID(now.own.Lease) == l.id {
			return nil
		}
		if clientv3.LeaseID(now.own.Lease) != l.id {
			return fmt.Errorf("another agent is called %s too, or was until a moment ago", m.o.Etcd.Name)
		}
		m.mu.Lock()
		said := m.said
		m.mu.Unlock()
		if time.Since(said) < m.beat {
			return nil // not with every entry
		}
		revision = now.own.ModRevision
	}
	answer, err := within(ctx, m.call, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return m.client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(key), "=", revision)).
			Then(clientv3.OpPut(key, string(raw), clientv3.WithLease(l.id))).
			Commit()
	})
	if err == nil && !answer.Succeeded {
		err = errors.New("somebody else wrote under this member's name")
	}
	if err != nil {
		return fmt.Errorf("saying how far this member is: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said = time.Now()
	return nil
}
