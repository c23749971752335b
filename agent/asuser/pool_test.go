package asuser_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sallyport/agent/asuser"
	"sallyport/agent/asuser/asusertest"
	"sallyport/agent/hint"
	"sallyport/agent/patience"
	"sallyport/agent/proc"
)

// crew makes users and finds them.
func crew(t *testing.T, n int) (string, []*asuser.User) {
	t.Helper()
	name := asusertest.Pool(t, n)
	users, err := asuser.Find(name)
	must(t, err)
	if len(users) != n {
		t.Fatalf("%d users are found, want %d", len(users), n)
	}
	return name, users
}

// as is a command that runs as a user.
func as(u *asuser.User, script string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID)}, Setpgid: true}
	return cmd
}

func runAs(t *testing.T, u *asuser.User, script string) string {
	t.Helper()
	out, err := as(u, script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience.Limit())
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("did not happen: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestFind(t *testing.T) {
	_, users := crew(t, 2)
	for i, u := range users {
		other := users[1-i]
		if !u.Exclusive || u.Neutral <= 0 || u.Commons <= 0 || u.Commons == u.GID || u.Commons == other.GID || u.Public().GID != u.Commons {
			t.Errorf("it is %+v", u)
		}
	}
	must(t, exec.Command("usermod", "--append", "--groups", users[1].Name, users[0].Name).Run())
	var told *hint.Error
	if _, err := asuser.Find(strings.TrimSuffix(users[0].Name, "1")); !errors.As(err, &told) || !strings.Contains(err.Error(), "not apart") {
		t.Errorf("a user in the group of another: %v", err)
	}
}

// Whatever a process does to live on, nothing of the user's lives after the end; nothing of another user's is touched.
func TestEnd(t *testing.T) {
	_, users := crew(t, 2)
	u, other := users[0], users[1]
	bystander := as(other, "exec sleep 3600")
	must(t, bystander.Start())
	child := exec.Command("sleep", "3600") // of this process's own user
	must(t, child.Start())
	defer func() {
		for _, cmd := range []*exec.Cmd{bystander, child} {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	for name, script := range map[string]string{
		"asleep":            "exec sleep 3600",
		"hidden":            "env -i setsid sh -c 'trap \"\" TERM HUP INT; (sleep 3600 & wait) & wait' >/dev/null 2>&1 </dev/null & sleep 3600",
		"stopped":           "kill -STOP $$",
		"fork and exit":     "f() { (f &) ; }; f >/dev/null 2>&1; exec sleep 3600",
		"kills what it can": "while :; do kill -9 -1 2>/dev/null; done",
		"stops what it can": "trap '' TERM; while :; do kill -STOP -1 2>/dev/null; done",
	} {
		cmd := as(u, script)
		must(t, cmd.Start())
		eventually(t, name+": it runs", func() bool {
			list, err := proc.Of(u.UID)
			must(t, err)
			return len(list) > 0 || name == "kills what it can"
		})
		if err := u.End(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if list, err := proc.Of(u.UID); err != nil || len(list) > 0 {
			t.Errorf("%s: left are %+v, %v", name, list, err)
		}
		_ = cmd.Wait()
	}
	for _, cmd := range []*exec.Cmd{bystander, child} {
		if err := cmd.Process.Signal(syscall.Signal(0)); err != nil || cmd.ProcessState != nil {
			t.Errorf("%v was hit: %v", cmd.Args, err)
		}
	}
	list, err := proc.Of(other.UID)
	if err != nil || len(list) != 1 {
		t.Errorf("of the other user live %+v, %v", list, err)
	}
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	if !strings.Contains(string(status), "\nUid:\t0\t0\t0\t0\n") {
		t.Errorf("this process has become somebody else:\n%s", status)
	}
}

// What a user leaves where everybody may write is gone, what others have there is not.
func TestSweep(t *testing.T) {
	_, users := crew(t, 2)
	u, other := users[0], users[1]
	name := fmt.Sprintf("sallyport-sweep-%d", os.Getpid())
	shared := "/tmp/" + name + "-shared"
	must(t, os.Mkdir(shared, 0o700))
	must(t, os.Chmod(shared, 0o777))
	t.Cleanup(func() { _ = os.RemoveAll(shared) })
	runAs(t, u, fmt.Sprintf("mkdir -p /tmp/%[1]s/a/b && echo x >/tmp/%[1]s/a/b/c && chmod 0 /tmp/%[1]s/a && ln -s /etc /tmp/%[1]s/etc && echo x >/var/tmp/%[1]s && echo x >/dev/shm/%[1]s && echo x >%[2]s/mine", name, shared))
	runAs(t, other, fmt.Sprintf("echo x >%s/theirs", shared))
	shm, _, errno := unix.Syscall(unix.SYS_SHMGET, 0x5a117e57, 4096, 0o666|unix.IPC_CREAT)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer func() { _, _, _ = unix.Syscall(unix.SYS_SHMCTL, shm, unix.IPC_RMID, 0) }()
	before, err := os.ReadFile("/proc/sysvipc/shm")
	must(t, err)
	if ipcmk, err := exec.LookPath("ipcmk"); err == nil {
		runAs(t, u, ipcmk+" --shmem 4096 --mode 0666 && "+ipcmk+" --semaphore 1 && "+ipcmk+" --queue")
	}
	must(t, u.Sweep())
	for _, path := range []string{"/tmp/" + name, "/var/tmp/" + name, "/dev/shm/" + name, shared + "/mine"} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is left", path)
		}
	}
	if _, err := os.Lstat(shared + "/theirs"); err != nil {
		t.Errorf("what is another's is gone: %v", err)
	}
	after, err := os.ReadFile("/proc/sysvipc/shm")
	must(t, err)
	if strings.Count(string(after), "\n") != strings.Count(string(before), "\n") {
		t.Errorf("the shared memory was\n%sand is\n%s", before, after)
	}
	// A directory of the user's in which another has put a directory cannot be removed as the user: that is told, not passed over.
	runAs(t, u, fmt.Sprintf("mkdir -m 0777 /tmp/%s", name))
	runAs(t, other, fmt.Sprintf("mkdir -p -m 0700 /tmp/%s/x && echo x >/tmp/%s/x/y", name, name))
	if err := u.Sweep(); err == nil {
		t.Error("something is left, and nobody says so")
	}
	must(t, other.Sweep())
	must(t, u.Sweep())
}

// A pool gives each user to one work at a time, after everything of the one before is gone.
func TestPool(t *testing.T) {
	name, users := crew(t, 2)
	pool, err := asuser.NewPool(asuser.PoolOptions{Name: name, Users: users, Dir: filepath.Join(t.TempDir(), "uids")})
	must(t, err)
	if pool.Size() != 2 || pool.Shared() || !pool.Room(false) {
		t.Errorf("size %d, shared %t, room %t", pool.Size(), pool.Shared(), pool.Room(false))
	}
	take := func(work string) *asuser.Turn {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
		defer cancel()
		turn, err := pool.Take(ctx, asuser.Work{Name: work})
		must(t, err)
		return turn
	}
	one, two := take("one"), take("two")
	if one.User.UID == two.User.UID || pool.Room(false) {
		t.Errorf("two works have %s and %s, room %t", one.User.Name, two.User.Name, pool.Room(false))
	}
	left := as(one.User, "setsid sleep 3600 >/dev/null 2>&1 & echo x >/tmp/sallyport-pool-$$; exec sleep 3600")
	must(t, left.Start())
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pool.Take(over, asuser.Work{Name: "three"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a third user: %v", err)
	}
	one.Close()
	if list, err := proc.Of(one.User.UID); err != nil || len(list) > 0 {
		t.Errorf("of a work that is over live %+v, %v", list, err)
	}
	_ = left.Wait()
	if again := take("three"); again.User.UID != one.User.UID {
		t.Errorf("the third work has %s, who is at work", again.User.Name)
	}
	// A user is left to a runner until nothing of its run lives, by this agent and the next.
	must(t, two.Leave())
	next, err := asuser.NewPool(asuser.PoolOptions{Name: name, Users: users, Dir: filepath.Join(t.TempDir(), "uids")})
	must(t, err)
	next.Hold(two.User.UID, "two")
	lives := as(two.User, "exec sleep 3600")
	must(t, lives.Start())
	next.Clear()
	if list, err := proc.Of(two.User.UID); err != nil || len(list) != 1 {
		t.Errorf("of a run that is at work live %+v, %v", list, err)
	}
	next.Return(two.User.UID, "two")
	if list, err := proc.Of(two.User.UID); err != nil || len(list) != 0 || len(next.Stuck()) > 0 {
		t.Errorf("after its end live %+v, %v, %v", list, err, next.Stuck())
	}
	_ = lives.Wait()
}

// Two agents of one machine, each with a data directory, never have the same user at the same time: the second waits, and its start
// ends nothing of the first one's.
// What a work has left to this process, which is the parent of all that lost theirs, does not count for the next work of that user.
func TestNothingOfATurnIsLeftToAskFor(t *testing.T) {
	name, users := crew(t, 1)
	must(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	defer func() { must(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)) }()
	pool, err := asuser.NewPool(asuser.PoolOptions{Name: name, Users: users, Dir: t.TempDir()})
	must(t, err)
	turn, err := pool.Take(context.Background(), asuser.Work{Name: "a plan"})
	must(t, err)
	runAs(t, turn.User, "for i in 1 2 3; do setsid sleep 3600 >/dev/null 2>&1 </dev/null & done")
	turn.Close()
	ended, err := proc.Ended()
	must(t, err)
	for pid := range ended {
		if owner, err := asuser.Owner(fmt.Sprintf("/proc/%d", pid)); err == nil && owner == turn.User.UID {
			t.Errorf("process %d has ended, and nobody has asked for it", pid)
		}
	}
}

func TestTwoPoolsOfTheSameUsers(t *testing.T) {
	name, users := crew(t, 1)
	common := t.TempDir()
	lock := filepath.Join(common, strconv.Itoa(users[0].UID))
	if open := asuser.Unlocked(common, users); len(open) != 1 {
		t.Errorf("without a lock are %v", open)
	}
	must(t, os.WriteFile(lock, nil, 0o644))
	pool := func() *asuser.Pool {
		t.Helper()
		p, err := asuser.NewPool(asuser.PoolOptions{Name: name, Users: users, Common: common, Dir: filepath.Join(t.TempDir(), "uids")})
		must(t, err)
		return p
	}
	ones, others := pool(), pool()
	ones.Clear()
	if stuck := ones.Stuck(); len(stuck) != 1 || !strings.Contains(stuck[0].Error(), "mode 0600") {
		t.Errorf("with a lock that others can open: %v", stuck)
	}
	must(t, os.Chmod(lock, 0o600))
	if open := asuser.Unlocked(common, users); len(open) != 0 {
		t.Errorf("without a lock are %v", open)
	}
	ones = pool()
	turn, err := ones.Take(t.Context(), asuser.Work{Name: "one"})
	must(t, err)
	works := as(users[0], "exec sleep 3600")
	must(t, works.Start())
	others.Clear()
	over, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		defer cancel()
		for limit := time.Now().Add(patience.Limit()); len(others.Stuck()) == 0 && time.Now().Before(limit); <-time.After(5 * time.Millisecond) {
		}
	}()
	if _, err := others.Take(over, asuser.Work{Name: "two"}); !errors.Is(err, context.Canceled) {
		t.Errorf("both have %s: %v", users[0].Name, err)
	}
	if stuck := others.Stuck(); len(stuck) != 1 || !strings.Contains(stuck[0].Error(), "another agent") {
		t.Errorf("the second says %v", stuck)
	}
	if list, err := proc.Of(users[0].UID); err != nil || len(list) != 1 {
		t.Errorf("of the first one's work live %+v, %v", list, err)
	}
	turn.Close()
	_ = works.Wait()
	turn, err = others.Take(t.Context(), asuser.Work{Name: "two"})
	must(t, err)
	turn.Close()
}

// One user for all is shared, but with a work that wants to be alone.
func TestSharedPool(t *testing.T) {
	u := &asuser.User{Name: "somebody", UID: 12345, GID: 12346}
	pool, err := asuser.NewPool(asuser.PoolOptions{Name: "somebody", Users: []*asuser.User{u}, Dir: filepath.Join(t.TempDir(), "uids")})
	must(t, err)
	one, err := pool.Take(t.Context(), asuser.Work{Name: "one"})
	must(t, err)
	two, err := pool.Take(t.Context(), asuser.Work{Name: "two"})
	must(t, err)
	if !pool.Shared() || pool.Room(true) || !pool.Room(false) {
		t.Errorf("room beside two: %t, %t", pool.Room(true), pool.Room(false))
	}
	one.Close()
	two.Close()
	alone, err := pool.Take(t.Context(), asuser.Work{Name: "alone", Alone: true})
	must(t, err)
	if pool.Room(false) || pool.Room(true) {
		t.Error("there is room beside what wants to be alone")
	}
	alone.Close()
	if !pool.Room(true) {
		t.Error("there is no room after it")
	}
	var none *asuser.Pool
	turn, err := none.Take(t.Context(), asuser.Work{Name: "any"})
	if turn.Who() != nil || err != nil || !none.Room(true) || none.Size() != 0 {
		t.Errorf("without a second user: %v, %v", turn, err)
	}
	turn.Close()
}
