package transport

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/crypto/ssh"

	"sallyport/agent/repo/odb"
	"sallyport/agent/repo/pack"
	"sallyport/notify/redact"
)

const (
	// keepaliveEvery is how often an idle connection is tried. Polls more frequent than that need no keepalive.
	keepaliveEvery = 30 * time.Second
	// keepaliveWait is how long the answer to a keepalive may take.
	keepaliveWait = 15 * time.Second
)

// sshRemote reaches a server over one kept ssh connection, with a new channel for each poll and fetch. go-git's own ssh
// transport makes a connection each time, and its handshake obeys neither context nor deadline.
//
// Whoever works takes the connection out and puts it back; a second one at the same time dials its own. So a deadline
// can simply close the connection without harm to others.
type sshRemote struct {
	address        Address
	user           string
	keyFile        string
	passphrase     redact.Secret
	knownHostsFile string
	stall          time.Duration
	activity       *activity
	child          *pack.Unpacker

	mu     sync.Mutex
	idle   *sshConn
	oldFor time.Time // until when the older protocol is used without asking
	closed bool
}

// sshConn is a connection and, while it is idle, its keepalive.
type sshConn struct {
	raw    net.Conn
	client *ssh.Client
	stop   chan struct{} // closed to end the keepalive
}

func newSSHRemote(a Address, o Options) *sshRemote {
	return &sshRemote{
		address:        a,
		user:           cmp.Or(a.user, cmp.Or(o.Username, "git")),
		keyFile:        o.SSHKeyFile,
		passphrase:     o.SSHPassphrase,
		knownHostsFile: o.KnownHostsFile,
		stall:          o.FetchTimeout,
		activity:       &activity{},
		child:          o.Child,
	}
}

// Refs lists references. The request is sent without waiting for the server's greeting: two round trips on a kept
// connection, the opening of the channel and everything else.
func (s *sshRemote) Refs(ctx context.Context, prefixes []string) (RefList, error) {
	s.mu.Lock()
	old := time.Now().Before(s.oldFor)
	s.mu.Unlock()
	var request []byte
	if !old {
		body, err := lsRefsRequest(prefixes)
		if err != nil {
			return RefList{}, err
		}
		request = body
	}
	request = append(request, "0000"...) // nothing more: ends the session in either protocol
	ch, err := s.open(ctx, protocol{v2: !old})
	if err != nil {
		return RefList{}, err
	}
	list, v2, err := ch.list(request)
	if err != nil {
		return RefList{}, ch.fail(err)
	}
	s.mu.Lock()
	if !v2 && !old {
		s.oldFor = time.Now().Add(forgetOldProtocol)
	}
	s.mu.Unlock()
	return list, ch.done()
}

// list sends the request and reads whichever protocol answers.
func (c *sshChannel) list(request []byte) (RefList, bool, error) {
	_, writeErr := c.channel.Write(request)
	_ = c.channel.CloseWrite()
	limited := bufio.NewReader(io.LimitReader(c.out, maxAdvertisement))
	list, v2, err := readAdvertisement(limited)
	if err != nil {
		if writeErr != nil && errors.Is(err, io.EOF) {
			err = writeErr
		}
		return RefList{}, v2, err
	}
	if v2 {
		if list, err = readLsRefs(limited); err != nil {
			return RefList{}, true, err
		}
	}
	// A server of the older protocol complains about a request that it does not know, and ends. To read up to the end
	// keeps the connection clean for the next.
	_, err = io.Copy(io.Discard, limited)
	return list, v2, err
}

func (s *sshRemote) Fetch(ctx context.Context, dst *odb.Storage, ref plumbing.ReferenceName) (plumbing.Hash, error) {
	ctx, stop := s.activity.watch(ctx, s.stall)
	defer stop()
	ch, err := s.open(ctx, protocol{})
	if err != nil {
		return plumbing.ZeroHash, cause(ctx, err)
	}
	session := &sshSession{channel: ch}
	tip, err := fetchPack(ctx, session, route{child: s.child, activity: s.activity}, dst, ref)
	if err != nil {
		return plumbing.ZeroHash, cause(ctx, ch.fail(err))
	}
	if err := session.finish(); err != nil {
		ch.conn.Close()
	}
	return tip, nil
}

func (s *sshRemote) Close() {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.mu.Unlock()
	if idle != nil {
		idle.Close()
	}
}

// take returns the kept connection, or nil.
func (s *sshRemote) take() *sshConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.idle
	s.idle = nil
	if c != nil {
		close(c.stop)
	}
	return c
}

// put keeps a connection for the next one.
func (s *sshRemote) put(c *sshConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle != nil || s.closed {
		c.Close()
		return
	}
	c.stop = make(chan struct{})
	s.idle = c
	stop := c.stop
	start(func() { c.keepalive(stop) }, func(error) { c.Close() }) // the next poll connects anew
}

// open starts git-upload-pack on the server: on the kept connection, or on a new one if that is dead.
func (s *sshRemote) open(ctx context.Context, p protocol) (*sshChannel, error) {
	if c := s.take(); c != nil {
		// A connection whose other end vanished without a word would eat the whole deadline.
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		ch, err := s.start(short, c, p)
		cancel()
		if err == nil {
			return s.guard(ctx, ch)
		}
		c.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	ch, err := s.start(ctx, c, p)
	if err != nil {
		c.Close()
		return nil, err
	}
	return s.guard(ctx, ch)
}

// guard makes ctx close the connection under a channel, which is the only thing that ends a pending read.
func (s *sshRemote) guard(ctx context.Context, ch *sshChannel) (*sshChannel, error) {
	ch.ctx = ctx
	ch.unguard = context.AfterFunc(ctx, ch.conn.Close)
	return ch, nil
}

// dial connects and shakes hands within ctx.
func (s *sshRemote) dial(ctx context.Context) (*sshConn, error) {
	keys, err := readHostKeys(s.knownHostsFile, s.address.Host)
	if err != nil {
		return nil, err
	}
	methods, release, err := s.authMethods()
	if err != nil {
		return nil, err
	}
	defer release()
	raw, err := dial(ctx, "tcp", s.address.Host, s.activity)
	if err != nil {
		return nil, err
	}
	// ClientConfig.Timeout bounds the TCP connect only; the handshake reads for ever from a silent server.
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	c, channels, requests, err := ssh.NewClientConn(raw, s.address.Host, &ssh.ClientConfig{
		User:              s.user,
		Auth:              methods,
		HostKeyCallback:   keys.check,
		HostKeyAlgorithms: keys.algorithms(),
		ClientVersion:     "SSH-2.0-sallyport",
	})
	if !stop() {
		_ = raw.Close()
		return nil, context.Cause(ctx)
	}
	if err != nil {
		_ = raw.Close()
		return nil, keys.explain(err)
	}
	return &sshConn{raw: raw, client: ssh.NewClient(c, channels, requests)}, nil
}

func (c *sshConn) Close() {
	_ = c.raw.Close()
	_ = c.client.Close()
}

// keepalive tries an idle connection now and then and closes it when it does not answer; the next user then notices
// at once. It ends when the connection is taken.
func (c *sshConn) keepalive(stop chan struct{}) {
	ticker := time.NewTicker(keepaliveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		kill := time.AfterFunc(keepaliveWait, c.Close)
		_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
		kill.Stop()
		if err != nil {
			c.Close()
			return
		}
	}
}

// quotePath writes a path for the shell on the other side exactly as git does; forges parse that form and no other.
func quotePath(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

func (s *sshRemote) command() string {
	return fmt.Sprintf("git-upload-pack %s", quotePath(s.address.path))
}
