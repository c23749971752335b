// Package standbytest gives tests a real etcd cluster: members that are processes of their own, so that they can be killed, stopped
// and started again on what they have written, and links between any two machines that can be cut, broken and slowed.
//
//	c := standbytest.Start(t, standbytest.Options{Members: 3})
//	a := c.Host("a")                       // a machine with an agent
//	client, err := etcd.Dial(ctx, a.Config("/test", 2*time.Second))
//	c.Stop(c.Leader())                     // SIGSTOP
//	a.Cut()                                // a reaches no member
//	c.Link(0, 1).Slow(time.Second)         // between two members
//
// No port is guessed: members listen on sockets in their own directories, and the test holds the ports by which they are reached.
package standbytest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/patience"
	"sallyport/agent/standby/etcd"
)

// Options say what a cluster is like.
type Options struct {
	Members int // one is there within a second; three elect a leader first
	// Program is somebody else's etcd, which may be older. Empty: the newest, without fsync.
	Program string
}

func (o Options) validate() error {
	if o.Members < 1 || o.Members > 5 {
		return fmt.Errorf("a cluster has one to five members, not %d", o.Members)
	}
	return nil
}

// Cluster is some members of etcd and what is between them. Its methods fail the test when they cannot do what they say.
type Cluster struct {
	t       testing.TB
	dir     string
	program string
	members []*member
	links   map[[2]int]*Link // between members; the smaller number first
	ways    []*way
	self    *Host // the test's own machine, which nothing befalls
	client  *clientv3.Client
}

// Start starts a cluster, and waits until it serves. It ends with the test.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if err := o.validate(); err != nil {
		t.Fatal(err)
	}
	// Not the test's own directory: its path is long, and that of a socket may have only a hundred bytes.
	dir, err := os.MkdirTemp("", "etcd-")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{t: t, dir: dir, links: make(map[[2]int]*Link)}
	t.Cleanup(c.close)
	if c.program = o.Program; c.program == "" {
		c.program, err = program(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for i := range o.Members {
		all = append(all, fmt.Sprintf("%s=unix://%s", name(i), socket(i)))
	}
	for i := range o.Members {
		m := &member{program: c.program, dir: filepath.Join(dir, name(i))}
		if err := os.Mkdir(m.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		m.order.Name, m.order.Cluster = name(i), strings.Join(all, ",")
		m.order.Peer, m.order.Client, m.order.Known = "unix://"+peers, "unix://"+users, "unix://"+socket(i)
		c.members = append(c.members, m)
	}
	c.join()
	c.self = c.Host("test")
	for i, m := range c.members {
		m.order.Address = c.self.Endpoints()[i]
		if o.Program != "" {
			m.flags = m.order.flags()
		}
		c.check(m.start())
	}
	for _, m := range c.members {
		c.check(m.serves())
	}
	if c.client, err = etcd.Dial(t.Context(), c.self.Config("/test", etcd.MinLease)); err != nil {
		t.Fatal(err)
	}
	return c
}

// The sockets in a member's directory: its own two, and one for each other member. Etcd wants what looks like a port.
const (
	peers = "peers:1"
	users = "users:1"
)

func name(i int) string   { return fmt.Sprintf("m%d", i) }
func socket(i int) string { return name(i) + ":1" }

// join makes the links between members. Each member finds every other one in its own directory, so that the test knows who calls.
func (c *Cluster) join() {
	for i := range c.members {
		for j := range i {
			link := &Link{}
			for _, ends := range [][2]*member{{c.members[i], c.members[j]}, {c.members[j], c.members[i]}} {
				at := filepath.Join(ends[0].dir, ends[1].order.Name+":1")
				listener, err := net.Listen("unix", at)
				if err != nil {
					c.t.Fatal(err)
				}
				w := newWay(listener, filepath.Join(ends[1].dir, peers))
				link.ways = append(link.ways, w)
				c.ways = append(c.ways, w)
			}
			c.links[[2]int{j, i}] = link
		}
	}
}

func (c *Cluster) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// close ends everything.
func (c *Cluster) close() {
	if c.client != nil {
		_ = c.client.Close() // what it was asked is no longer wanted
	}
	for _, m := range c.members {
		if err := m.kill(); err != nil {
			c.t.Error(err)
		}
	}
	if err := closeAll(c.ways); err != nil {
		c.t.Error(err)
	}
	if err := os.RemoveAll(c.dir); err != nil {
		c.t.Error(err)
	}
}

// Members is how many there are.
func (c *Cluster) Members() int { return len(c.members) }

// Client is a client of the test's own, which nothing befalls. Its calls need deadlines, like all.
func (c *Cluster) Client() *clientv3.Client { return c.client }

// Kill ends a member as a machine ends whose power fails.
func (c *Cluster) Kill(i int) {
	c.t.Helper()
	c.check(c.members[i].kill())
}

// Restart starts a member that was killed, on what it had written. It serves once most of the members do.
func (c *Cluster) Restart(i int) {
	c.t.Helper()
	c.check(c.members[i].start())
}

// Serves waits until a member that was started serves.
func (c *Cluster) Serves(i int) {
	c.t.Helper()
	c.check(c.members[i].serves())
}

// Stop halts a member as a virtual machine is halted for its snapshot; Continue lets it go on.
func (c *Cluster) Stop(i int) {
	c.t.Helper()
	c.check(c.members[i].halt())
}

// Continue lets a member go on that was stopped.
func (c *Cluster) Continue(i int) {
	c.t.Helper()
	c.check(c.members[i].resume())
}

// Link is what is between two members.
func (c *Cluster) Link(i, j int) *Link {
	c.t.Helper()
	link := c.links[[2]int{min(i, j), max(i, j)}]
	if link == nil {
		c.t.Fatalf("there is no link between member %d and member %d", i, j)
	}
	return link
}

// Isolate cuts a member off from all others; Heal undoes that. Who uses the cluster still reaches it.
func (c *Cluster) Isolate(i int) {
	for j := range c.members {
		if j != i {
			c.Link(i, j).Cut()
		}
	}
}

// Heal makes all links between members whole.
func (c *Cluster) Heal() {
	for _, link := range c.links {
		link.Heal()
	}
}

// Leader waits for a member of etcd that leads the others, and says which. Another one may lead a moment later.
func (c *Cluster) Leader() int {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	for again := time.NewTicker(20 * time.Millisecond); ; {
		for i := range c.members {
			if c.leads(ctx, i) {
				again.Stop()
				return i
			}
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			c.t.Fatal("no member of etcd leads the others")
		}
	}
}

// leads asks a member whether it does.
func (c *Cluster) leads(ctx context.Context, i int) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second) // it may be stopped
	defer cancel()
	got, err := c.client.Status(ctx, c.self.Endpoints()[i])
	return err == nil && got.Leader == got.Header.MemberId
}

// Host is a machine from which the cluster is used, with a link of its own to each member.
type Host struct {
	name  string
	links []*Link
	ports []string
}

// Host makes a machine that reaches every member.
func (c *Cluster) Host(name string) *Host {
	c.t.Helper()
	h := &Host{name: name}
	for _, m := range c.members {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			c.t.Fatal(err)
		}
		w := newWay(listener, filepath.Join(m.dir, users))
		c.ways = append(c.ways, w)
		h.links = append(h.links, &Link{ways: []*way{w}})
		h.ports = append(h.ports, "http://"+listener.Addr().String())
	}
	return h
}

// Endpoints are where this machine finds the members.
func (h *Host) Endpoints() []string { return h.ports }

// Config is how an agent on this machine uses the cluster.
func (h *Host) Config(prefix string, lease time.Duration) etcd.Config {
	return etcd.Config{Endpoints: h.ports, Prefix: prefix, Name: h.name, Lease: lease}
}

// Link is what is between this machine and a member.
func (h *Host) Link(i int) *Link { return h.links[i] }

// Cut cuts this machine off from all members; Heal undoes that.
func (h *Host) Cut() { h.all((*Link).Cut) }

// Break ends all connections of this machine to members, and refuses new ones.
func (h *Host) Break() { h.all((*Link).Break) }

// Heal makes all links of this machine whole.
func (h *Host) Heal() { h.all((*Link).Heal) }

func (h *Host) all(do func(*Link)) {
	for _, link := range h.links {
		do(link)
	}
}
