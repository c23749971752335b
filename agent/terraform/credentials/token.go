package credentials

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"sallyport/agent/asuser"
	"sallyport/agent/contain"
)

// lentToken answers git's questions for a password during one init, at a socket that git's own helper git-credential-cache
// connects to. The token is never in a file, and git asks for each repository by itself, so that it is lent for some and not
// for all that the token can read.
type lentToken struct {
	path     string
	listener *net.UnixListener
	helpers  contain.Carrier

	uid    atomic.Int64 // who may ask
	access *Git

	mu      sync.Mutex
	refused []string // paths, in the order in which they were asked for
}

const (
	maxQuestion = 64 << 10         // bytes of what git sends
	answerTime  = 30 * time.Second // for one connection, to end what says nothing
	maxRefused  = 5                // how many are told
)

// serveToken starts to answer at a socket in a directory that the user can enter.
func serveToken(user *asuser.User, socket string, g *Git) (*lentToken, error) {
	name := g.Username
	if name == "" {
		name = "x-access-token"
	}
	access := *g
	access.Username = name
	if strings.ContainsAny(name+g.Token.Reveal(), "\n\r\x00") {
		return nil, errors.New("lending the repository's token: it or its user name has more than one line")
	}
	if err := os.RemoveAll(socket); err != nil {
		return nil, fmt.Errorf("lending the repository's token: %w", err)
	}
	listener, err := listenAt(socket)
	if err != nil {
		return nil, fmt.Errorf("lending the repository's token: %w", err)
	}
	t := &lentToken{path: socket, listener: listener, access: &access}
	t.uid.Store(int64(os.Geteuid()))
	if user != nil {
		t.uid.Store(int64(user.UID))
	}
	if err := errors.Join(os.Chmod(socket, 0o600), user.Connect(socket)); err != nil {
		t.close()
		return nil, fmt.Errorf("lending the repository's token: %w", err)
	}
	t.helpers.Go("lending the repository's token", func() {
		for {
			c, err := listener.AcceptUnix()
			if err != nil {
				return // closed
			}
			t.helpers.Go("answering git", func() { t.serve(c) })
		}
	})
	return t, nil
}

// listenAt listens at a socket whose path may be longer than the kernel takes; git's helper knows how to connect to one.
func listenAt(socket string) (*net.UnixListener, error) {
	dir, err := os.Open(filepath.Dir(socket))
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	short := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(socket))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // the name is another's when the directory is closed
	return l, nil
}

func (t *lentToken) close() {
	_ = t.listener.Close()
	_ = os.Remove(t.path)
	t.helpers.Deliver()
}

// refusals are the paths of the repositories for which git asked in vain; none of a nil token.
func (t *lentToken) refusals() []string {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.refused)
}

// serve answers one question: lines of NAME=VALUE until git has said all. Whatever else git wants (to keep a password, to
// forget one) is no question.
func (t *lentToken) serve(c *net.UnixConn) {
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return
	}
	if uid, err := peerUID(c); err != nil || int64(uid) != t.uid.Load() {
		return
	}
	asked := map[string]string{}
	for lines := bufio.NewScanner(io.LimitReader(c, maxQuestion)); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok {
			asked[name] = value
		}
	}
	if asked["action"] == "get" && t.lends(asked) {
		_, _ = fmt.Fprintf(c, "username=%s\npassword=%s\n", t.access.Username, t.access.Token.Reveal()) // git tells who is not let in
	}
}

// peerUID is the number of the user whose process is at the other end.
func peerUID(c *net.UnixConn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) { cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return -1, err
	}
	if credErr != nil {
		return -1, credErr
	}
	return int(cred.Uid), nil
}

// lends reports whether a question gets the token for an answer.
func (t *lentToken) lends(asked map[string]string) bool {
	g := t.access
	if !strings.EqualFold(asked["protocol"]+"://"+asked["host"], g.base()) {
		return false
	}
	if name := asked["username"]; name != "" && name != g.Username {
		return false
	}
	if g.lendsFor(asked["path"]) {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := fmt.Sprintf("%q", strings.Trim(asked["path"], "/")); len(t.refused) < maxRefused && !slices.Contains(t.refused, p) {
		t.refused = append(t.refused, p)
	}
	return false
}

// lendsFor reports whether the token is lent for a path at its host, as git asks for it. A path that a server could take for
// another one never gets it.
func (g *Git) lendsFor(asked string) bool {
	if !plainPath(asked) {
		return false
	}
	asked = repositoryPath(asked)
	if u, err := url.Parse(g.URL); err == nil && repositoryPath(u.Path) == asked {
		return true
	}
	return slices.ContainsFunc(g.ModulesFrom, func(pattern string) bool {
		matched, err := path.Match(repositoryPath(pattern), asked)
		return err == nil && matched
	})
}

// plainPath reports whether a path means the same to git, to a proxy and to a server.
func plainPath(p string) bool {
	if strings.ContainsAny(p, `%?#\;`) || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return false
	}
	for part := range strings.SplitSeq(strings.Trim(p, "/"), "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// repositoryPath is the one form of a repository's path: servers answer to it with ".git" and without.
func repositoryPath(p string) string {
	p = strings.Trim(p, "/")
	if short, ok := strings.CutSuffix(p, ".git"); ok && short != "" && !strings.HasSuffix(short, "/") {
		return short
	}
	return p
}
