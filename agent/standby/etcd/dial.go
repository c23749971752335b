package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// quiet is after how long without a word grpc asks whether the other side is still there. It allows no less, and etcd hangs up on who
// asks more often than every five seconds.
const quiet = 10 * time.Second

// Dial makes a client. Without a user it asks nothing of the cluster yet and succeeds whether that is there or not; with one it has to
// be let in first. The client ends with Close, not with ctx.
//
// A connection that swallows what is sent says nothing for a while, whatever is set here: every call needs a deadline of its own, well
// below the lease, after which the next one goes to another endpoint.
func Dial(ctx context.Context, c Config) (*clientv3.Client, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("reaching etcd: %w", err)
	}
	t, err := c.tls()
	if err != nil {
		return nil, fmt.Errorf("reaching etcd: %w", err)
	}
	// The client outlives ctx, which only keeps the first words with the cluster from taking for ever.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	config := clientv3.Config{
		Endpoints:            c.Endpoints,
		TLS:                  t,
		Username:             c.Username,
		Password:             c.Password.Reveal(),
		DialTimeout:          c.Lease,
		DialKeepAliveTime:    quiet,
		DialKeepAliveTimeout: c.Lease / 2, // also how long the kernel keeps a connection on which nothing is confirmed
		PermitWithoutStream:  true,
		Logger:               zap.NewNop(), // its errors come back from the calls, where they are logged with what was being done
		Context:              life,
	}
	client, err := clientv3.New(config)
	if !stop() && err == nil {
		err = errors.Join(ctx.Err(), client.Close())
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("reaching etcd: %w", err)
	}
	return client, nil
}
