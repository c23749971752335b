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
//   - a comment must be looked for before it is made again; [Client.PutComment] always does.
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
	"fmt"
	"net/http"
	"sync"

	"sallyport/notify/exchange"
	"sallyport/notify/forge/wire"

	githubapi "github.com/google/go-github/v92/github"
)

// Client talks to one repository with one identity. It is safe for concurrent use.
type Client struct {
	opts Options
	api  *githubapi.Client // with the token of a call
	wire *wire.Wire

	app *app // nil: a token

	mu   sync.Mutex
	self *Identity
	rate Rate

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
	c := &Client{opts: o}
	var err error
	c.wire, err = wire.New(wire.Options{
		Site: "github", Name: "GitHub", CAFile: o.CAFile, Log: o.Log, Now: o.Now, Timeout: o.Timeout, Pace: o.Pace,
		Token: c.token, Judge: c.judge, Hint: c.hint,
	})
	if err != nil {
		return nil, err
	}
	if c.api, err = c.newAPI(c.wire.HTTP()); err != nil {
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
func (c *Client) Close() { c.wire.Close() }

// String names the repository. Without it a client that is printed by mistake would show its token.
func (c *Client) String() string { return c.opts.Repository + " at " + c.opts.URL }

// GoString is [Client.String] for %#v.
func (c *Client) GoString() string { return c.String() }

// newAPI makes the library's client. Its own rate limit check stays off: it looks at the wall clock, and ours says more.
func (c *Client) newAPI(with *http.Client) (*githubapi.Client, error) {
	base := c.opts.api
	api, err := githubapi.NewClient(
		githubapi.WithHTTPClient(with),
		githubapi.WithURLs(&base, &base), githubapi.WithDisableRateLimitCheck(), githubapi.WithUserAgent("sallyport"))
	if err != nil {
		return nil, fmt.Errorf("github: %w", err)
	}
	return api, nil
}

const (
	reads  = wire.Reads
	writes = wire.Writes
)

// call is one request: what it does in words, what it may change, and the library's part of it.
type call struct {
	doing  string // "setting a status"
	effect wire.Effect
	do     func(context.Context) error
}

// run carries out a call, as [wire.Wire.Run] does.
func (c *Client) run(ctx context.Context, k call) (*exchange.Exchange, error) {
	x, err := c.wire.Run(ctx, wire.Call{Doing: k.doing, Effect: k.effect, Do: k.do})
	if x == nil {
		return nil, err
	}
	c.noteRate(x.Header)
	if KindOf(err) == Unauthorized && c.app != nil {
		c.app.forget(x.Token) // it may have been revoked within its hour
	}
	return x, err
}
