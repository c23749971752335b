// Package asusertest makes users of this machine for tests, and takes them away again.
package asusertest

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"sallyport/agent/need"
)

var made atomic.Int32

// Pool makes n users as install.sh does, NAME1 to NAMEn with a group each and the group NAME, and returns NAME. Only root can, so
// for others the test is skipped.
func Pool(tb testing.TB, n int) (name string) {
	tb.Helper()
	need.Root(tb, "only root can make users")
	if _, err := exec.LookPath("useradd"); err != nil {
		need.Skip(tb, "there is no useradd", err.Error())
	}
	name = fmt.Sprintf("spt%dx%d-", os.Getpid(), made.Add(1))
	run(tb, "groupadd", "--system", name)
	tb.Cleanup(func() { run(tb, "groupdel", name) })
	for i := 1; i <= n; i++ {
		user := name + strconv.Itoa(i)
		run(tb, "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", user)
		tb.Cleanup(func() {
			run(tb, "userdel", user)
			_ = exec.Command("groupdel", user).Run() // which userdel leaves if somebody else is in it
		})
	}
	return name
}

// run runs a command that changes the machine's users, one at a time: they refuse to wait for each other.
func run(tb testing.TB, words ...string) {
	tb.Helper()
	lock, err := os.OpenFile("/tmp/sallyport-test-users.lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		tb.Fatal(err)
	}
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		tb.Errorf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
}
