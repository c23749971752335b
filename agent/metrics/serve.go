package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"

	"sallyport/agent/clock"
	"sallyport/agent/contain"
	"sallyport/agent/hint"
)

const (
	readTimeout  = 5 * time.Second // for a request with its headers
	writeTimeout = 30 * time.Second
	idleTimeout  = 2 * time.Minute
	closeTimeout = 2 * time.Second // what answers under way get when the address is left
	maxHeader    = 16 << 10
	maxClients   = 32 // connections at a time
	listenSource = "metrics: listen"
)

// serving is one address at which figures are given out.
type serving struct {
	address string // as the configuration has it
	bound   string // as the kernel has it
	server  *http.Server
	ended   chan struct{} // closed when it serves no more
}

// failure is an address that could not be had.
type failure struct {
	address string
	at      time.Time
}

// Listen takes the address of the configuration before anything runs, if there is one.
func (m *Meter) Listen() (err error) {
	if address := m.address(); address != "" {
		m.serving, err = m.open(address)
	}
	return err
}

// address is where figures are to be had; empty for nowhere.
func (m *Meter) address() string {
	if c := m.active.Cfg().Metrics; c != nil {
		return c.Listen
	}
	return ""
}

// Serve answers until ctx ends, at the address of the configuration in force.
func (m *Meter) Serve(ctx context.Context) {
	for ctx.Err() == nil {
		changed := m.changes.Next()
		m.follow()
		wait := m.pace.listen
		if m.serving == nil && m.failed == (failure{}) {
			wait = idle
		}
		clock.Sleep(ctx, wait, changed)
	}
	m.serving.close()
	m.serving = nil
}

// follow goes to the address that the configuration names. If that cannot be had, the one before is served on.
func (m *Meter) follow() {
	if s := m.serving; s != nil && s.over() {
		m.serving = nil // its listener failed
	}
	want, have := m.address(), m.serving.at()
	if want == have {
		m.faults.Set(listenSource, nil)
		m.failed = failure{}
		return
	}
	if want == "" {
		m.serving.close()
		m.serving, m.failed = nil, failure{}
		m.faults.Set(listenSource, nil)
		m.log.Info("metrics are not served any more", "address", have)
		return
	}
	if m.failed.address == want && time.Since(m.failed.at) < m.pace.listen {
		return
	}
	next, err := m.open(want)
	if errors.Is(err, syscall.EADDRINUSE) && portOf(want) == portOf(have) { // perhaps by ourselves, on another address of the machine
		m.serving.close()
		if next, err = m.open(want); err != nil {
			next, _ = m.open(have)
			m.serving = next
		}
	}
	if err != nil {
		m.failed = failure{want, time.Now()}
		if m.faults.Set(listenSource, err) {
			m.log.Warn("serving metrics", "err", err)
		}
		return
	}
	m.serving.close()
	m.serving, m.failed = next, failure{}
	m.faults.Set(listenSource, nil)
}

// open begins to serve at an address.
func (m *Meter) open(address string) (*serving, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(address)
		return nil, hint.With(fmt.Errorf("serving metrics at %s: %w", address, err),
			"another program listens there, which `ss -ltnp sport = :%s` names; or name another port in listen of the metrics block", port)
	}
	if err != nil {
		return nil, hint.With(fmt.Errorf("serving metrics at %s: %w", address, err), "correct listen of the metrics block")
	}
	s := &serving{address: address, bound: l.Addr().String(), ended: make(chan struct{}), server: &http.Server{
		Handler:           m.handler(),
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(m.log.Handler(), slog.LevelDebug),
	}}
	m.log.Info("metrics are served", "address", s.bound)
	contain.Go("serving metrics", func(p *contain.Panic) { m.health.LogPanic(p) }, func() {
		defer close(s.ended)
		if err := s.server.Serve(netutil.LimitListener(l, maxClients)); !errors.Is(err, http.ErrServerClosed) {
			m.log.Error("serving metrics", "address", address, "err", err)
		}
	})
	return s, nil
}

// at is the address that is served; empty for none.
func (s *serving) at() string {
	if s == nil {
		return ""
	}
	return s.address
}

// over reports whether nothing is served any more.
func (s *serving) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// close leaves the address. Answers under way get a moment.
func (s *serving) close() {
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		_ = s.server.Close() // somebody reads too slowly; cutting them off is what the deadline is for
	}
	<-s.ended
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// handler answers requests.
func (m *Meter) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", m.serveMetrics)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) { say(w, m.stuck()) })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) { say(w, m.unready()) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch c := m.active.Cfg().Metrics; {
		case (c == nil || !c.AllowRemote) && !here(r.Host):
			http.Error(w, "metrics are served to this machine: ask for them by its address, or as localhost", http.StatusForbidden)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "there is nothing here but to read", http.StatusMethodNotAllowed)
		default:
			if p := contain.Run("answering "+r.Method+" "+r.URL.Path, func() { mux.ServeHTTP(w, r) }); p != nil {
				m.health.LogPanic(p)
				panic(http.ErrAbortHandler) // an answer that is half sent must not look like a whole one
			}
		}
	})
}

// here reports whether a Host header names an address, or localhost. A page in somebody's browser that has its own name pointed at this
// machine (DNS rebinding) sends that name.
func here(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil
}

func (m *Meter) serveMetrics(w http.ResponseWriter, r *http.Request) {
	g, err := m.gather(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	promhttp.HandlerFor(g, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// say answers ok, or why not.
func say(w http.ResponseWriter, why string) {
	if why != "" {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

// unready says why the agent cannot do its work yet: its loop does not pass, its store cannot be used, or a repository was never read.
func (m *Meter) unready() string {
	if why := m.stuck(); why != "" {
		return why
	}
	if m.store.Broken() != nil {
		return "the store cannot be relied on"
	}
	g, err := m.viewer.Glance(m.active.Current.Load())
	if err != nil {
		return "the store cannot be read"
	}
	for _, r := range g.Answer().Repositories {
		if r.PolledAt == nil {
			return "repository " + r.Name + " was not read yet"
		}
	}
	return ""
}
