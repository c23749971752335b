// Package github tells GitHub what became of commits and pull requests, and reads what people did there, outbound only.
//
// A [Client] speaks the REST API of github.com or of a GitHub Enterprise Server for one repository. It sets commit
// statuses ([Client.SetStatus]), lists pull requests ([Client.OpenPullRequests]), keeps the one comment of a pull request
// ([Client.PutComment]) and answers who is who ([Client.Access], [Client.Reviews], [Client.Commits]). It decides nothing: the agent does.
//
// # Errors
//
// Every error of a call is an [*Error] with a [Kind], GitHub's own words and, where somebody can do something, a hint. Nothing is
// ever sent again by itself (but a GET that met a kept connection which was being closed, by net/http). [RetryAfter] tells a rate limit (primary, or secondary, which GitHub makes up as it goes) and
// how long to wait; the client then sends nothing until that time has passed, because calls made meanwhile can get a token banned. A
// GitHub Enterprise without limits sends no such headers, and none are expected. [Outage] tells errors that go away by
// themselves: 5xx, timeouts, no network. [Permanent] tells errors that go away only when a person does something.
//
// [Unknown] tells that a write may have been carried out though no answer came:
//   - a status may be set again: the newest of a context counts. GitHub takes at most 1000 of one context and commit, so set it on change only;
//   - an edit of a comment may be made again;
//   - a comment must be looked for before it is made again ([Client.FindComment]); [Client.PutComment] always does.
//
// # Polling
//
// [Client.OpenPullRequests] sends the ETag of what it read last. A poll that finds nothing new is one request that GitHub
// answers with 304, which does not count against the limit of 5000 requests an hour. ETags belong to a token, so an
// installation token that was renewed costs one whole answer.
//
// # Identity
//
// A token is a person's or a machine user's (classic or fine-grained), or it is made for an installation of a GitHub
// App: an hour long, renewed a minute before its end, and at once after GitHub refused it. [Client.GitToken] gives either for git
// over https, with the user name [GitUser].
//
// # Safety
//
// Text from GitHub comes out without control, bidirectional and zero-width characters ([redact.Clean]). Redirects are not
// followed: they would carry the token somewhere else, and a repository that was renamed should be said, not followed. What a
// comment says is written by package report.
package github

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"sallyport/notify/exchange"

	githubapi "github.com/google/go-github/v92/github"
)

// Client talks to one repository with one identity. It is safe for concurrent use.
type Client struct {
	opts Options
	api  *githubapi.Client // with the token of a call
	wire *wire

	app *app // nil: a token

	writing chan struct{} // holds one token: writes go one after the other
	wrote   time.Time     // when the last write began; guarded by writing

	mu    sync.Mutex
	pause time.Time // nothing is sent before
	limit Kind      // why
	self  *Identity
	rate  Rate

	listing sync.Mutex // one reading of the list at a time
	pages   []page     // of open pull requests, as read last
	listed  []PullRequest
	hasList bool
}

// New makes a client; it sends nothing yet. It reads the private key of an app and the CA file.
func New(o Options) (*Client, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	transport, err := newTransport(o.CAFile)
	if err != nil {
		return nil, err
	}
	c := &Client{opts: o, wire: &wire{next: transport}, writing: make(chan struct{}, 1)}
	c.writing <- struct{}{}
	if c.api, err = c.newAPI(exchange.Authorized{Next: c.wire}); err != nil {
		return nil, err
	}
	if o.App == nil {
		return c, nil
	}
	if c.app, err = newApp(c, *o.App); err != nil {
		return nil, err
	}
	return c, nil
}

// Close lets go of the kept connection.
func (c *Client) Close() { c.wire.next.CloseIdleConnections() }

// String names the repository. Without it a client that is printed by mistake would show its token.
func (c *Client) String() string { return c.opts.Repository + " at " + c.opts.URL }

// GoString is [Client.String] for %#v.
func (c *Client) GoString() string { return c.String() }

// newAPI makes the library's client. Its own rate limit check stays off: it looks at the wall clock, and ours says more.
func (c *Client) newAPI(rt http.RoundTripper) (*githubapi.Client, error) {
	base := c.opts.api
	api, err := githubapi.NewClient(
		githubapi.WithHTTPClient(&http.Client{
			Transport:     rt,
			CheckRedirect: exchange.NoRedirect,
		}),
		githubapi.WithURLs(&base, &base), githubapi.WithDisableRateLimitCheck(), githubapi.WithUserAgent("sallyport"))
	if err != nil {
		return nil, fmt.Errorf("github: %w", err)
	}
	return api, nil
}

func newTransport(caFile string) (*http.Transport, error) {
	t := exchange.NewTransport(exchange.Pool{Idle: 5 * time.Minute, PerHost: 1}) // longer than the slowest poll: the connection is kept
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("github: reading ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("github: %s holds no certificate", caFile)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// wire carries out requests and records them.
type wire struct{ next *http.Transport }

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	return exchange.Do(r, w.next.RoundTrip)
}

// effect says whether a call changes anything at GitHub.
type effect int

const (
	reads effect = iota
	writes
)

// call is one request: what it does in words, what it may change, and the library's part of it.
type call struct {
	doing  string // "setting a status"
	effect effect
	do     func(context.Context) error
}

// run carries out a call: not before a rate limit has passed, writes one after the other, with a token and a deadline, and
// with the library's errors turned into ours. An answer 304 is no error.
func (c *Client) run(ctx context.Context, k call) (*exchange.Exchange, error) {
	if k.effect == writes {
		done, err := c.turn(ctx)
		if err != nil {
			return nil, &Error{Doing: k.doing, Kind: Stopped, Err: err}
		}
		defer done()
	}
	if wait, kind := c.paused(); wait > 0 {
		return nil, &Error{Doing: k.doing, Kind: kind, Wait: wait}
	}
	limited, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	token, err := c.token(limited)
	if err != nil {
		return nil, err
	}
	x, err := c.exchange(ctx, limited, token, k)
	if KindOf(err) == Unauthorized && c.app != nil {
		c.app.forget(token) // it may have been revoked within its hour
	}
	return x, err
}

// exchange carries out a call with a token. The context of the caller is only looked at, to tell who gave up.
func (c *Client) exchange(caller, ctx context.Context, token string, k call) (*exchange.Exchange, error) {
	x := &exchange.Exchange{Token: token}
	err := k.do(exchange.With(ctx, x))
	c.noteRate(x.Header)
	if x.Whole && (x.Status == http.StatusNotModified || err == nil && x.Status >= 200 && x.Status < 300) {
		return x, nil
	}
	e := c.errorOf(k, x, err)
	if e.Kind == Outage && caller.Err() != nil && errors.Is(caller.Err(), context.Canceled) {
		e.Kind, e.Hint = Stopped, ""
	}
	if e.Kind == RateLimited || e.Kind == SecondaryLimited {
		c.setPause(e.Wait, e.Kind)
		c.opts.Log.Warn("github limits the rate", "doing", k.doing, "kind", e.Kind.String(), "wait", e.Wait)
	}
	return x, e
}

// turn waits until this write may go: after the one before it, and politely later. GitHub asks for one write at a
// time and a second between two; who does not wait gets secondary limits.
func (c *Client) turn(ctx context.Context) (done func(), err error) {
	select {
	case <-c.writing:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	release := func() { c.writing <- struct{}{} }
	if left := c.opts.Pace - c.opts.Now().Sub(c.wrote); !c.wrote.IsZero() && left > 0 {
		timer := time.NewTimer(min(left, c.opts.Pace))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			release()
			return nil, ctx.Err()
		}
	}
	c.wrote = c.opts.Now()
	return release, nil
}

// paused is how long nothing may be sent, and why.
func (c *Client) paused() (time.Duration, Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pause.IsZero() {
		return 0, 0
	}
	left := c.pause.Sub(c.opts.Now())
	if left <= 0 {
		c.pause = time.Time{}
	}
	return left, c.limit
}

func (c *Client) setPause(d time.Duration, why Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := c.opts.Now().Add(d); until.After(c.pause) {
		c.pause, c.limit = until, why
	}
}
