// Package gitlab tells GitLab what became of commits and merge requests, and reads what people did there, outbound only.
//
// A [Client] speaks the REST API of gitlab.com or of a GitLab of one's own for one project. Its words are those of package forge. It
// decides nothing: the agent does. Where GitLab differs from what those words mean, this is made of it:
//
//   - A commit status is a job of a pipeline with a state machine. Setting the same state twice is an error there and none here; the text
//     of an unfinished one can be changed once ([Client.SetStatus]). One that is left unfinished blocks its merge request for ever: those
//     of earlier heads, and of merge requests that are closed, are canceled.
//   - An approval names no commit and survives a push. It counts for a head only if it was given after that head was there
//     ([Client.Reviews]); one without a time counts for none.
//   - Somebody's access is the level that they have as a member of the project or of a group, Developer and up may write
//     ([Client.Access]). Who is no member has none.
//   - Commits have e-mails. Whose those are only GraphQL says, of authors; who pushed stands in GitLab's own notes ([Client.Commits]).
//   - The head of a merge request lags behind a push, or is missing, for some seconds. One without a head is not listed until it has one.
//
// # Errors
//
// Every error of a call is a [*wire.Error]; what they mean stands in package wire. The library's own retries and its limiter are off:
// they would send a note twice.
//
// # Polling
//
// [Client.OpenPullRequests] asks for what changed lately, which is one request while nothing does, and for the whole list every ten minutes.
//
// # Safety
//
// Text from GitLab comes out without control, bidirectional and zero-width characters ([redact.Clean]). Redirects are not followed. The
// project is looked up once, and is asked for by its number from then on: a project that was renamed answers a path with a
// redirect, at which a write would get lost. Lines of a note that GitLab could take for a command to be carried out as us are made harmless.
package gitlab

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	gitlabapi "gitlab.com/gitlab-org/api/client-go/v2"

	"sallyport/notify/exchange"
	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

// Client talks to one project with one identity. It is safe for concurrent use.
type Client struct {
	*link
	statuses *statuses

	listing sync.Mutex // one reading of the list at a time
	list    listing
}

// link is the way to the project.
type link struct {
	opts Options
	api  *gitlabapi.Client
	wire *wire.Wire

	mu      sync.Mutex
	project int64 // its number; 0: it was not asked for yet
	self    forge.User
	rate    forge.Rate
}

// New makes a client; it reads the CA file, and sends nothing yet.
func New(o Options) (*Client, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	c := &link{opts: o}
	var err error
	if c.wire, err = wire.New(wire.Options{
		Site: site, Name: "GitLab", CAFile: o.CAFile, Log: o.Log, Now: o.Now, Timeout: o.Timeout, Judge: c.judge, Hint: c.hint,
	}); err != nil {
		return nil, err
	}
	c.api, err = gitlabapi.NewClient(o.Token.Reveal(), gitlabapi.WithBaseURL(o.URL), gitlabapi.WithHTTPClient(c.wire.HTTP()),
		gitlabapi.WithoutRetries(), gitlabapi.WithCustomLimiter(unlimited{}), gitlabapi.WithUserAgent("sallyport"))
	if err != nil {
		return nil, fmt.Errorf("gitlab: %w", err)
	}
	return &Client{link: c, statuses: &statuses{link: c, told: newTold()}}, nil
}

// unlimited is in the place of the library's limiter, which waits by the wall clock and knows nothing of Retry-After.
type unlimited struct{}

// Wait implements the library's RateLimiter.
func (unlimited) Wait(context.Context) error { return nil }

// Close lets go of the kept connection.
func (c *Client) Close() { c.wire.Close() }

// String names the project. Without it a client that is printed by mistake would show its token.
func (c *Client) String() string { return c.opts.Project + " at " + c.opts.URL }

// GoString is [Client.String] for %#v.
func (c *Client) GoString() string { return c.String() }

// Words are what people say at GitLab.
func (c *Client) Words() forge.Words {
	return forge.Words{Site: "GitLab", Block: site, Change: "merge request", Sign: "!"}
}

// GitUser is the user name that goes with [Client.GitToken] over https. GitLab takes any.
func (c *Client) GitUser() string { return "oauth2" }

// GitToken is the password for git over https.
func (c *Client) GitToken(context.Context) (redact.Secret, error) { return c.opts.Token, nil }

// run carries out a call.
func (c *link) run(ctx context.Context, k wire.Call) (*exchange.Exchange, error) {
	x, err := c.wire.Run(ctx, k)
	if x != nil {
		c.noteRate(x)
	}
	return x, err
}

func (c *link) noteRate(x *exchange.Exchange) {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(x.Header.Get(name), 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	limit, left, reset := number("RateLimit-Limit"), number("RateLimit-Remaining"), number("RateLimit-Reset")
	if limit < 0 || left < 0 || reset < 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rate = forge.Rate{Known: true, Limit: int(limit), Remaining: int(left), Reset: time.Unix(reset, 0).UTC()}
}

// id is the number of the project, by which it is asked for: it stays when the project is renamed.
func (c *link) id(ctx context.Context) (int64, error) {
	c.mu.Lock()
	known := c.project
	c.mu.Unlock()
	if known != 0 {
		return known, nil
	}
	p, err := c.readProject(ctx)
	if err != nil {
		return 0, err
	}
	return p.ID, nil
}

func (c *link) readProject(ctx context.Context) (*gitlabapi.Project, error) {
	const doing = "reading the project"
	var raw *gitlabapi.Project
	if _, err := c.run(ctx, wire.Call{Doing: doing, Do: func(ctx context.Context) (err error) {
		raw, _, err = c.api.Projects.GetProject(c.opts.Project, nil, gitlabapi.WithContext(ctx))
		return err
	}}); err != nil {
		return nil, err
	}
	if raw.ID <= 0 || !strings.EqualFold(raw.PathWithNamespace, c.opts.Project) {
		return nil, wire.Odd(site, doing, fmt.Sprintf("it describes %.200q", redact.CleanLine(raw.PathWithNamespace)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.project = raw.ID
	return raw, nil
}

// SelfID is the account of the token. It is asked for once.
func (c *link) SelfID(ctx context.Context) (int64, error) {
	self, err := c.whoami(ctx)
	return self.ID, err
}

func (c *link) whoami(ctx context.Context) (forge.User, error) {
	c.mu.Lock()
	known := c.self
	c.mu.Unlock()
	if known.ID != 0 {
		return known, nil
	}
	const doing = "asking who we are"
	var raw *gitlabapi.User
	if _, err := c.run(ctx, wire.Call{Doing: doing, Do: func(ctx context.Context) (err error) {
		raw, _, err = c.api.Users.CurrentUser(gitlabapi.WithContext(ctx))
		return err
	}}); err != nil {
		return forge.User{}, err
	}
	if raw.ID <= 0 {
		return forge.User{}, wire.Odd(site, doing, "it names no user")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.self = forge.User{ID: raw.ID, Login: redact.CleanLine(raw.Username)}
	return c.self, nil
}

// page is what reads one page of a list: it returns how many entries it had, and whether what was looked for is among them.
type page func(options ...gitlabapi.RequestOptionFunc) (resp *gitlabapi.Response, n int, found bool, err error)

// each reads a list to its end, by the number of the next page, or by the link to it where GitLab pages by keys. A proxy that takes
// the headers away does not end a list early: a full page has another one after it. size is how many entries a page has.
func (c *link) each(ctx context.Context, doing string, size int, f page) (bool, error) {
	link := ""
	read := func(ctx context.Context, number int) (next int, found bool, err error) {
		options := []gitlabapi.RequestOptionFunc{gitlabapi.WithContext(ctx)}
		switch {
		case link != "":
			options = append(options, gitlabapi.WithKeysetPaginationParameters(link))
		case number > 1:
			options = append(options, gitlabapi.WithOffsetPaginationParameters(int64(number)))
		}
		resp, n, found, err := f(options...)
		if err != nil || resp == nil {
			return 0, false, err
		}
		_, said := resp.Header["X-Next-Page"]
		switch before := link; {
		case resp.NextPage != 0:
			return int(resp.NextPage), found, nil
		case !said && resp.NextLink != "":
			if link = resp.NextLink; link == before {
				return number, found, nil // it leads back to itself
			}
			return number + 1, found, nil
		case !said && size > 0 && n >= size:
			return number + 1, found, nil
		}
		return 0, found, nil
	}
	return c.wire.Pages(ctx, doing, read)
}
