package active

import (
	"log/slog"
	"testing"
	"time"

	"sallyport/agent/config"
	"sallyport/notify/redact"
)

// Each block makes the client of its site, with that site's words; all but Bitbucket's say which pull requests there are.
func TestSites(t *testing.T) {
	t.Parallel()
	a := &Active{log: slog.New(slog.DiscardHandler), now: time.Now}
	for kind, c := range map[string]struct {
		site    config.Site
		changes bool
		name    string
		ref     string
	}{
		"github":    {config.Site{URL: "https://github.com", Repository: "ops/infra"}, true, "pull request 12", "refs/pull/12/head"},
		"gitlab":    {config.Site{URL: "https://host/gitlab", Repository: "ops/sub/infra"}, true, "merge request !12", "refs/merge-requests/12/head"},
		"gitea":     {config.Site{URL: "https://host/gitea", Repository: "ops/infra"}, true, "pull request 12", "refs/pull/12/head"},
		"bitbucket": {config.Site{URL: "https://bitbucket.org", Repository: "ops/infra"}, false, "pull request 12", ""},
	} {
		t.Run(kind, func(t *testing.T) {
			r := &config.Repository{Name: "infra", URL: "https://host/ops/infra.git", Site: c.site}
			r.Site.Kind, r.Site.Token = kind, redact.NewSecret("canary")
			site, err := a.newSite(r)
			if err != nil {
				t.Fatal(err)
			}
			defer site.Close()
			conf := &Config{Sites: map[string]ForgeSite{"infra": site}}
			if says := conf.Words("infra"); says.Plain(12) != c.name || says.Block != kind || says.Noun()+"s" != r.Site.Changes() {
				t.Errorf("words: %+v", says)
			}
			changes := conf.Changes("infra")
			if (changes != nil) != c.changes || r.Site.ShowsChanges() != c.changes {
				t.Fatalf("knows of changes: %t", changes != nil)
			}
			if changes != nil && changes.HeadRef(12) != c.ref {
				t.Errorf("ref %s", changes.HeadRef(12))
			}
		})
	}
	if site, err := a.newSite(&config.Repository{Name: "infra"}); site != nil || err != nil {
		t.Errorf("without a block: %v, %v", site, err)
	}
	if _, err := a.newSite(&config.Repository{Name: "infra", Site: config.Site{Kind: "sourcehut"}}); err == nil {
		t.Error("a site that nobody knows")
	}
}
