// Package claims says, among several agents, who may start a run's apply, whether it is at work, and what became of it.
//
// Where one agent is alone, a file in the run's directory makes sure that no apply starts twice. Another machine does not see that
// file. So the detached runner of an apply makes a key, claims/RUN, right before it executes terraform, and only if there is none. An
// agent that takes over writes a tombstone to the same key, and only if there is none. Etcd orders the two:
//
//	the claim was first      terraform may have been executed; the new leader looks on from afar and never plans over it unseen
//	the tombstone was first  this runner can never start, whenever it wakes up; the new leader plans again
//
// Neither key is ever changed or removed. The answer to a claim can be lost on its way: then the runner asks again, and knows its own
// claim by a token. What it cannot find out it takes for a no.
//
// A second key, alive/RUN, is there as long as the runner is: it is made together with the claim, bound to a lease of the runner's own,
// and goes in the transaction that writes results/RUN. So whoever reads all of them at once finds a claim with neither only if nobody
// saw the end: the lease ran out.
package claims

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/standby/etcd"
)

// Claims are those of one life.
type Claims struct {
	client *clientv3.Client
	keys   etcd.Keys
	name   string        // of the member
	call   time.Duration // how long one call to etcd may take
	ttl    time.Duration // of a runner's lease
}

// aliveFor is how many leases of an agent's a runner lives without a sign: that nobody saw the end of an apply is said once and for all,
// and a runner that was only cut off for a moment should not be given up.
const aliveFor = 3

// New makes the claims of a life, asked for through a client of its cluster.
func New(client *clientv3.Client, c etcd.Config) *Claims {
	return &Claims{client: client, keys: c.Keys(), name: c.Name, call: c.Lease / 2, ttl: aliveFor * c.Lease}
}

// Name is the member that asks.
func (c *Claims) Name() string { return c.name }

// A Claim is what stands under claims/RUN, for ever. It holds nothing secret.
type Claim struct {
	Run    int       `json:"run"`
	Member string    `json:"member"`           // on whose host the apply is, or who wrote the tombstone
	Digest string    `json:"digest,omitempty"` // of the plan
	At     time.Time `json:"at"`
	Token  string    `json:"token,omitempty"` // by which a runner knows its own claim
	// Tombstone: the apply can never start.
	Tombstone bool `json:"tombstone,omitempty"`
}

// Seen is how a run's apply stands, as of one moment.
type Seen struct {
	Claim    *Claim          // nil: nobody has claimed it
	Alive    bool            // its runner is
	Progress json.RawMessage // what the runner said of it last, while it is alive
	End      json.RawMessage // what became of it; nil: nobody has said so
}

// AtWork: the apply was claimed, and its runner lives.
func (s Seen) AtWork() bool { return s.Claim != nil && !s.Claim.Tombstone && s.Alive && s.End == nil }

// Forbidden: the apply can never start.
func (s Seen) Forbidden() bool { return s.Claim != nil && s.Claim.Tombstone }

// Look reads how a run's apply stands. All of it is of one moment, and no older than the call.
func (c *Claims) Look(ctx context.Context, run int) (Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, c.call)
	defer cancel()
	answer, err := c.client.Txn(ctx).Then(c.look(run)...).Commit()
	if err != nil {
		return Seen{}, fmt.Errorf("reading the claim of run %d: %w", run, err)
	}
	return seen(run, answer)
}

func (c *Claims) look(run int) []clientv3.Op {
	return []clientv3.Op{clientv3.OpGet(c.keys.Claim(run)), clientv3.OpGet(c.keys.Alive(run)), clientv3.OpGet(c.keys.Result(run))}
}

// seen reads the answer to look.
func seen(run int, answer *clientv3.TxnResponse) (Seen, error) {
	var s Seen
	var values [3][]byte
	for i, r := range answer.Responses[:len(values)] {
		if kvs := r.GetResponseRange().Kvs; len(kvs) > 0 {
			values[i] = kvs[0].Value
		}
	}
	if values[0] != nil {
		s.Claim = new(Claim)
		if err := json.Unmarshal(values[0], s.Claim); err != nil || s.Claim.Run != run {
			return Seen{}, fmt.Errorf("reading the claim of run %d: what stands there is of run %d: %w", run, s.Claim.Run, errors.Join(err, errForeign))
		}
	}
	s.Alive, s.Progress, s.End = values[1] != nil, values[1], values[2]
	return s, nil
}

var errForeign = errors.New("it is no claim of this run")

// Forbid writes the tombstone of an apply that nobody has claimed. What it returns says whether that came first, or a claim.
func (c *Claims) Forbid(ctx context.Context, run int) (Seen, error) {
	raw, err := json.Marshal(Claim{Run: run, Member: c.name, At: time.Now().UTC().Round(0), Tombstone: true})
	if err != nil {
		return Seen{}, fmt.Errorf("forbidding the apply of run %d: %w", run, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.call)
	defer cancel()
	if err := c.once(ctx, c.keys.Claim(run), clientv3.OpPut(c.keys.Claim(run), string(raw))); err != nil {
		return Seen{}, fmt.Errorf("forbidding the apply of run %d: %w", run, err)
	}
	return c.Look(ctx, run) // whoever wrote it: it never changes again
}

// once does something if a key was never made.
func (c *Claims) once(ctx context.Context, key string, do ...clientv3.Op) error {
	_, err := c.client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).Then(do...).Commit()
	return err
}

// Stop asks the runner of an apply to interrupt terraform, wherever it is.
func (c *Claims) Stop(ctx context.Context, run int) error {
	ctx, cancel := context.WithTimeout(ctx, c.call)
	defer cancel()
	if err := c.once(ctx, c.keys.Stop(run), clientv3.OpPut(c.keys.Stop(run), c.name)); err != nil {
		return fmt.Errorf("asking the apply of run %d to stop: %w", run, err)
	}
	return nil
}

// Forget removes what became of a run that no record is kept of any more. Its claim stays: nothing else keeps a runner from starting
// that woke up after years.
func (c *Claims) Forget(ctx context.Context, run int) error {
	ctx, cancel := context.WithTimeout(ctx, c.call)
	defer cancel()
	if _, err := c.client.Txn(ctx).Then(clientv3.OpDelete(c.keys.Result(run)), clientv3.OpDelete(c.keys.Stop(run))).Commit(); err != nil {
		return fmt.Errorf("forgetting the apply of run %d: %w", run, err)
	}
	return nil
}
