package asuser_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"sallyport/agent/asuser"
	"sallyport/agent/need"
)

// What a shell cannot do, this binary does as another user in its place.

// deedVariable says in the environment of a process what it does instead of testing.
const deedVariable = "SALLYPORT_TEST_DEED"

var deeds = map[string]func() int{"leave": leave, "look": lookForKey, "hand over": handOver, "take over": takeOver}

// doing is a process of this binary's that does something as a user.
func doing(u *asuser.User, deed string, words ...string) *exec.Cmd {
	cmd := exec.Command(asuser.Executable, words...)
	cmd.Dir, cmd.Env = "/", []string{deedVariable + "=" + deed}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID)}, Setpgid: true}
	cmd.Stderr = os.Stderr
	return cmd
}

const (
	leftName = "sallyport-test-left"
	// flags of the calls that package unix has no names for
	ipcCreate, queueCreate = 0o1000 | 0o666, unix.O_CREAT | unix.O_RDWR
)

// leave makes one of each of what outlives a process, and says for each what the kernel says.
func leave() int {
	name := append([]byte(leftName), 0)
	for _, one := range []struct {
		kind string
		call func() syscall.Errno
	}{
		{"shm", func() syscall.Errno { _, _, e := unix.Syscall(unix.SYS_SHMGET, 0, 4096, ipcCreate); return e }},
		{"sem", func() syscall.Errno { _, _, e := unix.Syscall(unix.SYS_SEMGET, 0, 1, ipcCreate); return e }},
		{"msg", func() syscall.Errno { _, _, e := unix.Syscall(unix.SYS_MSGGET, 0, ipcCreate, 0); return e }},
		{"mqueue", func() syscall.Errno {
			_, _, e := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&name[0])), queueCreate, 0o666, 0, 0, 0)
			return e
		}},
		{"key", func() syscall.Errno {
			_, err := unix.AddKey("user", leftName, []byte("secret"), unix.KEY_SPEC_USER_KEYRING)
			e, _ := err.(syscall.Errno)
			return e
		}},
	} {
		fmt.Println(one.kind, int(one.call()))
	}
	return 0
}

// lookForKey says whether the user still has the key.
func lookForKey() int {
	_, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", leftName, 0)
	fmt.Println(err)
	return 0
}

// left makes a user leave things, and returns which kinds the kernel has. Those that it does not have are told.
func left(t *testing.T, cmd *exec.Cmd) map[string]syscall.Errno {
	t.Helper()
	out, err := cmd.Output()
	must(t, err)
	said := map[string]syscall.Errno{}
	for line := range strings.Lines(string(out)) {
		var kind string
		var errno int
		if _, err := fmt.Sscan(line, &kind, &errno); err != nil {
			t.Fatalf("it says %q", out)
		}
		said[kind] = syscall.Errno(errno)
	}
	return said
}

// unlinkQueue takes the message queue away; it is an error if there is none.
func unlinkQueue() error {
	name := append([]byte(leftName), 0)
	if _, _, errno := unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(&name[0])), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// What belongs to a user and to no process is gone after a sweep: shared memory, semaphores, message queues, keys.
func TestSweepOfWhatIsNoFile(t *testing.T) {
	_, users := crew(t, 2)
	u, other := users[0], users[1]
	t.Cleanup(func() { _ = errors.Join(unlinkQueue(), other.Sweep(), u.Sweep()) })
	if said := left(t, doing(other, "leave")); said["shm"] != 0 {
		need.Skip(t, "this kernel has no shared memory for other users", said["shm"].Error())
	}
	_ = unlinkQueue() // one name, for whoever comes first
	said := left(t, doing(u, "leave"))
	must(t, u.Sweep())
	for _, kind := range []string{"shm", "sem", "msg"} {
		t.Run(kind, func(t *testing.T) {
			if said[kind] != 0 {
				need.Skip(t, "this kernel refuses it", kind+": "+said[kind].Error())
			}
			text, err := os.ReadFile("/proc/sysvipc/" + kind)
			must(t, err)
			for _, who := range users {
				found := strings.Contains(string(text), fmt.Sprintf(" %d ", who.UID))
				if found != (who == other) {
					t.Errorf("of %s is something: %t\n%s", who.Name, found, text)
				}
			}
		})
	}
	t.Run("mqueue", func(t *testing.T) {
		if said["mqueue"] != 0 {
			need.Skip(t, "this kernel refuses it", "mqueue: "+said["mqueue"].Error())
		}
		if _, err := os.Stat("/dev/mqueue"); err != nil {
			need.Skip(t, "message queues are not mounted here, so that only the limit of what runs keeps them away", err.Error())
		}
		if err := unlinkQueue(); !errors.Is(err, unix.ENOENT) {
			t.Errorf("the queue is left: %v", err)
		}
	})
	t.Run("key", func(t *testing.T) {
		if said["key"] != 0 {
			need.Skip(t, "this kernel refuses it", "key: "+said["key"].Error())
		}
		for _, who := range users {
			out, err := doing(who, "look").Output()
			must(t, err)
			if found := strings.HasPrefix(string(out), "<nil>"); found != (who == other) {
				t.Errorf("%s has the key: %t (%s)", who.Name, found, out)
			}
		}
	})
}

// A run cannot make a message queue at all.
func TestNoMessageQueues(t *testing.T) {
	_, users := crew(t, 1)
	t.Cleanup(func() { _ = unlinkQueue(); _ = users[0].Sweep() })
	cmd := exec.Command(asuser.Executable)
	cmd.Dir, cmd.Stderr = "/", os.Stderr
	cmd.Env = []string{deedVariable + "=leave", users[0].Environ(asuser.Program{Path: asuser.Executable})}
	switch errno := left(t, cmd)["mqueue"]; errno {
	case unix.EMFILE:
	case unix.ENOSYS:
		need.Skip(t, "this kernel has no message queues", errno.Error())
	default:
		t.Errorf("making one: %v", errno)
	}
}

// handOver sends a descriptor, with which a file can be written, to whoever listens: handOver SOCKET FILE.
func handOver() int {
	f, err := os.OpenFile(os.Args[2], os.O_RDWR, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: os.Args[1], Net: "unix"})
	if err == nil {
		_, _, err = c.WriteMsgUnix([]byte("x"), unix.UnixRights(int(f.Fd())), nil)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// takeOver takes it, and writes when it is told to: takeOver SOCKET.
func takeOver() int {
	err := func() error {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: os.Args[1], Net: "unix"})
		if err != nil {
			return err
		}
		fmt.Println("listening")
		c, err := l.AcceptUnix()
		if err != nil {
			return err
		}
		data, control := make([]byte, 1), make([]byte, 64)
		_, n, _, _, err := c.ReadMsgUnix(data, control)
		if err != nil {
			return err
		}
		messages, err := unix.ParseSocketControlMessage(control[:n])
		if err != nil || len(messages) != 1 {
			return fmt.Errorf("%d messages, %w", len(messages), err)
		}
		fds, err := unix.ParseUnixRights(&messages[0])
		if err != nil {
			return err
		}
		fmt.Println("taken")
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			return err
		}
		_, err = unix.Pwrite(fds[0], []byte("echo evil\n"), 0)
		return err
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("written")
	return 0
}

// A run hands a descriptor of a script over to a run of another user's, at a socket, and ends. The other one can still write with it
// when the directory is the agent's again, into nothing.
func TestReclaimFromAnotherUser(t *testing.T) {
	_, users := crew(t, 2)
	u, other := users[0], users[1]
	top := tree(t, u)
	script := filepath.Join(top, "deploy.sh")
	socket := fmt.Sprintf("@sallyport-test-%d", os.Getpid())
	taker := doing(other, "take over", socket)
	in, err := taker.StdinPipe()
	must(t, err)
	out, err := taker.StdoutPipe()
	must(t, err)
	must(t, taker.Start())
	defer func() { _ = taker.Process.Kill(); _ = taker.Wait() }()
	says := bufio.NewScanner(out)
	expect := func(word string) {
		t.Helper()
		if !says.Scan() || says.Text() != word {
			t.Fatalf("it says %q and not %s: %v", says.Text(), word, says.Err())
		}
	}
	expect("listening")
	if out, err := doing(u, "hand over", socket, script).Output(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	expect("taken")
	must(t, u.End())
	must(t, asuser.Reclaim(top))
	digest, err := asuser.Digest(filepath.Dir(top), "src")
	must(t, err)
	_, err = in.Write([]byte("now\n"))
	must(t, err)
	expect("written")
	if got := text(t, script); got != "echo good\n" {
		t.Errorf("the script says %q", got)
	}
	if now, err := asuser.Digest(filepath.Dir(top), "src"); err != nil || now != digest {
		t.Errorf("the digest changes, %v", err)
	}
}
