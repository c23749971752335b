package doctor

import (
	"context"
	"strings"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/notify/github"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// githubClient makes a client as the agent does; nil if there is none, or its token cannot be read here.
func githubClient(r *config.Repository, timeout time.Duration) (*github.Client, error) {
	g := r.GitHub
	if g.Repository == "" || g.Token.IsZero() && g.PrivateKeyFile == "" {
		return nil, nil
	}
	o := github.Options{URL: g.URL, Repository: g.Repository, Token: g.Token, CAFile: r.CAFile, Timeout: timeout}
	if g.PrivateKeyFile != "" {
		o.App = &github.App{ID: g.AppID, InstallationID: g.InstallationID, PrivateKeyFile: g.PrivateKeyFile}
	}
	return github.New(o)
}

// gitPassword is the identity of the github block where git has none of its own, as the agent uses it; else nil.
func gitPassword(r *config.Repository, client *github.Client) func(context.Context) (redact.Secret, error) {
	if client == nil || !r.Token.IsZero() || !r.SharesHost() {
		return nil
	}
	return client.GitToken
}

// checkGitHub asks what the token may do, without changing anything.
func checkGitHub(ctx context.Context, s *section, r *config.Repository, timeout time.Duration) []*section {
	client, err := githubClient(r, timeout)
	if err != nil {
		s.fail("token", "", "%v", err)
		return []*section{s}
	}
	if client == nil {
		s.warn("token", "run the doctor where the credentials are, or name a copy of them with --credentials DIR",
			"it cannot be read here, so nothing of GitHub is tried")
		return []*section{s}
	}
	defer client.Close()
	p, err := client.Probe(ctx)
	if err != nil {
		s.fail("token", hint.Of(err), "%v", err)
		return []*section{s}
	}
	s.ok("token", "it is %s's", p.Self.Login)
	if p.Archived {
		s.fail("repository", p.Hint(), "it is archived")
	}
	for _, one := range p.Permissions {
		switch {
		case one.Verdict == github.Granted:
			s.ok(one.Name, "granted")
		case one.Verdict == github.Unclear:
			s.warn(one.Name, "", "GitHub did not say: %v", one.Err)
		case !r.GitHub.PlanPullRequests && !strings.HasPrefix(one.Name, "commit statuses"):
			s.warn(one.Name, "needed for pull_requests = \"trusted\" only", "missing, for %s", one.For)
		default:
			s.fail(one.Name, "give it to the token", "missing, for %s", one.For)
		}
	}
	if p.Rate.Known && p.Rate.Remaining < p.Rate.Limit/10 {
		s.warn("rate limit", "whoever else uses this token makes many requests: give Sallyport one of its own",
			"%s are left until %s", words.Of(p.Rate.Remaining, p.Rate.Limit, "request"), p.Rate.Reset.Format("15:04 MST"))
	}
	return []*section{s}
}
