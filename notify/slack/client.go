// Package slack asks people in Slack and hears what they answer, outbound only.
//
// A [Client] reads channels and threads and posts messages and files. It decides nothing: [Message.Human] says only what a
// message shows about itself, [User.Active] what its author's record shows; the agent does the rest.
//
// # Errors
//
// Every error is an [*Error] with Slack's own code and, where somebody can do something, a hint. [RetryAfter] tells a rate limit: the
// method is then paused inside the client, and calls made meanwhile fail at once without a request. [Permanent] tells errors
// that go away only when somebody does something. [Unknown] tells that a write may have been carried out though no answer
// came: nothing is ever sent again by itself, because Slack has no idempotency key. Search first ([Client.FindCard],
// [Client.FindText], [Client.FindFile]), then send.
//
// # Safety
//
// Whatever comes from outside is shown as plain_text, as preformatted rich text, or escaped; every message is sent with parse=none, without
// link_names and without unfurling. The only mentions are those of ids that look like ids and were given as such.
package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"

	"sallyport/notify/exchange"
	"sallyport/notify/people"
	"sallyport/notify/redact"
)

const (
	defaultAPIURL  = "https://slack.com/api/"
	defaultTimeout = 15 * time.Second
	// defaultPause is how long a method rests after a rate limit that names no time.
	defaultPause = 10 * time.Second
	// maxPause bounds what an answer can make us wait: a wrong header must not silence approvals for a day.
	maxPause = 15 * time.Minute
)

// Options say how to reach Slack.
type Options struct {
	Token redact.Secret // xoxb-
	// AppToken is the app-level token, xapp-, for [Client.SocketURL] alone; zero where no socket is opened.
	AppToken redact.Secret
	APIURL   string           // with a trailing slash; default Slack's own
	HTTP     *http.Client     // default: one of our own that follows no redirects
	Log      *slog.Logger     // default: none
	Timeout  time.Duration    // of one request; default 15 s, ten times that for the bytes of a file
	Now      func() time.Time // default time.Now
	Names    people.Names     // what the accounts in messages are called; default: nobody is known
}

func (o *Options) validate() error {
	if o.Token.IsZero() {
		return errors.New("slack: no token")
	}
	if o.APIURL == "" {
		o.APIURL = defaultAPIURL
	}
	u, err := url.Parse(o.APIURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("slack: %q is no URL of an API", o.APIURL)
	}
	if !strings.HasSuffix(o.APIURL, "/") {
		o.APIURL += "/"
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.HTTP == nil {
		o.HTTP = newHTTPClient()
	}
	return nil
}

// newHTTPClient has no timeout of its own: every call brings a deadline.
func newHTTPClient() *http.Client {
	return &http.Client{Transport: exchange.NewTransport(exchange.Pool{Idle: 90 * time.Second, PerHost: 2}), CheckRedirect: exchange.NoRedirect}
}

// Client talks to one workspace with one bot token. It is safe for concurrent use.
type Client struct {
	opts Options
	api  *slackapi.Client

	mu       sync.Mutex
	pauses   map[string]time.Time // when a method may be called again
	identity *Identity            // of the token, once known
	noReact  *Error               // why the token may not react; nil as far as is known it may
}

// New makes a client; it sends nothing yet.
func New(o Options) (*Client, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	c := &Client{opts: o, pauses: map[string]time.Time{}}
	// The library's own retries stay off: they would post twice.
	c.api = slackapi.New(o.Token.Reveal(), slackapi.OptionAPIURL(o.APIURL), slackapi.OptionHTTPClient(doer{o.HTTP}),
		slackapi.OptionAppLevelToken(o.AppToken.Reveal()))
	return c, nil
}

// doer carries out the library's requests and records them.
type doer struct{ http *http.Client }

// Do implements the interface that the library wants of an HTTP client.
func (d doer) Do(r *http.Request) (*http.Response, error) { return exchange.Do(r, d.http.Do) }

// saysOK reports whether the answer is one of the API's and says that it was done. The library takes an answer
// without "ok" and "error", as a proxy may give, for success.
func saysOK(x *exchange.Exchange) bool {
	var answer struct {
		OK bool `json:"ok"`
	}
	return x.Whole && json.Unmarshal(x.Body, &answer) == nil && answer.OK
}

// ownDecoding names the methods whose answers are read by us. The library must not be able to fail them: one odd message
// of somebody's app would keep us from reading every approval after it.
func ownDecoding(method string) bool {
	switch method {
	case methodHistory, methodReplies, methodOpenView, methodPushView, methodUpdateView:
		return true
	}
	return false
}

// call runs one API method through the library: with a deadline, obeying and noting rate limits, and with its errors
// turned into ours.
func (c *Client) call(ctx context.Context, method string, f func(context.Context) error) (*exchange.Exchange, error) {
	if left := c.paused(method); left > 0 {
		return nil, &Error{Method: method, Code: codeRateLimited, RetryAfter: left}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout(method))
	defer cancel()
	x := &exchange.Exchange{}
	err := f(exchange.With(ctx, x))
	if x.Status == http.StatusOK && (err == nil && (method == methodUpload || saysOK(x)) || ownDecoding(method) && saysOK(x)) {
		return x, nil
	}
	if err == nil {
		err = errors.New("the answer is not one of Slack's")
	}
	e := c.errorOf(method, x, err)
	if e.RetryAfter > 0 {
		c.pause(method, e.RetryAfter)
		c.opts.Log.Warn("slack limits the rate", "method", method, "wait", e.RetryAfter)
	}
	return x, e
}

func (c *Client) timeout(method string) time.Duration {
	switch method {
	case methodUpload:
		return 10 * c.opts.Timeout
	case methodOpenView, methodPushView:
		return min(c.opts.Timeout, triggerLife) // later the trigger has expired
	}
	return c.opts.Timeout
}

// paused is how long a method still has to rest.
func (c *Client) paused(method string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.pauses[method]
	if !ok {
		return 0
	}
	left := until.Sub(c.opts.Now())
	if left <= 0 {
		delete(c.pauses, method)
		return 0
	}
	return left
}

func (c *Client) pause(method string, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := c.opts.Now().Add(d); until.After(c.pauses[method]) {
		c.pauses[method] = until
	}
}

// retryAfter reads the header; zero if there is none that makes sense.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After")))
	if err != nil || n < 0 {
		return 0
	}
	return min(max(time.Duration(n)*time.Second, time.Second), maxPause)
}

// baseName is a file name without any directory, as Slack keeps it.
func baseName(name string) string { return path.Base(path.Clean("/" + name)) }
