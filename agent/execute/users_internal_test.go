package execute

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/active"
	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/need"
	"sallyport/agent/workers"
)

// Where no user can be given to a run, the run says why it waits.
func TestUsersKeptBack(t *testing.T) {
	need.Root(t, "only root can become another user")
	dir := filepath.Join(t.TempDir(), "uids")
	users := []*asuser.User{{Name: "one", UID: 54321, GID: 54321, Exclusive: true, Neutral: 1879048195}}
	pool, err := asuser.NewPool(asuser.PoolOptions{Name: "tf", Dir: dir, Users: users})
	if err != nil {
		t.Fatal(err)
	}
	conf := &active.Config{Cfg: &config.Config{}, Pool: pool}
	if why := usersKeptBack(pool); why != "" || !pool.Room(false) {
		t.Fatalf("before anything: %q", why)
	}
	// Another process is at work as it: its lock is held.
	other, err := asuser.NewPool(asuser.PoolOptions{Name: "tf", Dir: dir, Users: users})
	if err != nil {
		t.Fatal(err)
	}
	turn, err := other.Borrow("the doctor")
	if err != nil {
		t.Fatal(err)
	}
	pool.Clear()
	nobody := workers.New(nil, nil)
	if waits := slotsOf(nobody, conf).Wait(""); !strings.Contains(waits.Why, "another process is at work as it") || waits.Hint == "" {
		t.Errorf("it waits because %+v", waits)
	}
	if err := errors.Join(pool.Stuck()...); err == nil || !strings.Contains(err.Error(), "one is given to no run") {
		t.Errorf("status says %v", err)
	}
	turn.Close()
	got, err := pool.Take(t.Context(), asuser.Work{Name: "a plan"})
	if err != nil || got.Who() != users[0] || len(pool.Stuck()) > 0 {
		t.Errorf("after it: %v, %v, %v", got.Who(), err, pool.Stuck())
	}
	if waits := slotsOf(nobody, conf).Wait(""); !strings.Contains(waits.Why, "one of 1 user to end") {
		t.Errorf("while it is at work: %q", waits.Why)
	}
	got.Close()
	if _, err := os.Stat(filepath.Join(dir, "one.lock")); err != nil {
		t.Error(err)
	}
}
