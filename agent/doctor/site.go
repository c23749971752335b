package doctor

import (
	"context"
	"fmt"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/agent/sites"
	"sallyport/notify/forge"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// siteClient makes a client as the agent does; nil if there is none, or its token cannot be read here.
func siteClient(r *config.Repository, timeout time.Duration) (sites.Site, error) {
	if g := r.Site; g.Token.IsZero() && g.PrivateKeyFile == "" {
		return nil, nil
	}
	return sites.New(r, sites.Options{Timeout: timeout})
}

// gitPassword is the identity of the site's block where git has none of its own, as the agent uses it; else nil.
func gitPassword(r *config.Repository, client sites.Site) func(context.Context) (redact.Secret, error) {
	if client == nil || !r.Token.IsZero() || !r.SharesHost() {
		return nil
	}
	return client.GitToken
}

// checkSite asks what the token may do, without changing anything.
func checkSite(ctx context.Context, s *section, r *config.Repository, timeout time.Duration) []*section {
	client, err := siteClient(r, timeout)
	if err != nil {
		s.fail("token", "", "%v", err)
		return []*section{s}
	}
	if client == nil {
		s.warn("token", "run the doctor where the credentials are, or name a copy of them with --credentials DIR",
			"it cannot be read here, so nothing of the site is tried")
		return []*section{s}
	}
	defer client.Close()
	p, err := client.Probe(ctx)
	if err != nil {
		next := hint.Of(err)
		if next == "" { // nobody answered, or something else than the site
			next = fmt.Sprintf("try %s from this machine: its name, a proxy or a firewall in between, its certificate; and the url of the %s block", r.Site.URL, r.Site.Kind)
		}
		s.fail("token", next, "%v", err)
		return []*section{s}
	}
	if p.Version != "" {
		s.ok("version", "%s", p.Version)
	}
	if p.Login != "" {
		s.ok("token", "it is %s's", p.Login)
	}
	if p.Archived {
		s.fail("repository", p.Hint(), "it is archived")
	}
	for _, one := range p.Permissions {
		switch {
		case one.Verdict == forge.Granted:
			s.ok(one.Name, "granted")
		case one.Verdict == forge.Unclear:
			s.warn(one.Name, "", "%s did not say: %v", client.Words().SiteName(), one.Err)
		case !r.Site.PlanPullRequests && one.Changes:
			s.warn(one.Name, "needed for planning "+r.Site.Changes()+" only, which is the word \"trusted\" of the "+r.Site.Kind+" block", "missing, for %s", one.For)
		default:
			s.fail(one.Name, "give it to the token", "missing, for %s", one.For)
		}
	}
	for _, note := range p.Notes {
		s.warn("site", "", "%s", note)
	}
	if p.Rate.Known && p.Rate.Remaining < p.Rate.Limit/10 {
		s.warn("rate limit", "whoever else uses this token makes many requests: give Sallyport one of its own",
			"%s are left until %s", words.Of(p.Rate.Remaining, p.Rate.Limit, "request"), p.Rate.Reset.Format("15:04 MST"))
	}
	return []*section{s}
}
