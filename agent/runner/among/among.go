// Package among is a runner's place among several agents that share a life.
//
// There a run is claimed twice: on its host, by a file, and in etcd, by the key of package claims, which is what the agents on the
// other hosts see. The key comes last, right before the mark that terraform is executed: a runner that is told no has not marked
// anything, so that a look from outside finds that terraform certainly changed nothing.
//
// Whatever happens to the agent, the runner keeps its own lease, and tells etcd what became of the apply as well as its directory.
package among

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/fault"
	"sallyport/agent/standby/claims"
	"sallyport/agent/standby/etcd"
	"sallyport/notify/redact"
)

// How long the end of an apply is tried to be told, and the refusal of one. Nobody waits longer for it: the agents have given up.
const (
	tellEnd     = 24 * time.Hour
	tellRefusal = time.Minute
)

// patience is for how many leases of an agent's a runner asks for its claim. Whoever leads cannot be reached for as long any more.
const patience = 4

// Options say whose place it is.
type Options struct {
	Run    int
	Digest string          // of the plan
	Etcd   json.RawMessage // how etcd is reached, as package etcd encodes it
	Log    *slog.Logger
	Sign   func() json.RawMessage // how far the apply is
	Stop   func() error           // another host's agent wants it to stop
}

// Place is a runner's place among several agents. Nil is that of one whose agent is alone.
type Place struct {
	o       Options
	client  *clientv3.Client
	holding *claims.Holding
	claimed bool
	keeping sync.WaitGroup
	leave   context.CancelFunc // of keeping
}

// Take makes the run's claim. After an error terraform must not be executed; the place, if there is one, still tells of that.
func Take(o Options) (*Place, error) {
	conf, err := etcd.Decode(o.Etcd)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience*conf.Lease)
	defer cancel()
	p := &Place{o: o, leave: func() {}}
	if p.client, err = etcd.Dial(ctx, conf); err != nil {
		return nil, err
	}
	if p.holding, err = claims.New(p.client, conf).Claim(ctx, o.Run, o.Digest); err != nil {
		return p, fmt.Errorf("claiming the apply among the agents: %w", err)
	}
	p.claimed = true
	keep, leave := context.WithCancel(context.Background())
	p.leave = leave
	p.keeping.Go(func() { p.keep(keep) })
	fault.Point("apply-run: claimed among agents")
	return p, nil
}

// Doubted says why terraform must not be executed though the claim was made; nil: it may.
func (p *Place) Doubted() error {
	if p != nil && !p.holding.Fresh() {
		return errors.New("the runner was halted after its claim, and other agents may have given it up")
	}
	return nil
}

// keep tells that the runner lives until ctx ends, and hears whether it should stop.
func (p *Place) keep(ctx context.Context) {
	p.holding.Keep(ctx, claims.Watch{
		Progress: p.o.Sign,
		Stop: func() {
			if err := p.o.Stop(); err != nil {
				p.o.Log.Error("stopping as another host's agent asks; it is tried again", "run", p.o.Run, "err", err)
			}
		},
		Failed: func(err error) {
			p.o.Log.Warn("telling etcd that the apply goes on; it is tried again", "run", p.o.Run, "err", err)
		},
	})
}

// Tell tells etcd what became of the apply, and ends when it is told. The sign of life stays until then.
func (p *Place) Tell(end json.RawMessage) {
	limit := tellEnd
	if !p.claimed {
		limit = tellRefusal
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	defer func() { _ = p.client.Close() }()
	if err := p.holding.End(ctx, end, func(err error) {
		p.o.Log.Warn("telling etcd how the apply ended; it is tried again", "run", p.o.Run, "err", err)
	}); err != nil {
		p.o.Log.Error("etcd was not told how the apply ended", "run", p.o.Run, "err", err)
	}
	p.leave()
	p.keeping.Wait()
}

// minHidden is how long a value of the environment is that is taken for a secret, at least.
const minHidden = 8

// Hiding takes out of texts whatever an environment holds. That is more than its secrets, and who hides too much hides no secret too
// little.
func Hiding(env []string) *redact.Redactor {
	var secrets []redact.Secret
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if len(value) >= minHidden && name != "PATH" && name != "HOME" {
			secrets = append(secrets, redact.NewSecret(value))
		}
	}
	return redact.New(secrets...)
}
