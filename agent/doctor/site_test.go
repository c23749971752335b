package doctor

import (
	"fmt"
	"testing"

	"sallyport/notify/github/githubtest"
)

func TestGitHubChecks(t *testing.T) {
	t.Parallel()
	hosted := func(with func(*githubtest.Server), plans string) func(*bed) {
		return func(b *bed) {
			s, err := githubtest.New(githubtest.Options{
				Token:        "ghp_" + "canary0canary0canary0canary0canary00",
				Repositories: []githubtest.Repository{{ID: 42, Name: "ops/infra", Private: true, Access: map[string]string{"sallyport-bot": "write"}}},
			})
			if err != nil {
				b.t.Fatal(err)
			}
			b.t.Cleanup(s.Close)
			if with != nil {
				with(s)
			}
			b.write("github-token", s.Token(), 0o600)
			b.hosted = fmt.Sprintf("  github {\n    url = %q\n    repository = \"ops/infra\"\n    token = file(%q)\n    pull_requests = %q\n  }\n",
				s.URL(), b.path("github-token"), plans)
		}
	}
	drop := func(name string) func(*githubtest.Server) {
		return func(s *githubtest.Server) {
			grants := githubtest.AllGrants()
			delete(grants, name)
			s.SetGrants(grants)
		}
	}
	tryAll(t, map[string]broken{
		"all well":           {hosted(nil, "trusted"), OK, "commit statuses: write", "granted", ""},
		"a revoked token":    {hosted((*githubtest.Server).Revoke, "off"), Fail, "token", "Bad credentials", "make a new one"},
		"no statuses":        {hosted(drop("statuses"), "off"), Fail, "commit statuses: write", "missing, for statuses", "give it to the token"},
		"no comments":        {hosted(drop("pull_requests"), "trusted"), Fail, "pull requests: write", "missing", "give it to the token"},
		"comments not asked": {hosted(drop("pull_requests"), "off"), Warn, "pull requests: write", "missing", "trusted"},
		"nobody answers":     {hosted((*githubtest.Server).Down, "off"), Fail, "token", "reading the repository at github", "a firewall in between"},
	})
}
