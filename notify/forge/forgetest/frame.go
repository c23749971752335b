// Package forgetest is what fakes of sites that host repositories have in common: a server on loopback that records what it is asked,
// and fails on demand. What a site answers is the fake's own (notify/gitlab/gitlabtest).
//
// Nothing here sleeps: waiting is for a condition. It needs no testing package, so that a demonstration can use it too.
package forgetest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Call is one request that was made, the token left out.
type Call struct {
	Route  string // the name of its [Route]
	Method string
	Path   string // as it was sent, escaped, without the prefix
	Query  url.Values
	Body   map[string]any
	Status int    // that was answered; 0: none
	Fault  string // that was played
}

// Request is one request as the fake's routes see it.
type Request struct {
	*http.Request
	Fields map[string]any // of its body
	Broken bool           // the body is no JSON
}

// Text is a field of the body, or else of the query.
func (r *Request) Text(key string) string {
	switch v := r.Fields[key].(type) {
	case string:
		return v
	case float64:
		return fmt.Sprintf("%.0f", v)
	}
	return r.URL.Query().Get(key)
}

// Answer is what goes back. Body is sent as JSON, unless it is a string.
type Answer struct {
	Status int
	Body   any
	Header http.Header
}

// Route is one method of a site's API. It runs under the frame's lock.
type Route struct {
	Name    string
	Pattern string // of http.ServeMux, without the prefix: "GET /projects/{id}"
	Prefix  string // in the place of that of all
	Do      func(*Request) Answer
}

// Options say how the frame looks. All but Addr and TLS are the fake's.
type Options struct {
	Site   string // "gitlab"
	Addr   string // to listen on; default a free port of 127.0.0.1
	TLS    bool   // https with a CA of its own: see [Frame.CAPEM]
	Prefix string // of every route: "/gitlab/api/v4"
	Routes []Route
	// Before is asked before the route, under the lock: it may answer instead.
	Before func(*Request) *Answer
	// After may add headers to every answer, under the lock.
	After func(*Request, *Answer)
	// Limited is what the site says when it limits the rate.
	Limited func(retryAfter int) Answer
	Unknown Answer // to what is no route
}

// Frame is the server below a fake. Its lock guards the fake's state too.
type Frame struct {
	sync.Mutex
	opts  Options
	http  *http.Server
	port  net.Listener
	url   string
	done  chan struct{} // closed by Close: lets go of hanging requests
	caPEM []byte

	changed chan struct{} // closed and replaced whenever anything changes
	calls   []Call
	conns   int
	before  map[string]func(Call)
	faults  []*fault
	down    bool
	unhang  chan struct{}
}

// Start listens and serves until [Frame.Close].
func (s *Frame) Start(o Options) error {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	s.opts, s.done, s.changed, s.unhang, s.before = o, make(chan struct{}), make(chan struct{}), make(chan struct{}), map[string]func(Call){}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return fmt.Errorf("listening for the fake %s: %w", o.Site, err)
	}
	mux := http.NewServeMux()
	for _, r := range o.Routes {
		method, path, _ := strings.Cut(r.Pattern, " ")
		mux.HandleFunc(method+" "+cmp.Or(r.Prefix, o.Prefix)+path, s.serve(r))
	}
	mux.HandleFunc("/", s.serve(Route{Name: "unknown", Do: func(*Request) Answer { return o.Unknown }}))
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0), ConnState: s.count}
	s.url = "http://" + l.Addr().String()
	if o.TLS {
		s.url = "https://" + l.Addr().String()
		if l, s.caPEM, err = secure(l); err != nil {
			return err
		}
	}
	s.port = l
	go func() { _ = s.http.Serve(l) }() // ends with Close
	return nil
}

func (s *Frame) count(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.Lock()
		defer s.Unlock()
		s.conns++
	}
}

// Origin is the scheme and the host of the server.
func (s *Frame) Origin() string { return s.url }

// CAPEM is the certificate of the CA that signed this server's, for `ca_file`.
func (s *Frame) CAPEM() []byte { return s.caPEM }

// Close stops the server at once, hanging requests included.
func (s *Frame) Close() {
	s.Lock()
	defer s.Unlock()
	select {
	case <-s.done:
		return
	default:
		close(s.done)
	}
	_ = errors.Join(s.http.Close(), s.port.Close()) // which the former leaves open where Serve has not begun yet
}

// Tell wakes whoever waits. The lock is held.
func (s *Frame) Tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// WaitFor blocks until a condition holds, looking again whenever anything happened here.
func (s *Frame) WaitFor(ctx context.Context, condition func() bool) error {
	for {
		s.Lock()
		changed := s.changed
		s.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-s.done:
			return fmt.Errorf("the fake %s was closed while waiting for it", s.opts.Site)
		case <-ctx.Done():
			return fmt.Errorf("waiting for the fake %s: %w; it was asked:\n%s", s.opts.Site, ctx.Err(), s.Asked())
		}
	}
}

// Calls is how many requests of a route were made, failed ones included; an empty route counts all.
func (s *Frame) Calls(route string) int { return len(s.Requests(route)) }

// Requests are the requests of a route in the order in which they came; an empty route gives all.
func (s *Frame) Requests(route string) []Call {
	s.Lock()
	defer s.Unlock()
	var out []Call
	for _, c := range s.calls {
		if route == "" || c.Route == route {
			out = append(out, c)
		}
	}
	return out
}

// Connections is how many connections were made.
func (s *Frame) Connections() int {
	s.Lock()
	defer s.Unlock()
	return s.conns
}

// Asked is every request in a line, for people who look at a failed test.
func (s *Frame) Asked() string {
	var b strings.Builder
	for _, c := range s.Requests("") {
		fmt.Fprintf(&b, "%s %s?%s = %d %s\n", c.Method, c.Path, c.Query.Encode(), c.Status, c.Fault)
	}
	return b.String()
}

// serve wraps a route in everything that all have in common.
func (s *Frame) serve(rt Route) http.HandlerFunc {
	return func(w http.ResponseWriter, hr *http.Request) {
		raw, _ := io.ReadAll(hr.Body) // whoever goes away in the middle gets what is there
		r := &Request{Request: hr}
		r.Broken = len(raw) > 0 && json.Unmarshal(raw, &r.Fields) != nil
		c := Call{Route: rt.Name, Method: hr.Method, Path: strings.TrimPrefix(hr.URL.EscapedPath(), s.opts.Prefix), Query: hr.URL.Query(), Body: r.Fields}
		s.runBefore(c)
		f := s.takeFault(rt.Name)
		if f != nil {
			c.Fault = f.Kind.String()
		}
		if f != nil && f.early() {
			s.record(c)
			s.playEarly(f, w, hr)
			return
		}
		a := s.carryOut(rt, r)
		if f != nil && f.Kind == Duplicate {
			a = s.carryOut(rt, r)
		}
		c.Status = a.Status
		s.record(c)
		if f != nil && f.playLate(w, a) {
			return
		}
		a.write(w)
	}
}

func (s *Frame) carryOut(rt Route, r *Request) (a Answer) {
	s.Lock()
	defer s.Unlock()
	if s.opts.After != nil {
		defer func() { s.opts.After(r, &a) }()
	}
	if s.opts.Before != nil {
		if a := s.opts.Before(r); a != nil {
			return *a
		}
	}
	return rt.Do(r)
}

func (s *Frame) record(c Call) {
	s.Lock()
	defer s.Unlock()
	s.calls = append(s.calls, c)
	s.Tell()
}

func (a Answer) bytes() []byte {
	switch body := a.Body.(type) {
	case nil:
		return nil
	case string:
		return []byte(body)
	}
	raw, _ := json.Marshal(a.Body) // a map of plain values
	return raw
}

func (a Answer) write(w http.ResponseWriter) {
	if _, plain := a.Body.(string); plain {
		w.Header().Set("Content-Type", "text/plain")
	} else {
		w.Header().Set("Content-Type", "application/json")
	}
	for k, v := range a.Header {
		w.Header()[http.CanonicalHeaderKey(k)] = v
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.bytes()) // whoever went away does not want the answer
}
