package bench

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// request is one that a remote end answered: when it came, and when the last byte of its answer was handed over.
type request struct {
	what       string // GET /infra.git/info/refs
	start, end time.Time
}

func (r request) is(part string) bool { return strings.Contains(r.what, part) }

// remote stands before a server and writes down its requests.
type remote struct {
	URL string

	mu      sync.Mutex
	done    []request
	changed chan struct{} // closed and replaced at each request that ends
}

func newRemote(tb testing.TB, target string) *remote {
	tb.Helper()
	to, err := url.Parse(target)
	must(tb, err)
	r := &remote{changed: make(chan struct{})}
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: to.Scheme, Host: to.Host})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		seen := request{what: q.Method + " " + q.URL.Path, start: time.Now()}
		forward.ServeHTTP(w, q)
		seen.end = time.Now()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.done = append(r.done, seen)
		close(r.changed)
		r.changed = make(chan struct{})
	}))
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	forward.ModifyResponse = func(res *http.Response) error { return renamed(res, to.Host, server.Listener.Addr().String()) }
	r.URL = server.URL + to.Path
	return r
}

// renamed puts the proxy's address into answers that name the server's, as those about uploads do: the agent sends its
// token to nobody else than whom it was told about.
func renamed(res *http.Response, server, proxy string) error {
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	body = bytes.ReplaceAll(body, []byte(server), []byte(proxy))
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

// wait returns the first request from a time on that has a part of a name.
func (r *remote) wait(tb testing.TB, from time.Time, part string) request {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	for {
		r.mu.Lock()
		done, changed := r.done, r.changed
		r.mu.Unlock()
		for _, seen := range done {
			if !seen.start.Before(from) && seen.is(part) {
				return seen
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			tb.Fatalf("nobody asked for %s", part)
		}
	}
}

// busy is for how long the server was at work on requests with one of the parts in their names, between two times.
func (r *remote) busy(from, to time.Time, parts ...string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var spans []request
	for _, seen := range r.done {
		for _, part := range parts {
			if seen.is(part) && seen.end.After(from) && seen.start.Before(to) {
				spans = append(spans, seen)
				break
			}
		}
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i].start.Before(spans[j].start) })
	var total time.Duration
	at := from
	for _, s := range spans {
		if s.start.After(at) {
			at = s.start
		}
		end := s.end
		if end.After(to) {
			end = to
		}
		if end.After(at) {
			total += end.Sub(at)
			at = end
		}
	}
	return total
}
