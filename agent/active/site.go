package active

import (
	"context"
	"fmt"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/sites"
	"sallyport/agent/terraform/credentials"
	"sallyport/notify/forge"
	"sallyport/notify/redact"
)

// tokenPatience is how long a plan waits for a token for its private modules. Most have none, and a site that hangs must not
// hold up somebody's plan in the night.
const tokenPatience = 5 * time.Second

// newSite makes the client of the site that hosts a repository; nil if there is none. It sends nothing yet.
func (a *Active) newSite(r *config.Repository) (ForgeSite, error) {
	site, err := sites.New(r, sites.Options{Log: a.log, Now: a.now})
	if site == nil || err != nil {
		return nil, err // not a nil site that is no nil interface
	}
	return site, nil
}

// Changes is the site that hosts a repository, as far as it knows of pull requests; nil where there is none, or only one that is
// told how commits stand.
func (conf *Config) Changes(repository string) ForgeChanges {
	changes, _ := conf.Sites[repository].(ForgeChanges)
	return changes
}

// Words are what people say at the site that hosts a repository.
func (conf *Config) Words(repository string) forge.Words {
	if site := conf.Sites[repository]; site != nil {
		return site.Words()
	}
	return forge.Words{}
}

// sitePassword gives git the identity of the site, where both are one host and git has none of its own; else nil.
func (a *Active) sitePassword(r *config.Repository, site ForgeSite) func(context.Context) (redact.Secret, error) {
	if site == nil || !r.Token.IsZero() || !r.SharesHost() {
		return nil
	}
	return func(ctx context.Context) (redact.Secret, error) {
		token, err := site.GitToken(ctx)
		if err != nil {
			return token, fmt.Errorf("getting a token for git: %w", err)
		}
		a.health.HideMinted(token)
		return token, nil
	}
}

// GitAccess are a repository's own credentials, for private modules on the same host as far as the configuration lends them.
func (a *Active) GitAccess(ctx context.Context, conf *Config, repository string) *credentials.Git {
	r := conf.Cfg.Repository(repository)
	token, username := r.Token, r.Username
	if password := a.sitePassword(r, conf.Sites[repository]); password != nil {
		limited, cancel := context.WithTimeout(ctx, tokenPatience)
		defer cancel()
		var err error
		if token, err = password(limited); err != nil { // the modules may be kept here, or public
			a.log.Warn("planning without credentials for private modules", "repository", repository, "err", err)
		}
		username = conf.Sites[repository].GitUser()
	}
	if token.IsZero() && r.SSHKeyFile == "" && r.CAFile == "" {
		return nil
	}
	return &credentials.Git{
		URL: r.URL, Username: username, Token: token, CAFile: r.CAFile,
		SSHKeyFile: r.SSHKeyFile, KnownHostsFile: r.KnownHostsFile, ModulesFrom: r.ModulesFrom, LendToPreviews: r.Site.LendToPreviews, Site: r.Site.Kind,
	}
}
