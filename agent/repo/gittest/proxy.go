package gittest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy passes bytes on to a server and can stop doing so.
type Proxy struct {
	Addr string // host:port

	target   string
	listener net.Listener
	down     atomic.Int64 // bytes that came from the server
	up       atomic.Int64 // bytes that went to the server
	stallAt  atomic.Int64 // no byte after these comes from the server; negative: none
	cutAt    atomic.Int64 // the connection is cut after these; negative: never
	mu       sync.Mutex
	conns    []net.Conn
	closed   bool
}

// NewProxy starts a proxy before a server at host:port.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), target: target, listener: l}
	p.stallAt.Store(-1)
	p.cutAt.Store(-1)
	go p.serve()
	tb.Cleanup(p.Close)
	return p
}

// NewBlackHole returns the address of a host that accepts connections, reads, and never says anything.
func NewBlackHole(tb testing.TB) string {
	tb.Helper()
	p := NewProxy(tb, "")
	return p.Addr
}

// Down is how many bytes came from the server, Up how many went to it.
func (p *Proxy) Down() int64 { return p.down.Load() }

// Up is how many bytes went to the server.
func (p *Proxy) Up() int64 { return p.up.Load() }

// Stall lets n more bytes come from the server and then none, on open connections.
func (p *Proxy) Stall(n int64) { p.stallAt.Store(p.down.Load() + n) }

// Cut lets n more bytes come from the server and then ends the connection.
func (p *Proxy) Cut(n int64) { p.cutAt.Store(p.down.Load() + n) }

// Heal passes everything on again; a connection that stalled stays so.
func (p *Proxy) Heal() {
	p.stallAt.Store(-1)
	p.cutAt.Store(-1)
}

func (p *Proxy) serve() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.track(c) {
			return
		}
		if p.target == "" {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			continue
		}
		s, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = c.Close()
			continue
		}
		if !p.track(s) {
			return
		}
		go p.pass(s, c, &p.up, false)
		go p.pass(c, s, &p.down, true)
	}
}

func (p *Proxy) pass(to, from net.Conn, count *atomic.Int64, fromServer bool) {
	defer to.Close()
	b := make([]byte, 1024)
	for {
		n, err := from.Read(b)
		if n > 0 && fromServer {
			if at := p.cutAt.Load(); at >= 0 && count.Load() >= at {
				return
			}
			if at := p.stallAt.Load(); at >= 0 && count.Load() >= at {
				_, _ = io.Copy(io.Discard, from) // until the other side gives up
				return
			}
		}
		count.Add(int64(n))
		if _, writeErr := to.Write(b[:n]); writeErr != nil || err != nil {
			return
		}
	}
}

func (p *Proxy) track(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return false
	}
	p.conns = append(p.conns, c)
	return true
}

// CloseConns cuts all connections at once.
func (p *Proxy) CloseConns() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// Close refuses new connections and cuts those that are open; it may be called again.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.CloseConns()
}
