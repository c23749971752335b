// Member is one member of an etcd cluster that tests start, kill and cut off. It is a program of its own so that it can be killed and
// stopped like any, and so that etcd's server is part of no test's binary, where the race detector would have it compiled once more.
//
// It listens in its working directory, and finds the other members there: as sockets that the test holds, one for each link.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap/zapcore"
)

// Order is what the test says on the first line of standard input.
type Order struct {
	Name    string `json:"name"`
	Peer    string `json:"peer"`    // where the member listens for the others
	Client  string `json:"client"`  // and for those who use the cluster
	Known   string `json:"known"`   // how the others reach it
	Cluster string `json:"cluster"` // how each reaches each
	Address string `json:"address"` // where users of the cluster find it
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		os.Exit(1)
	}
}

func run() error {
	var order Order
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&order); err != nil {
		return fmt.Errorf("reading what to do: %w", err)
	}
	// Whoever has started this must not leave it behind, however it ends.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	config, err := order.config()
	if err != nil {
		return err
	}
	server, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("starting the member: %w", err)
	}
	return <-server.Err()
}

func (o Order) config() (*embed.Config, error) {
	c := embed.NewConfig()
	c.Name, c.Dir = o.Name, "data"
	c.InitialCluster = o.Cluster
	for at, address := range map[*[]url.URL]string{
		&c.ListenPeerUrls: o.Peer, &c.ListenClientUrls: o.Client, &c.AdvertisePeerUrls: o.Known, &c.AdvertiseClientUrls: o.Address,
	} {
		u, err := url.Parse(address)
		if err != nil {
			return nil, fmt.Errorf("reading an address: %w", err)
		}
		*at = []url.URL{*u}
	}
	c.LogLevel, c.LogOutputs = zapcore.WarnLevel.String(), []string{"stderr"}
	c.EnableGRPCGateway = false
	// A member that is killed loses nothing of what the kernel has; only a machine would.
	c.UnsafeNoFsync = true
	c.MaxTxnOps, c.MaxRequestBytes = embed.DefaultMaxTxnOps, embed.DefaultMaxRequestBytes // as everybody's etcd has them
	c.AutoCompactionMode, c.AutoCompactionRetention = embed.CompactorModePeriodic, time.Hour.String()
	return c, nil
}
