// Package exchange is one request over HTTP with its answer, seen below the library that makes it. It tells a request that was never
// sent from one whose answer was lost, which decides whether something may be sent again; it reads every answer to its end, within a
// bound; and it keeps the bytes, of which libraries drop fields.
//
// What a call is recorded in travels with its context: see [With]. It knows of no site in particular.
package exchange

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// maxAnswer bounds what is read of one answer, in bytes. A page of 100 pull requests is about 2 MB.
const maxAnswer = 32 << 20

// Exchange is what happened to one request.
type Exchange struct {
	Token  string // goes with the request, as its bearer; empty: none is added
	Sent   bool   // bytes may have left
	Status int    // of HTTP; 0: no answer came
	Header http.Header
	Body   []byte
	Whole  bool // the body came to its end
}

type key struct{}

// With has the next request with this context recorded.
func With(ctx context.Context, x *Exchange) context.Context { return context.WithValue(ctx, key{}, x) }

// Do sends a request and records it in what its context carries, if anything. An answer that was read to its end leaves the connection
// free for the next request, whatever the library above does with it. The answer that is returned has its body in memory.
func Do(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	x, _ := r.Context().Value(key{}).(*Exchange)
	if x == nil {
		x = &Exchange{}
	}
	*x = Exchange{Token: x.Token, Sent: true}
	resp, err := send(r)
	if err != nil {
		x.Sent = !neverSent(err)
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	x.Status, x.Header = resp.StatusCode, resp.Header
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	x.Body, x.Whole = body, true
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// neverSent reports whether an error says that no byte of the request can have arrived: name resolution, connecting and the handshake
// failed.
func neverSent(err error) bool {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &dns) || errors.As(err, &certificate) {
		return true
	}
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "socks connect" || op.Op == "proxyconnect")
}

// Authorized adds the token that a call brought along.
type Authorized struct{ Next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (a Authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	if x, _ := r.Context().Value(key{}).(*Exchange); x != nil && x.Token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+x.Token)
	}
	return a.Next.RoundTrip(r)
}

// Pool says which connections are kept for the next request.
type Pool struct {
	Idle    time.Duration // for how long
	PerHost int
}

// NewTransport makes a transport without a timeout for whole requests: every call brings a deadline.
func NewTransport(p Pool) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		IdleConnTimeout:       p.Idle,
		MaxIdleConnsPerHost:   p.PerHost,
		ForceAttemptHTTP2:     true,
	}
}

// NoRedirect follows no redirect, which could only take a token somewhere else. It is for http.Client.CheckRedirect.
func NoRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
