// Package bitbucket tells Bitbucket what became of commits, outbound only: Bitbucket Cloud (bitbucket.org) and Data Center, for one
// repository. It knows of statuses and of nothing else; pull requests are not planned there.
//
// # Statuses
//
// A status has a key, and setting one of the same key again replaces it, so it may be set as often as one likes. Keys have at most 40 characters
// and are made of the context: a hash of it. What people read is the name, which is the context itself. Both products want an address that
// the status leads to; without one it is the commit's own page.
//
// Bitbucket knows neither "failure" nor "error" apart: both are FAILED. What waits is INPROGRESS.
//
// # Tokens
//
// Cloud: an API token goes with the account's e-mail ([Options].Username), an access token of a repository, a project or a workspace
// alone. App passwords came to an end in June 2026. Data Center: an HTTP access token, alone.
//
// # Requests
//
// There is no client of Bitbucket that is kept well and knows both products: the one of Cloud knows no `refname` and gives answers as
// untyped maps, that of Data Center has had no release. It is three routes, so they stand here, on net/http.
package bitbucket

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"sallyport/notify/exchange"
	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

const site = "bitbucket"

// Options say which repository, and as whom.
type Options struct {
	// URL is of the site: https://bitbucket.org is Cloud, everything else Data Center, with its context path if it has one. Plain http
	// only for loopback hosts.
	URL        string
	Repository string        // workspace/slug, of Data Center PROJECT/slug; of a personal one ~user/slug
	Username   string        // the account's e-mail, with an API token of Cloud; else empty
	Token      redact.Secret //
	CAFile     string        // PEM; trusted beside the system's
	Log        *slog.Logger  // default: none
	Now        func() time.Time
	Timeout    time.Duration // of one request; default 15 s
	// CloudAPI is where the API of Cloud is. Default https://api.bitbucket.org; with another one URL is taken for Cloud's, which is for tests.
	CloudAPI string

	base        *url.URL
	owner, slug string
}

var (
	repositoryName = regexp.MustCompile(`^~?[A-Za-z0-9_{][A-Za-z0-9._{}-]*/[A-Za-z0-9._{}-]+$`)
	hashPattern    = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
)

func (o *Options) validate() (cloud bool, err error) {
	if !repositoryName.MatchString(o.Repository) || strings.HasSuffix(o.Repository, "/.") || strings.HasSuffix(o.Repository, "/..") {
		return false, fmt.Errorf("bitbucket: repository %q is neither of the form workspace/slug nor PROJECT/slug", o.Repository)
	}
	o.owner, o.slug, _ = strings.Cut(o.Repository, "/")
	switch {
	case o.Token.IsZero():
		return false, errors.New("bitbucket: there is no token")
	case strings.ContainsAny(o.Token.Reveal()+o.Username, "\r\n\t "):
		return false, errors.New("bitbucket: the token or the username has a blank or a line break in it")
	}
	if o.URL == "" {
		o.URL = "https://bitbucket.org"
	}
	if o.base, err = wire.Base(site, o.URL); err != nil {
		return false, err
	}
	host := strings.ToLower(o.base.Hostname())
	cloud = o.CloudAPI != "" || host == "bitbucket.org" || host == "www.bitbucket.org" || host == "api.bitbucket.org"
	if cloud && o.CloudAPI == "" {
		if o.base.Scheme != "https" || o.base.Path != "" {
			return false, fmt.Errorf("bitbucket: %q is not the site itself; the repository stands in repository", o.URL)
		}
		o.CloudAPI = "https://api.bitbucket.org"
	}
	if !cloud && o.Username != "" {
		return false, errors.New("bitbucket: an access token of Data Center goes without a username")
	}
	return cloud, nil
}

// Client talks to one repository with one identity. It is safe for concurrent use.
type Client struct {
	opts    Options
	wire    *wire.Wire
	product product
}

// New makes a client; it sends nothing yet. It reads the CA file.
func New(o Options) (*Client, error) {
	isCloud, err := o.validate()
	if err != nil {
		return nil, err
	}
	c := &Client{opts: o, product: dataCenter{o}}
	if isCloud {
		c.product = cloud{o}
	}
	if o.Now == nil {
		c.opts.Now = time.Now
	}
	c.wire, err = wire.New(wire.Options{
		Site: site, CAFile: o.CAFile, Log: o.Log, Now: c.opts.Now, Timeout: o.Timeout, Judge: c.judge, Hint: c.hint,
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Close lets go of the kept connection.
func (c *Client) Close() { c.wire.Close() }

// String names the repository. Without it a client that is printed by mistake would show its token.
func (c *Client) String() string { return c.opts.Repository + " at " + c.opts.base.String() }

// GoString is [Client.String] for %#v.
func (c *Client) GoString() string { return c.String() }

// Words are Bitbucket's own.
func (c *Client) Words() forge.Words { return forge.Words{Site: "Bitbucket", Block: site} }

// GitUser is the user name that goes with [Client.GitToken] over https: one that Bitbucket keeps for tokens.
func (c *Client) GitUser() string { return c.product.gitUser() }

// GitToken is the password of [Client.GitUser] for git over https: the token.
func (c *Client) GitToken(context.Context) (redact.Secret, error) { return c.opts.Token, nil }

// send carries out one request. in is sent as JSON, if it is not nil, and what comes is read into out, if that is not nil.
func (c *Client) send(ctx context.Context, doing, method, address string, in, out any) error {
	effect := wire.Reads
	if method != http.MethodGet {
		effect = wire.Writes
	}
	_, err := c.wire.Run(ctx, wire.Call{Doing: doing, Effect: effect, Do: func(ctx context.Context) error {
		var body io.Reader = http.NoBody
		if in != nil {
			raw, err := json.Marshal(in)
			if err != nil {
				return fmt.Errorf("writing the request: %w", err)
			}
			body = bytes.NewReader(raw)
		}
		r, err := http.NewRequestWithContext(ctx, method, address, body)
		if err != nil {
			return err
		}
		c.dress(r.Header, in != nil)
		resp, err := c.wire.HTTP().Do(r)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }() // it was read to its end below
		if out == nil || resp.StatusCode >= 300 {
			return nil
		}
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		return nil
	}})
	return err
}

func (c *Client) dress(h http.Header, hasBody bool) {
	h.Set("Accept", "application/json")
	h.Set("User-Agent", "sallyport")
	h.Set("X-Atlassian-Token", "no-check") // or Data Center takes a request for a browser's
	if hasBody {
		h.Set("Content-Type", "application/json")
	}
	if c.opts.Username != "" {
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.opts.Username+":"+c.opts.Token.Reveal())))
		return
	}
	h.Set("Authorization", "Bearer "+c.opts.Token.Reveal())
}

// judge says what an answer means that is no success.
func (c *Client) judge(x *exchange.Exchange) wire.Judgement {
	text, ours := said(x.Body)
	j := wire.Judgement{Message: text, Wait: wire.RetryAfter(x.Header, c.opts.Now())}
	switch s := x.Status; {
	case s == http.StatusTooManyRequests:
		j.Kind = wire.RateLimited
	case s == http.StatusUnauthorized:
		j.Kind = wire.Unauthorized
	case s == http.StatusForbidden:
		j.Kind = wire.Forbidden
	case s == http.StatusNotFound, s == http.StatusGone:
		j.Kind = wire.NotFound
	case s >= 300 && s < 400:
		j.Kind = wire.Moved
	case s >= 400 && s < 500 && s != http.StatusRequestTimeout && ours:
		j.Kind = wire.Invalid
	}
	return j
}

// said reads the words of an error in the shape of either product; ours reports whether it had one.
func said(body []byte) (text string, ours bool) {
	var shape struct {
		Error *struct {
			Message string
			Detail  any
			Fields  map[string][]string
		}
		Errors []struct{ Context, Message string }
	}
	if json.Unmarshal(body, &shape) != nil {
		return "", false
	}
	var parts []string
	if shape.Error != nil {
		parts = append(parts, shape.Error.Message)
		for field, words := range shape.Error.Fields {
			parts = append(parts, field+": "+strings.Join(words, ", "))
		}
	}
	for _, one := range shape.Errors {
		parts = append(parts, strings.TrimPrefix(one.Context+": ", ": ")+one.Message)
	}
	return strings.Join(parts, "; "), len(parts) > 0
}

func (c *Client) hint(e *wire.Error, _ *exchange.Exchange) string {
	switch e.Kind {
	case wire.Unauthorized:
		return "the token is wrong, was revoked or has expired, or is an app password, which Bitbucket takes no more: " + c.product.wants() +
			"; put it where bitbucket.token comes from"
	case wire.Forbidden:
		return "the token may not do this: " + c.product.wants()
	case wire.NotFound:
		return "look at bitbucket.repository and bitbucket.url, and whether the token can reach " + c.opts.Repository +
			": Bitbucket says 404 for what a token may not know of"
	case wire.Moved:
		return c.opts.Repository + " was renamed or moved: set bitbucket.repository to what it is called now"
	}
	return ""
}
