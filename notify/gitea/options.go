package gitea

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"time"

	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

const (
	// site is what errors and the configuration's block call it.
	site           = "gitea"
	defaultTimeout = 15 * time.Second
	// perPage is the most that a server gives unless its administrators changed it (MAX_RESPONSE_ITEMS). One that gives fewer is
	// read all the same: no short page is taken for the last.
	perPage = 50
	// maxPages bounds every list.
	maxPages = 60
	// settle is how old a thing has to be before its time tells anything: Gitea's times have whole seconds, so what happens twice
	// within one looks like once.
	settle = 2 * time.Second
	// late is how long Gitea may take to write down what git has already: who pushed, and what was merged.
	late = 6 * time.Second
	// fullList is how often the list of open pull requests is read though nothing in it seems to have moved.
	fullList = 10 * time.Minute
)

// GitUser is the user name that goes with [Client.GitToken] over https. Gitea takes any beside a token.
const GitUser = "sallyport"

// Options say which repository, and as whom.
type Options struct {
	URL        string        // of the site, with its path if it has one: https://host/gitea. Plain http only for loopback hosts
	Repository string        // owner/name
	Token      redact.Secret // of an account that administers the repository
	CAFile     string        // PEM; trusted beside the system's
	Log        *slog.Logger  // default: none
	Now        func() time.Time
	Timeout    time.Duration // of one request; default 15 s
	// Wait waits, for at most some seconds, for the site's clock to leave a second behind. Default: a timer.
	Wait func(context.Context, time.Duration) error

	base        *url.URL
	owner, name string
}

var repositoryName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9._-]+$`)

func (o *Options) validate() error {
	if !repositoryName.MatchString(o.Repository) || strings.HasSuffix(o.Repository, "/.") || strings.HasSuffix(o.Repository, "/..") {
		return fmt.Errorf("gitea: repository %q is not of the form owner/name", o.Repository)
	}
	o.owner, o.name, _ = strings.Cut(o.Repository, "/")
	switch {
	case o.Token.IsZero():
		return errors.New("gitea: there is no token")
	case strings.ContainsAny(o.Token.Reveal(), "\r\n\t "):
		return errors.New("gitea: the token has a blank or a line break in it")
	}
	var err error
	if o.base, err = wire.Base(site, o.URL); err != nil {
		return err
	}
	if path := strings.ToLower(o.base.Path); strings.HasSuffix(path, "/api/v1") || strings.HasSuffix(path, "/"+strings.ToLower(o.Repository)) {
		return fmt.Errorf("gitea: %q is not the site itself: neither the API's path nor the repository stands in url", o.URL)
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
	if o.Wait == nil {
		o.Wait = wait
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
