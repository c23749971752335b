// Package sites makes the client of the site that hosts a repository. It alone knows which sites there are: whoever uses one sees
// what it can do by which methods it has.
package sites

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"sallyport/agent/config"
	"sallyport/notify/bitbucket"
	"sallyport/notify/forge"
	"sallyport/notify/gitea"
	"sallyport/notify/github"
	"sallyport/notify/gitlab"
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
	makers := map[string]func(*config.Repository, Options) (Site, error){
		"github": newGitHub, "gitlab": newGitLab, "gitea": newGitea, "bitbucket": newBitbucket,
	}
	if r.Site.Kind == "" {
		return nil, nil
	}
	newSite := makers[r.Site.Kind]
	if newSite == nil {
		return nil, fmt.Errorf("preparing repository %s: there is no client for %s", r.Name, r.Site.Kind)
	}
	made, err := newSite(r, o)
	if err != nil {
		return nil, fmt.Errorf("preparing repository %s: %w", r.Name, err)
	}
	return made, nil
}

func newGitHub(r *config.Repository, o Options) (Site, error) {
	g := r.Site
	options := github.Options{URL: g.URL, Repository: g.Repository, Token: g.Token, CAFile: r.CAFile, Log: o.Log, Now: o.Now, Timeout: o.Timeout}
	if g.PrivateKeyFile != "" {
		options.App = &github.App{ID: g.AppID, InstallationID: g.InstallationID, PrivateKeyFile: g.PrivateKeyFile}
	}
	return clientOf(github.New(options))
}

func newGitLab(r *config.Repository, o Options) (Site, error) {
	return clientOf(gitlab.New(gitlab.Options{
		URL: r.Site.URL, Project: r.Site.Repository, Token: r.Site.Token, CAFile: r.CAFile, Log: o.Log, Now: o.Now, Timeout: o.Timeout,
	}))
}

func newGitea(r *config.Repository, o Options) (Site, error) {
	return clientOf(gitea.New(gitea.Options{
		URL: r.Site.URL, Repository: r.Site.Repository, Token: r.Site.Token, CAFile: r.CAFile, Log: o.Log, Now: o.Now, Timeout: o.Timeout,
	}))
}

func newBitbucket(r *config.Repository, o Options) (Site, error) {
	return clientOf(bitbucket.New(bitbucket.Options{
		URL: r.Site.URL, Repository: r.Site.Repository, Username: r.Site.Username, Token: r.Site.Token, CAFile: r.CAFile,
		Log: o.Log, Now: o.Now, Timeout: o.Timeout,
	}))
}

// clientOf is a client as what every site can do: a nil client is a nil interface.
func clientOf[C Site](made C, err error) (Site, error) {
	if err != nil {
		return nil, err
	}
	return made, nil
}
