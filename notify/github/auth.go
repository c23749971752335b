package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	githubapi "github.com/google/go-github/v92/github"

	"sallyport/notify/exchange"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

// app is a GitHub App's way to tokens.
type app struct {
	client    *Client
	options   App
	transport *ghinstallation.AppsTransport
	api       *githubapi.Client // as the app itself, for the few calls that an installation may not make

	renewing     chan struct{} // holds one token: one renewal at a time, and whoever waits for it may give up
	mu           sync.Mutex    // guards installation
	installation *ghinstallation.Transport
}

func newApp(c *Client, o App) (*app, error) {
	key, err := os.ReadFile(o.PrivateKeyFile)
	if err != nil {
		return nil, fmt.Errorf("github: reading the app's private key: %w", err)
	}
	transport, err := ghinstallation.NewAppsTransport(c.wire.Transport(), o.ID, key)
	if err != nil { // its text may quote the file
		return nil, fmt.Errorf("github: %s is no RSA private key in PEM", o.PrivateKeyFile)
	}
	transport.BaseURL = strings.TrimSuffix(c.opts.api, "/")
	a := &app{client: c, options: o, transport: transport, renewing: make(chan struct{}, 1)}
	a.renewing <- struct{}{}
	a.installation = ghinstallation.NewFromAppsTransport(transport, o.InstallationID)
	a.api, err = c.newAPI(&http.Client{Transport: transport, CheckRedirect: exchange.NoRedirect})
	return a, err
}

func (a *app) current() *ghinstallation.Transport {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.installation
}

// forget makes the next call ask for a new token, if the refused one is still the one in use.
func (a *app) forget(token string) {
	<-a.renewing
	defer func() { a.renewing <- struct{}{} }()
	current := a.current()
	// A transport without a token would ask for one here; this one has just given its token away.
	if now, err := current.Token(expired()); err == nil && now != token {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.installation = ghinstallation.NewFromAppsTransport(a.transport, a.options.InstallationID)
}

// expired is a context with which nothing is sent any more.
func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// token is the installation's token, renewed if it is about to end.
func (a *app) token(ctx context.Context) (string, error) {
	const doing = "getting an installation token"
	select {
	case <-a.renewing:
		defer func() { a.renewing <- struct{}{} }()
	case <-ctx.Done():
		return "", &Error{Site: "github", Doing: doing, Kind: Outage, Err: ctx.Err()}
	}
	var token string
	_, err := a.client.wire.Send(ctx, "", wire.Call{Doing: doing, Do: func(ctx context.Context) (err error) {
		if token, err = a.current().Token(ctx); err == nil && token == "" {
			err = errors.New("the answer holds no token")
		}
		return err
	}})
	var e *Error
	if !errors.As(err, &e) {
		return token, err
	}
	if e.Kind == NotFound {
		e.Hint = fmt.Sprintf("the app %d has no installation %d here: look at its id and installation_id", a.options.ID, a.options.InstallationID)
	}
	return "", e
}

// token is what a request carries.
func (c *Client) token(ctx context.Context) (string, error) {
	if c.app == nil {
		return c.opts.Token.Reveal(), nil
	}
	return c.app.token(ctx)
}

// GitToken is the password of [GitUser] for git over https: the token, or the installation's, which is good for a minute at
// least. Ask for it before each use. It does not wait for a rate limit: git has none of the API's.
func (c *Client) GitToken(ctx context.Context) (redact.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	token, err := c.token(ctx)
	return redact.NewSecret(token), err
}

// Identity is who we are at GitHub.
type Identity struct {
	User         // who our comments are by; of an app, its bot
	AppID  int64 // 0 without an app
	Scopes []string
}

// Self is who we are. It is asked for once.
func (c *Client) Self(ctx context.Context) (Identity, error) {
	c.mu.Lock()
	known := c.self
	c.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	self, err := c.askSelf(ctx)
	if err != nil {
		return Identity{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.self = &self
	return self, nil
}

func (c *Client) askSelf(ctx context.Context) (Identity, error) {
	var self Identity
	login := "" // of the token's owner
	if c.app != nil {
		slug, err := c.app.slug(ctx)
		if err != nil {
			return self, err
		}
		login, self.AppID = slug+"[bot]", c.app.options.ID
	}
	x, err := c.run(ctx, call{doing: "asking who we are", do: func(ctx context.Context) error {
		u, _, err := c.api.Users.Get(ctx, login)
		self.User = userOf(u)
		return err
	}})
	if err != nil {
		return Identity{}, err
	}
	if self.ID == 0 {
		return Identity{}, odd("asking who we are", "it names no user")
	}
	for _, scope := range strings.Split(x.Header.Get("X-OAuth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			self.Scopes = append(self.Scopes, redact.CleanLine(scope))
		}
	}
	return self, nil
}

// slug is the app's name in logins. Only the app itself may ask for it.
func (a *app) slug(ctx context.Context) (string, error) {
	limited, cancel := context.WithTimeout(ctx, a.client.opts.Timeout)
	defer cancel()
	var slug string
	x, err := a.client.wire.Send(limited, "", wire.Call{Doing: "asking which app we are", Do: func(ctx context.Context) error {
		got, _, err := a.api.Apps.Get(ctx, "")
		slug = got.GetSlug()
		return err
	}})
	a.client.noteRate(x.Header)
	if err == nil && !loginPattern.MatchString(slug) {
		err = odd("asking which app we are", "it names no app")
	}
	return slug, err
}

// odd is an answer that is not what GitHub would say.
func odd(doing, what string) *Error {
	return &Error{Site: "github", Doing: doing, Kind: Outage, Err: errors.New("the answer is not one of GitHub's: " + what)}
}

// Rate is the primary limit as the last answer told it.
func (c *Client) Rate() Rate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rate
}

func (c *Client) noteRate(h http.Header) {
	limit, err1 := strconv.Atoi(h.Get("X-RateLimit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	reset, err3 := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if errors.Join(err1, err2, err3) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rate = Rate{Known: true, Limit: limit, Remaining: remaining, Reset: time.Unix(reset, 0).UTC()}
}
