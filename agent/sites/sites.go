// Package sites makes the client of the site that hosts a repository. It alone knows which sites there are: whoever uses one sees
// what it can do by which methods it has.
package sites

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"sallyport/agent/config"
	"sallyport/notify/forge"
	"sallyport/notify/github"
	"sallyport/notify/redact"
)

// Site is what every site can do.
type Site interface {
	SetStatus(ctx context.Context, at forge.Head, s forge.Status) error
	Words() forge.Words
	// GitUser and GitToken are who the site's identity is for git over https now.
	GitUser() string
	GitToken(ctx context.Context) (redact.Secret, error)
	// Probe asks what the token may do, without changing anything. An error means that not even the repository could be read.
	Probe(ctx context.Context) (forge.Probe, error)
	Close()
}

// Options are what a client works with, beside what the configuration says.
type Options struct {
	Log     *slog.Logger     // default: none
	Now     func() time.Time // default time.Now
	Timeout time.Duration    // of one request; default: the client's own
}

// New makes the client of the site that hosts a repository; nil if there is none. It sends nothing yet.
func New(r *config.Repository, o Options) (Site, error) {
	if r.GitHub.Repository == "" {
		return nil, nil
	}
	made, err := newGitHub(r, o)
	if err != nil {
		return nil, fmt.Errorf("preparing repository %s: %w", r.Name, err)
	}
	return made, nil
}

func newGitHub(r *config.Repository, o Options) (Site, error) {
	g := r.GitHub
	client := github.Options{URL: g.URL, Repository: g.Repository, Token: g.Token, CAFile: r.CAFile, Log: o.Log, Now: o.Now, Timeout: o.Timeout}
	if g.PrivateKeyFile != "" {
		client.App = &github.App{ID: g.AppID, InstallationID: g.InstallationID, PrivateKeyFile: g.PrivateKeyFile}
	}
	made, err := github.New(client)
	if err != nil {
		return nil, err // not a nil client that is no nil interface
	}
	return made, nil
}
