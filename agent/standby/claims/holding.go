package claims

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// pause is how long a runner waits until it asks again where etcd did not answer.
const pause = 200 * time.Millisecond

// A TakenError says that another claim, or a tombstone, was there first. The apply must not start.
type TakenError struct{ By Claim }

func (e *TakenError) Error() string {
	if e.By.Tombstone {
		return fmt.Sprintf("agent %s has taken over, and has said at %s that this apply is not to start any more", e.By.Member, e.By.At.Format(time.TimeOnly))
	}
	return fmt.Sprintf("this apply was started before, on the host of agent %s, at %s", e.By.Member, e.By.At.Format(time.TimeOnly))
}

// ErrUnknown says that nobody knows whether a claim was made: etcd did not answer. The apply must not start.
var ErrUnknown = errors.New("etcd did not say whether this apply may start")

// A Holding is a claim as its runner holds it, or may.
type Holding struct {
	*Claims
	run   int
	claim []byte
	lease clientv3.LeaseID
	until time.Time // the lease lasts at least that long, by the monotonic clock
}

// Claim claims a run's apply, for ever. It asks until ctx ends, if etcd does not answer. After a [TakenError] or [ErrUnknown] the
// apply must not start; after the latter the claim may be there all the same, and the holding is returned so that its end can be told.
func (c *Claims) Claim(ctx context.Context, run int, digest string) (*Holding, error) {
	raw, err := json.Marshal(Claim{Run: run, Member: c.name, Digest: digest, At: time.Now().UTC().Round(0), Token: rand.Text()})
	if err != nil {
		return nil, fmt.Errorf("claiming run %d: %w", run, err)
	}
	h := &Holding{Claims: c, run: run, claim: raw}
	for {
		err := h.tryClaim(ctx)
		var taken *TakenError
		if err == nil || errors.As(err, &taken) || errors.Is(err, errForeign) {
			return h, err
		}
		select {
		case <-ctx.Done():
			return h, fmt.Errorf("%w: %w", ErrUnknown, err)
		case <-time.After(pause):
		}
	}
}

// tryClaim asks once. The claim and the sign of life are made in one transaction: a claim that is there alone would look like that of
// a runner that died.
func (h *Holding) tryClaim(ctx context.Context) error {
	if err := h.renew(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.call)
	defer cancel()
	key := h.keys.Claim(h.run)
	answer, err := h.client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, string(h.claim)), clientv3.OpPut(h.keys.Alive(h.run), "{}", clientv3.WithLease(h.lease))).
		Else(h.look(h.run)...).Commit()
	if err != nil {
		return err
	}
	if answer.Succeeded {
		return nil
	}
	s, err := seen(h.run, answer)
	if err != nil {
		return err
	}
	if there := answer.Responses[0].GetResponseRange().Kvs[0].Value; bytes.Equal(there, h.claim) {
		return nil // an earlier try had come through, and its answer had not
	}
	return &TakenError{By: *s.Claim}
}

// renew makes the runner's lease last for another while, or takes a new one.
func (h *Holding) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.call)
	defer cancel()
	asked := time.Now() // before the call: etcd counts from some moment in it
	if h.lease != clientv3.NoLease {
		answer, err := h.client.KeepAliveOnce(ctx, h.lease)
		switch {
		case err == nil:
			h.until = asked.Add(time.Duration(answer.TTL) * time.Second)
			return nil
		case !errors.Is(err, rpctypes.ErrLeaseNotFound):
			return fmt.Errorf("renewing the runner's lease: %w", err)
		}
	}
	answer, err := h.client.Grant(ctx, int64(h.ttl/time.Second))
	if err != nil {
		return fmt.Errorf("taking a lease for the runner: %w", err)
	}
	h.lease, h.until = answer.ID, asked.Add(time.Duration(answer.TTL)*time.Second)
	return nil
}

// Fresh reports whether nobody can have given this runner up yet. Where it is not, nothing may be executed any more: others may have
// said that nobody saw the end.
func (h *Holding) Fresh() bool { return time.Now().Before(h.until) }

// Watch says what a runner has to say while its apply goes on, and hears what is wanted of it.
type Watch struct {
	Progress func() json.RawMessage // how far it is
	Stop     func()                 // somebody wants it to stop; may be called again
	Failed   func(error)            // etcd was not reached; it is tried again
}

// Keep keeps the sign of life until ctx ends.
func (h *Holding) Keep(ctx context.Context, w Watch) {
	tick := time.NewTicker(h.ttl / (2 * aliveFor))
	defer tick.Stop()
	for {
		if err := h.sign(ctx, w); err != nil && ctx.Err() == nil {
			w.Failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sign gives one sign of life. One that was gone comes back: as long as nobody has looked, nobody has given the runner up.
func (h *Holding) sign(ctx context.Context, w Watch) error {
	if err := h.renew(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.call)
	defer cancel()
	answer, err := h.client.Txn(ctx).
		Then(clientv3.OpPut(h.keys.Alive(h.run), string(w.Progress()), clientv3.WithLease(h.lease)), clientv3.OpGet(h.keys.Stop(h.run))).Commit()
	if err != nil {
		return fmt.Errorf("giving a sign of life: %w", err)
	}
	if len(answer.Responses[1].GetResponseRange().Kvs) > 0 {
		w.Stop()
	}
	return nil
}

// End writes down what became of the apply, once, and takes the sign of life away with that. It tries until ctx ends. Where the claim
// is not this runner's, nothing is written.
func (h *Holding) End(ctx context.Context, end json.RawMessage, failed func(error)) error {
	for {
		err := h.end(ctx, end)
		if err == nil || ctx.Err() != nil {
			return err
		}
		failed(err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(h.call):
		}
	}
}

func (h *Holding) end(ctx context.Context, end json.RawMessage) error {
	ctx, cancel := context.WithTimeout(ctx, h.call)
	defer cancel()
	_, err := h.client.Txn(ctx).
		If(clientv3.Compare(clientv3.Value(h.keys.Claim(h.run)), "=", string(h.claim)), clientv3.Compare(clientv3.CreateRevision(h.keys.Result(h.run)), "=", 0)).
		Then(clientv3.OpPut(h.keys.Result(h.run), string(end)), clientv3.OpDelete(h.keys.Alive(h.run))).Commit()
	if err != nil {
		return fmt.Errorf("writing down how the apply of run %d ended: %w", h.run, err)
	}
	if h.lease != clientv3.NoLease {
		_, _ = h.client.Revoke(ctx, h.lease) // it runs out by itself
	}
	return nil
}
