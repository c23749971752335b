package github

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

const (
	defaultURL     = "https://github.com"
	defaultAPI     = "https://api.github.com/"
	defaultTimeout = 15 * time.Second
	// politePace is the gap between two writes that github.com asks for. A GitHub Enterprise has no limits unless its
	// administrators set some.
	politePace = time.Second
	// perPage is the most that GitHub gives.
	perPage = 100
	// maxPages bounds every list. An endless one would be a fault, and 5000 comments are no conversation.
	maxPages = 50
)

// GitUser is the user name that goes with [Client.GitToken] over https.
const GitUser = "x-access-token"

// App says which GitHub App's which installation to be.
type App struct {
	ID             int64
	InstallationID int64
	PrivateKeyFile string // PEM, as GitHub gives it out
}

// Options say which repository, and as whom. Either Token or App is set.
type Options struct {
	URL        string        // of the web site; default https://github.com. Plain http only for loopback hosts
	Repository string        // owner/name
	Token      redact.Secret // classic or fine-grained
	App        *App
	CAFile     string           // PEM; trusted beside the system's
	Log        *slog.Logger     // default: none
	Now        func() time.Time // default time.Now
	Timeout    time.Duration    // of one request; default 15 s
	Pace       time.Duration    // between two writes; default 1 s on github.com, elsewhere none

	api, owner, name string
}

var repositoryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)

func (o *Options) validate() error {
	if !repositoryName.MatchString(o.Repository) || strings.HasSuffix(o.Repository, "/.") || strings.HasSuffix(o.Repository, "/..") {
		return fmt.Errorf("github: repository %q is not of the form owner/name", o.Repository)
	}
	o.owner, o.name, _ = strings.Cut(o.Repository, "/")
	if err := o.validateIdentity(); err != nil {
		return err
	}
	if o.URL == "" {
		o.URL = defaultURL
	}
	var err error
	if o.api, err = apiBase(o.URL); err != nil {
		return err
	}
	if o.Pace < 0 {
		return errors.New("github: the pace of writes is negative")
	}
	if o.Pace == 0 && o.api == defaultAPI {
		o.Pace = politePace
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
	return nil
}

func (o *Options) validateIdentity() error {
	switch {
	case o.Token.IsZero() && o.App == nil:
		return errors.New("github: neither a token nor an app")
	case !o.Token.IsZero() && o.App != nil:
		return errors.New("github: both a token and an app")
	case o.App != nil && (o.App.ID <= 0 || o.App.InstallationID <= 0 || o.App.PrivateKeyFile == ""):
		return errors.New("github: an app needs its id, installation_id and private_key_file")
	case strings.ContainsAny(o.Token.Reveal(), "\r\n\t "):
		return errors.New("github: the token has a blank or a line break in it")
	}
	return nil
}

// apiBase is where the API of a site is: beside github.com, below a GitHub Enterprise Server.
func apiBase(site string) (string, error) {
	u, err := wire.Base("github", site)
	if err != nil {
		return "", err
	}
	path := u.Path
	switch host := strings.ToLower(u.Host); host {
	case "github.com", "www.github.com", "api.github.com":
		if path != "" {
			return "", fmt.Errorf("github: %q is not the site itself; the repository stands in repository", site)
		}
		if u.Scheme != "https" {
			return "", fmt.Errorf("github: %q has to be https", site)
		}
		return defaultAPI, nil
	}
	if path != "" && path != "/api/v3" {
		return "", fmt.Errorf("github: %q is not the site itself; the repository stands in repository", site)
	}
	return u.Scheme + "://" + u.Host + "/api/v3/", nil
}
