// Package gitea tells Gitea and Forgejo what became of commits and pull requests, and reads what people did there, outbound only.
//
// A [Client] speaks the REST API of one server for one repository, as one account. It sets commit statuses ([Client.SetStatus]), lists
// pull requests ([Client.OpenPullRequests]), keeps the one comment of a pull request ([Client.PutComment]) and answers who is who
// ([Client.Access], [Client.Reviews], [Client.Commits]). It decides nothing: the agent does.
//
// # What differs from GitHub
//
//   - Neither conditional requests nor limits of its own: a poll asks which pull requests moved since the last list, and reads the list
//     again only where one did, or after some minutes. A proxy's 429 is heeded.
//   - Times have whole seconds. What is younger than [settle] may change once more without a trace, so it is read again later.
//   - Whoever may write can edit anybody's comment, and its author stays: what was edited does not count. An edit within the very second
//     in which a comment was made, and before it is read here for the first time, leaves no trace at Gitea.
//   - The head of a pull request is what its branch points to now, after the merge too. Of a merged one, Head is what was
//     merged, which its own ref keeps (refs/pull/N/head).
//   - Who may push: the permission endpoint answers only administrators of the repository, and for organizations it knows nothing of
//     the rights that teams have by unit. See [Client.Access].
//   - A landed commit leads to its pull request only if it is what the merge ended in. See [Client.Landed].
//   - A status for a commit that the server does not know is a 500. See [Client.SetStatus].
//   - A repository that was renamed answers 301 to everything, writes included; nothing is followed.
//
// # Errors
//
// Every error of a call is a [wire.Error] with Gitea's own words and, where somebody can do something, a hint. Nothing is ever sent again
// by itself. Of a write whose answer was lost nobody knows whether it was carried out: a status may be set again, since the newest of a
// context counts, and [Client.PutComment] looks for its comment before it makes one.
//
// Versions do not matter: Forgejo ("11.0.1+gitea-1.22.0") and servers that were built from a branch call themselves many things, so
// none is compared. [Client.Probe] shows what the server says.
package gitea

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"sallyport/notify/exchange"
	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

// Client talks to one repository with one identity. It is safe for concurrent use.
type Client struct {
	opts Options
	wire *wire.Wire

	mu   sync.Mutex
	self forge.User

	listing sync.Mutex // one reading of the list at a time
	list    listed

	landing sync.Mutex // one search at a time
	brought map[int]merged
}

// New makes a client; it sends nothing yet. It reads the CA file.
func New(o Options) (*Client, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	c := &Client{opts: o, brought: map[int]merged{}}
	var err error
	c.wire, err = wire.New(wire.Options{
		Site: site, CAFile: o.CAFile, Log: o.Log, Now: o.Now, Timeout: o.Timeout, Judge: c.judge, Hint: c.hint,
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

// Words are Gitea's own.
func (c *Client) Words() forge.Words { return forge.Words{Site: "Gitea", Block: site} }

// GitUser is the user name that goes with [Client.GitToken].
func (c *Client) GitUser() string { return GitUser }

// GitToken is the password of [GitUser] for git over https: the token.
func (c *Client) GitToken(context.Context) (redact.Secret, error) { return c.opts.Token, nil }

// HeadRef is where the head of a pull request is kept, in the repository itself, a fork's too.
func (c *Client) HeadRef(number int) string { return fmt.Sprintf("refs/pull/%d/head", number) }

// call is one request: what it does in words, what it may change, and the library's part of it.
type call struct {
	doing  string
	effect wire.Effect
	do     func(*sdk.Client) error
}

// run carries out a call. The library's client takes a context only as a whole, so each call has one of its own; it costs an allocation.
// It does not ask for the server's version, and compares none.
func (c *Client) run(ctx context.Context, k call) (*exchange.Exchange, error) {
	return c.wire.Run(ctx, wire.Call{Doing: k.doing, Effect: k.effect, Do: func(ctx context.Context) error {
		api, err := sdk.NewClient(c.opts.base.String(), sdk.SetGiteaVersion(""), sdk.SetToken(c.opts.Token.Reveal()),
			sdk.SetHTTPClient(c.wire.HTTP()), sdk.SetUserAgent("sallyport"), sdk.SetContext(ctx))
		if err != nil {
			return err
		}
		return k.do(api)
	}})
}

// odd is an answer that is not what Gitea would say.
func odd(doing, what string) *wire.Error { return wire.Odd(site, doing, what) }

// Self is who we are. It is asked for once.
func (c *Client) Self(ctx context.Context) (forge.User, error) {
	c.mu.Lock()
	known := c.self
	c.mu.Unlock()
	if known.ID != 0 {
		return known, nil
	}
	const doing = "asking who we are"
	var self forge.User
	if _, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) error {
		u, _, err := api.GetMyUserInfo()
		self = userOf(u)
		return err
	}}); err != nil {
		return forge.User{}, err
	}
	if self.ID == 0 {
		return forge.User{}, odd(doing, "it names no user")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.self = self
	return self, nil
}

// userOf is an account. Those that are gone are "Ghost" with the id -1, and what the server does itself has ids below that: neither is
// anybody.
func userOf(u *sdk.User) forge.User {
	if u == nil || u.ID <= 0 {
		return forge.User{}
	}
	return forge.User{ID: u.ID, Login: redact.CleanLine(u.UserName)}
}

// serverTime is what the server's clock said with an answer; ours where it did not say.
func serverTime(x *exchange.Exchange, ours func() time.Time) time.Time {
	if x != nil {
		if at, err := http.ParseTime(x.Header.Get("Date")); err == nil {
			return at
		}
	}
	return ours()
}
