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
	deadline := time.After(time.Minute)
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

// tree is a directory of a user's in one of the agent's.
func tree(t *testing.T, u *asuser.User) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tree")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o711))
	top := filepath.Join(dir, "run", "src")
	must(t, os.MkdirAll(top, 0o700))
	must(t, os.WriteFile(filepath.Join(top, "deploy.sh"), []byte("echo good\n"), 0o700))
	must(t, os.WriteFile(filepath.Join(top, "main.tf"), []byte("# good\n"), 0o600))
	must(t, u.Own(top))
	must(t, u.Enter(filepath.Dir(top)))
	return top
}

func text(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return string(data)
}

// What is taken back belongs to the agent alone: nothing that the user prepared lets anybody write to it later.
func TestReclaim(t *testing.T) {
	_, users := crew(t, 2)
	u, other := users[0], users[1]
	top := tree(t, u)
	outside := filepath.Join(filepath.Dir(filepath.Dir(top)), "outside")
	must(t, os.WriteFile(outside, []byte("outside"), 0o600))
	runAs(t, u, fmt.Sprintf(`cd %[1]s && mkdir -p deep/er && echo x >deep/er/file && chmod 0 deep && ln -s %[2]s link && mkfifo pipe &&
		echo x >two && ln two second && chmod 0777 main.tf && chmod u+s deploy.sh`, top, outside))
	if _, err := exec.LookPath("setfacl"); err == nil {
		runAs(t, u, fmt.Sprintf("cd %s && setfacl -m u:%d:rwx . main.tf && setfacl -d -m u:%d:rwx .", top, other.UID, other.UID))
	}
	must(t, u.End())
	must(t, asuser.Reclaim(top))
	digest, err := asuser.Digest(filepath.Dir(top), "src", "none")
	must(t, err)
	must(t, filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		must(t, unix.Lstat(path, &st))
		if st.Uid != 0 || st.Gid != 0 || st.Mode&unix.S_IFMT != unix.S_IFLNK && st.Mode&0o7077 != 0 || st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink != 1 {
			t.Errorf("%s is of %d:%d with mode %o and %d names", path, st.Uid, st.Gid, st.Mode, st.Nlink)
		}
		if _, err := unix.Lgetxattr(path, "system.posix_acl_access", nil); err == nil {
			t.Errorf("%s has an access list", path)
		}
		return nil
	}))
	if _, err := os.Lstat(filepath.Join(top, "pipe")); err == nil {
		t.Error("a pipe is left")
	}
	if info, err := os.Stat(outside); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("what a link leads to was touched: %v, %v", info, err)
	}
	if text(t, filepath.Join(top, "deploy.sh")) != "echo good\n" || text(t, filepath.Join(top, "second")) != "x\n" {
		t.Error("what was written is not what is there")
	}
	// The same again, given to another and taken back from it.
	must(t, other.Own(top))
	if _, err := asuser.Digest(filepath.Dir(top), "src", "none"); !errors.Is(err, asuser.ErrNotOurs) {
		t.Errorf("a digest of what is another's: %v", err)
	}
	must(t, asuser.Reclaim(top))
	again, err := asuser.Digest(filepath.Dir(top), "src", "none")
	if err != nil || again != digest {
		t.Errorf("the digest was %s and is %s, %v", digest, again, err)
	}
	for name, change := range map[string]func() error{
		"content": func() error { return os.WriteFile(filepath.Join(top, "main.tf"), []byte("# evil\n"), 0o600) },
		"mode":    func() error { return os.Chmod(filepath.Join(top, "second"), 0o700) },
		"name":    func() error { return os.Rename(filepath.Join(top, "two"), filepath.Join(top, "three")) },
		"link": func() error {
			return errors.Join(os.Remove(filepath.Join(top, "link")), os.Symlink("/x", filepath.Join(top, "link")))
		},
	} {
		must(t, change())
		now, err := asuser.Digest(filepath.Dir(top), "src", "none")
		if err != nil || now == digest {
			t.Errorf("%s: the digest does not change, %v", name, err)
		}
		digest = now
	}
}

// A descriptor that went to another user over a socket, or is mapped there, writes into nothing.
func TestReclaimFromDescriptorsPassedOn(t *testing.T) {
	_, users := crew(t, 2)
	u := users[0]
	top := tree(t, u)
	for name, open := range map[string]func(f *os.File) (write func(string) error, done func()){
		"descriptor": func(f *os.File) (func(string) error, func()) {
			return func(s string) error { _, err := f.WriteAt([]byte(s), 0); return err }, func() { _ = f.Close() }
		},
		"mapping": func(f *os.File) (func(string) error, func()) {
			m, err := unix.Mmap(int(f.Fd()), 0, 10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			must(t, err)
			must(t, f.Close())
			return func(s string) error { copy(m, s); return nil }, func() { _ = unix.Munmap(m) }
		},
	} {
		script := filepath.Join(top, "deploy.sh")
		f, err := os.OpenFile(script, os.O_RDWR, 0) // whoever holds it: another process, which is not of the user
		must(t, err)
		write, done := open(f)
		must(t, asuser.Reclaim(top))
		digest, err := asuser.Digest(filepath.Dir(top), "src")
		must(t, err)
		must(t, write("echo evil\n"))
		if got := text(t, script); got != "echo good\n" {
			t.Errorf("%s: the script says %q", name, got)
		}
		if now, err := asuser.Digest(filepath.Dir(top), "src"); err != nil || now != digest {
			t.Errorf("%s: the digest changes, %v", name, err)
		}
		done()
		must(t, u.Own(top))
	}
}

// What nobody can mean is refused.
func TestReclaimRefuses(t *testing.T) {
	_, users := crew(t, 2)
	u, other := users[0], users[1]
	for name, c := range map[string]struct {
		prepare func(top string) error
		want    string
	}{
		"a file of a third user's": {func(top string) error { return os.Chown(filepath.Join(top, "main.tf"), other.UID, other.GID) }, "belongs to user"},
		"a second name of the agent's file": {func(top string) error {
			secret := filepath.Join(filepath.Dir(top), "secret")
			return errors.Join(os.WriteFile(secret, []byte("canary"), 0o600), os.Link(secret, filepath.Join(top, "secret")))
		}, "second name"},
		"what has no end": {func(top string) error { return os.Truncate(filepath.Join(top, "main.tf"), 1<<40) }, "GiB"},
		"a link":          {func(top string) error { return errors.Join(os.RemoveAll(top), os.Symlink("/etc", top)) }, "not a directory"},
	} {
		top := tree(t, u)
		must(t, c.prepare(top))
		if err := asuser.Reclaim(top); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if info, err := os.Stat("/etc"); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Fatal("/etc was given away")
	}
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
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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
	over, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := others.Take(over, asuser.Work{Name: "two"}); !errors.Is(err, context.DeadlineExceeded) {
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
