package doctor

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/patience"
	"sallyport/notify/bitbucket/bitbuckettest"
	"sallyport/notify/gitea/giteatest"
	"sallyport/notify/gitlab/gitlabtest"
	"sallyport/notify/redact"
)

// What the doctor says of a token at each of the other sites, and of whoever it belongs to.
func TestSites(t *testing.T) {
	t.Parallel()
	gitlab := func(scope string, level int) config.Site {
		s, err := gitlabtest.New(gitlabtest.Options{
			Subpath: "/gitlab", Scopes: []string{scope},
			Projects: []gitlabtest.Project{{ID: 42, Name: "ops/sub/infra", Private: true, Access: map[string]int{"sallyport-bot": level}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return config.Site{Kind: "gitlab", URL: s.URL(), Repository: "ops/sub/infra", Token: redact.NewSecret(s.Token())}
	}
	gitea := func(level string, version string, scopes ...string) config.Site {
		s, err := giteatest.New(giteatest.Options{
			Subpath: "/gitea", Scopes: scopes, Version: version,
			Repositories: []giteatest.Repository{{ID: 42, Name: "ops/infra", Private: true, Access: map[string]string{"sallyport-bot": level}}},
			Users:        []giteatest.User{{ID: 7, Login: "ops"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return config.Site{Kind: "gitea", URL: s.URL(), Repository: "ops/infra", Token: redact.NewSecret(s.Token())}
	}
	bitbucket := func(token string) config.Site {
		s, err := bitbuckettest.New(bitbuckettest.Options{DataCenter: true, Subpath: "/bitbucket", Repository: "OPS/infra"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return config.Site{Kind: "bitbucket", URL: s.URL(), Repository: "OPS/infra", Token: redact.NewSecret(token)}
	}
	gone := gitea("admin", "")
	gone.Repository = "ops/gone"
	for name, c := range map[string]struct {
		site  config.Site
		plans bool
		want  string // level, name and a part of the text
	}{
		"gitlab":                          {gitlab("api", gitlabtest.Developer), true, "ok token: it is sallyport-bot's"},
		"gitlab, its version":             {gitlab("api", gitlabtest.Developer), true, "ok version: 18."},
		"gitlab, statuses":                {gitlab("api", gitlabtest.Developer), true, "ok commit statuses: write: granted"},
		"gitlab, a token that only reads": {gitlab("read_api", gitlabtest.Developer), true, "fail scope api: missing, for statuses"},
		"gitlab, a reporter":              {gitlab("api", gitlabtest.Reporter), true, "fail role Developer: missing, for statuses"},
		"gitea":                           {gitea("admin", ""), true, "ok token: it is sallyport-bot's"},
		"forgejo":                         {gitea("admin", "11.0.1+gitea-1.22.0"), true, "ok version: 11.0.1 (Forgejo"},
		"gitea, no comments":              {gitea("admin", "", "write:repository", "read:user", "read:issue", "read:organization"), true, "fail write:issue: missing, for the comment"},
		"gitea, no comments, and none are wanted": {gitea("admin", "", "write:repository", "read:user", "read:issue", "read:organization"), false, "warn write:issue: missing, for the comment"},
		"gitea, a reader":                         {gitea("read", ""), true, "fail write:repository, and write access to the repository: missing"},
		"gitea, no such repository":               {gone, true, "fail token: reading the repository"},
		"bitbucket":                               {bitbucket("secret-token"), false, "ok version: Data Center 9.4.2"},
		"bitbucket, a wrong token":                {bitbucket("another"), false, "fail token: reading the repository"},
		"a token that cannot be read here":        {config.Site{Kind: "gitlab", URL: "https://gitlab.com", Repository: "ops/infra"}, true, "warn token: it cannot be read here"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
			defer cancel()
			c.site.PlanPullRequests = c.plans
			r := &config.Repository{Name: "infra", URL: "file:///srv/infra.git", Site: c.site}
			s := &section{title: "site", redactor: redact.New()}
			checkSite(ctx, s, r, time.Minute)
			var said []string
			for _, check := range s.checks {
				said = append(said, fmt.Sprintf("%s %s: %s", check.Level, check.Name, check.Text))
			}
			all := strings.Join(said, "\n")
			if !strings.Contains("\n"+all, "\n"+c.want) {
				t.Errorf("want %q in\n%s", c.want, all)
			}
			if !c.site.Token.IsZero() && strings.Contains(all, c.site.Token.Reveal()) {
				t.Errorf("the token shows in\n%s", all)
			}
		})
	}
}
