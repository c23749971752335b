package e2e

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// A wire lies between the agent and a server, and can be bad in the ways in which networks are.
type wire struct {
	target   string
	listener net.Listener

	mu    sync.Mutex
	mode  wireMode
	left  int // bytes that still come before the wire is cut, or milliseconds that each piece takes on a slow one
	conns map[net.Conn]bool
}

type wireMode int

const (
	wireGood  wireMode = iota
	wireShut           // connections are refused, open ones are reset
	wireCut            // connections end in the middle of an answer
	wireHole           // everything is taken and nothing comes back
	wireSlow           // every piece takes its time
	wireModes          // how many there are
)

func (m wireMode) String() string {
	return [...]string{"good", "refuses", "cuts answers", "swallows", "is slow"}[m]
}

// newWire listens in front of a server given by its URL or its host:port.
func newWire(t *testing.T, target string) *wire {
	t.Helper()
	_, host, ok := strings.Cut(target, "://")
	if !ok {
		host = target
	}
	host, _, _ = strings.Cut(host, "/")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{target: host, listener: l, conns: map[net.Conn]bool{}}
	go w.serve()
	t.Cleanup(w.close)
	return w
}

// through is a URL of the server, by way of the wire.
func (w *wire) through(url string) string {
	return strings.Replace(url, w.target, w.listener.Addr().String(), 1)
}

// set changes how the wire is. Open connections feel it too; a change back to good ends those that hang.
func (w *wire) set(mode wireMode, left int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mode, w.left = mode, left
	if mode == wireShut || mode == wireGood {
		for c := range w.conns {
			_ = c.Close()
		}
	}
}

func (w *wire) now() wireMode {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mode
}

func (w *wire) close() {
	_ = w.listener.Close()
	w.set(wireShut, 0)
}

func (w *wire) serve() {
	for {
		c, err := w.listener.Accept()
		if err != nil {
			return
		}
		if w.now() == wireShut {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // a reset, as from a port where nobody listens
			}
			_ = c.Close()
			continue
		}
		go w.connect(c)
	}
}

func (w *wire) connect(c net.Conn) {
	s, err := net.DialTimeout("tcp", w.target, 5*time.Second)
	if err != nil {
		_ = c.Close()
		return
	}
	w.mu.Lock()
	w.conns[c], w.conns[s] = true, true
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.pass(s, c, false) })
	both.Go(func() { w.pass(c, s, true) })
	both.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
	delete(w.conns, s)
}

func (w *wire) pass(to, from net.Conn, answer bool) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 2048)
	for {
		n, err := from.Read(b)
		if n > 0 {
			keep := w.weather(n, answer)
			if _, e := to.Write(b[:max(keep, 0)]); e != nil || keep < 0 {
				return
			}
			if keep < n && w.now() == wireHole {
				_, _ = io.Copy(io.Discard, from)
				return
			}
			if keep < n {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// weather says how many of n bytes get through, and takes the time that they need.
func (w *wire) weather(n int, answer bool) int {
	w.mu.Lock()
	mode := w.mode
	defer w.mu.Unlock()
	switch {
	case mode == wireShut:
		return -1
	case mode == wireHole && answer:
		return 0
	case mode == wireCut && answer:
		n = min(n, w.left)
		w.left -= n
		return n
	case mode == wireSlow:
		wait := time.Duration(w.left) * time.Millisecond
		w.mu.Unlock()
		<-time.After(wait)
		w.mu.Lock()
	}
	return n
}
