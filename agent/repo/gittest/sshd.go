package gittest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"sallyport/agent/need"
)

// SSHDOptions say how an sshd behaves.
type SSHDOptions struct {
	OldV0 bool // does not accept GIT_PROTOCOL, which is OpenSSH's default: no protocol v2
}

// SSHD is a running OpenSSH sshd that lets the current user in with one key.
type SSHD struct {
	Addr           string // host:port
	User           string
	KeyFile        string // the private key that it accepts
	KnownHostsFile string // pins its host key

	// Proxy is what stands at Addr, so that a test can stall or cut the connections.
	Proxy *Proxy

	hostKey ssh.Signer
	direct  string // where sshd itself listens
	tb      testing.TB
	cmd     *exec.Cmd
	log     lockedBuffer
	stop    sync.Once
}

// NewSSHD starts an sshd on loopback. It skips the test where there is none (Debian: openssh-server).
func NewSSHD(tb testing.TB, o SSHDOptions) *SSHD {
	tb.Helper()
	path := need.Program(tb, "sshd")
	me, err := user.Current()
	if err != nil {
		tb.Fatal(err)
	}
	if me.Uid == "0" {
		// Only root's sshd wants this directory; systemd makes it where it is in charge.
		_ = os.MkdirAll("/run/sshd", 0o755)
	}
	dir := tb.TempDir()
	s := &SSHD{tb: tb, User: me.Username, KeyFile: filepath.Join(dir, "id"), KnownHostsFile: filepath.Join(dir, "known_hosts")}
	client := NewKey(tb, s.KeyFile)
	s.hostKey = NewKey(tb, filepath.Join(dir, "host_key"))
	write(tb, filepath.Join(dir, "authorized_keys"), ssh.MarshalAuthorizedKey(client.PublicKey()))
	accept := "AcceptEnv GIT_PROTOCOL"
	if o.OldV0 {
		accept = ""
	}
	s.direct = freeAddr(tb)
	s.Proxy = NewProxy(tb, s.direct)
	s.Addr = s.Proxy.Addr
	_, port, _ := net.SplitHostPort(s.direct)
	write(tb, filepath.Join(dir, "sshd_config"), []byte(strings.Join([]string{
		"ListenAddress 127.0.0.1", "Port " + port, "PidFile none", "HostKey " + filepath.Join(dir, "host_key"),
		"AuthorizedKeysFile " + filepath.Join(dir, "authorized_keys"), "StrictModes no", "UsePAM no", "PermitRootLogin yes",
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "MaxStartups 100", "LogLevel VERBOSE", accept,
		"SetEnv SHLVL=2", // a bash that believes to be the first below sshd reads its user's .bashrc, which may take long
		"",
	}, "\n")))
	write(tb, s.KnownHostsFile, []byte(knownhosts.Line([]string{s.Addr}, s.hostKey.PublicKey())+"\n"))
	s.cmd = exec.Command(path, "-D", "-e", "-f", filepath.Join(dir, "sshd_config"))
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		tb.Fatalf("starting sshd: %v", err)
	}
	tb.Cleanup(s.Stop)
	s.wait()
	return s
}

// URL is the address of a repository by its directory.
func (s *SSHD) URL(dir string) string {
	return fmt.Sprintf("ssh://%s@%s/%s", s.User, s.Addr, strings.TrimPrefix(dir, "/"))
}

// HostKeyLine is the line of known_hosts that pins it.
func (s *SSHD) HostKeyLine() string {
	return knownhosts.Line([]string{s.Addr}, s.hostKey.PublicKey())
}

// Connections is how many clients were let in.
func (s *SSHD) Connections() int { return strings.Count(s.log.String(), "Accepted publickey") }

// Stop takes it down with all its sessions; it may be called again.
func (s *SSHD) Stop() {
	s.stop.Do(func() {
		s.Proxy.Close() // sessions live in processes of their own and end with their connection
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
}

// wait returns when it answers.
func (s *SSHD) wait() {
	s.tb.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for time.Now().Before(deadline) {
		if strings.Contains(s.log.String(), "Server listening") {
			return
		}
		c, err := net.DialTimeout("tcp", s.direct, 100*time.Millisecond)
		if err == nil {
			_ = c.Close()
			return
		}
		pause()
	}
	s.tb.Fatalf("sshd does not answer:\n%s", s.log.String())
}

// pause lets a little time go by between two looks at a condition.
func pause() { <-time.After(5 * time.Millisecond) }

// NewKey writes a new ed25519 private key to a file.
func NewKey(tb testing.TB, file string) ssh.Signer {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		tb.Fatal(err)
	}
	write(tb, file, pem.EncodeToMemory(block))
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return signer
}

func write(tb testing.TB, file string, content []byte) {
	tb.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		tb.Fatal(err)
	}
}

func freeAddr(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// lockedBuffer is a buffer that a process writes and a test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns what was written so far.
func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
