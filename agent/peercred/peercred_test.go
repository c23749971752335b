package peercred

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"sallyport/agent/need"
)

// asked is who is at the other end of a connection that a shell made: it starts something that keeps the connection, and ends
// or not.
func asked(t *testing.T, script string) (Caller, *exec.Cmd) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestConnectHelper$")
	cmd.Env = append(os.Environ(), "PEERCRED_CONNECT="+l.Addr().String(), "PEERCRED_SCRIPT="+script)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	caller, err := Of(conn)
	if err != nil || caller.PID != cmd.Process.Pid {
		t.Fatalf("%+v, %v, want process %d", caller, err, cmd.Process.Pid)
	}
	if line, err := caller.Lineage(); err != nil || len(line) < 2 || line[0] != caller.PID || line[1] != os.Getpid() {
		t.Errorf("as it connects: %v, %v", line, err)
	}
	if _, err := conn.Write([]byte("known\n")); err != nil {
		t.Fatal(err)
	}
	pid, err := bufio.NewReader(out).ReadString('\n') // of what keeps the connection
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n, err := strconv.Atoi(strings.TrimSpace(pid)); err == nil {
			if p, err := os.FindProcess(n); err == nil {
				_ = p.Kill()
			}
		}
		_ = conn.Close()
	})
	return caller, cmd
}

// TestConnectHelper is the other end of asked.
func TestConnectHelper(t *testing.T) {
	addr := os.Getenv("PEERCRED_CONNECT")
	if addr == "" {
		return // it is a process of its own, see asked
	}
	conn, err := net.Dial("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	file, err := conn.(*net.UnixConn).File()
	if err != nil {
		t.Fatal(err)
	}
	keep := exec.Command("sleep", "300")
	keep.ExtraFiles = []*os.File{file}
	if err := keep.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString(strconv.Itoa(keep.Process.Pid) + "\n")
	if os.Getenv("PEERCRED_SCRIPT") == "stay" {
		_ = keep.Wait()
	}
	os.Exit(0)
}

// A process that connected and died asks for nothing any more, whoever has its number by now and whoever holds its connection.
func TestADeadCallerIsNobody(t *testing.T) {
	caller, cmd := asked(t, "die")
	// Ended, and nobody has asked for its exit code: its number is still its own.
	for {
		if _, err := caller.Lineage(); err != nil {
			break
		}
		runtime.Gosched() // it is about to end; should it not, the test's own deadline tells
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if lineage, err := caller.Lineage(); err == nil {
		t.Errorf("gone altogether: %v", lineage)
	}
	// Its number is another's now: of this very process, as an example.
	self, err := statOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	caller.process.pid = os.Getpid()
	if lineage, err := caller.Lineage(); err == nil {
		t.Errorf("told by its start: %v", lineage)
	}
	caller.process.start = self.start
	if caller.process.fd == nil {
		need.Skip(t, "this kernel gives no descriptor of a peer", "SO_PEERPIDFD came with Linux 6.5")
	}
	if lineage, err := caller.Lineage(); err == nil {
		t.Errorf("told by its descriptor: %v", lineage)
	}
	if lineage, err := (Caller{UID: 0, User: "root", PID: 1}).Lineage(); err == nil {
		t.Errorf("without a connection: %v", lineage)
	}
}

func TestAUserWithoutANameIsItsNumber(t *testing.T) {
	if got := userName(4294967); got != "4294967" {
		t.Errorf("a user without a name is %q", got)
	}
}

func TestCallerNames(t *testing.T) {
	for _, tc := range []struct {
		name string
		c    Caller
		by   string
	}{
		{"a user", Caller{UID: 1000, User: "jane", LoginUser: "jane"}, "cli:jane"},
		{"a user who became another", Caller{UID: 1001, User: "joe", LoginUser: "jane"}, "cli:joe (logged in as jane)"},
		{"root after sudo", Caller{UID: 0, User: "root", LoginUser: "jane"}, "cli:root (logged in as jane)"},
		{"root at the console", Caller{UID: 0, User: "root", LoginUser: "root"}, "cli:root"},
		{"root from cron", Caller{UID: 0, User: "root"}, "cli:root (no login)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.c.By(); got != tc.by {
				t.Errorf("%q, want %q", got, tc.by)
			}
		})
	}
}
