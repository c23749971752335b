package standbytest_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/standby/etcd"
	"sallyport/agent/standby/standbytest"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

// user is a client on a machine.
func user(t *testing.T, h *standbytest.Host) *clientv3.Client {
	t.Helper()
	client, err := etcd.Dial(t.Context(), h.Config("/test", etcd.MinLease))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// put writes until it is written, or for so long.
func put(t *testing.T, client *clientv3.Client, value string, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		once, stop := context.WithTimeout(ctx, min(limit, 2*time.Second))
		_, err := client.Put(once, "/test/key", value)
		stop()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

func get(t *testing.T, client *clientv3.Client) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	got, err := client.Get(ctx, "/test/key")
	if err != nil || len(got.Kvs) != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
	return string(got.Kvs[0].Value)
}

// A single member keeps what it was told across its death.
func TestOneMember(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 1})
	if err := put(t, c.Client(), "before", patience.Limit()); err != nil {
		t.Fatal(err)
	}
	c.Kill(0)
	if err := put(t, c.Client(), "lost", 100*time.Millisecond); err == nil {
		t.Error("a dead member has taken a value")
	}
	c.Restart(0)
	c.Serves(0)
	if got := get(t, c.Client()); got != "before" {
		t.Errorf("got %q", got)
	}
}

// What befalls three members: one dies, is stopped, is cut off, and the others go on; two do, and none does.
func TestThreeMembers(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 3})
	long, short := patience.Limit(), 300*time.Millisecond
	works := func(what string) {
		t.Helper()
		if err := put(t, c.Client(), what, long); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	halts := func(what string) {
		t.Helper()
		if err := put(t, c.Client(), what, short); err == nil {
			t.Errorf("%s: a value was taken", what)
		}
	}
	first := c.Leader()
	c.Kill(first)
	works("its leader is dead")
	second := c.Leader()
	if first == second {
		t.Error("a dead member leads")
	}
	c.Stop(second)
	halts("one is dead and one stopped")
	c.Continue(second)
	works("one goes on")
	c.Restart(first)
	c.Serves(first)

	alone := c.Leader()
	c.Isolate(alone)
	works("its leader is cut off")
	for i := range c.Members() {
		c.Isolate(i)
	}
	halts("each is alone")
	c.Heal()
	works("all is whole again")
}

// Somebody else's etcd can be used in the same way.
func TestProgramOfAnother(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 3, Program: need.Program(t, "etcd")})
	c.Kill(c.Leader())
	if err := put(t, c.Client(), "after a death", patience.Limit()); err != nil {
		t.Fatal(err)
	}
	if got := get(t, c.Client()); got != "after a death" {
		t.Errorf("got %q", got)
	}
}

// A machine that is cut off, slow or refused differs from the others in that, and in nothing else.
func TestLinksOfAMachine(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 1})
	h := c.Host("a")
	client := user(t, h)
	long := patience.Limit()
	if err := put(t, client, "whole", long); err != nil {
		t.Fatal(err)
	}
	h.Cut()
	if err := put(t, client, "swallowed", 200*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("over a cut link: %v", err)
	}
	if err := put(t, c.Client(), "of another machine", long); err != nil {
		t.Fatal(err)
	}
	h.Heal()
	if err := put(t, client, "healed", long); err != nil {
		t.Fatal(err)
	}
	h.Link(0).Slow(150 * time.Millisecond)
	began := time.Now()
	if err := put(t, client, "slow", long); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("there and back over a link with 150 ms took %s", took)
	}
	h.Break()
	if err := put(t, client, "refused", 200*time.Millisecond); err == nil {
		t.Error("a value went over a broken link")
	}
	h.Heal()
	if err := put(t, client, "back", long); err != nil {
		t.Fatal(err)
	}
	if got := get(t, c.Client()); got != "back" {
		t.Errorf("got %q", got)
	}
}
