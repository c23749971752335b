package github_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/forge/report"
	"sallyport/notify/github"
	"sallyport/notify/github/githubtest"
	"sallyport/notify/redact"
)

func TestToken(t *testing.T) {
	s := site(t, func(o *githubtest.Options) { o.Scopes = []string{"repo", "read:org"} })
	c := client(t, s, nil)
	self := must[github.Identity](t)(c.Self(deadline(t)))
	if self.ID != 900 || self.Login != "sallyport-bot" || self.AppID != 0 || strings.Join(self.Scopes, " ") != "repo read:org" {
		t.Errorf("got %+v", self)
	}
	must[github.Identity](t)(c.Self(deadline(t)))
	if n := s.Calls(githubtest.RouteUser); n != 1 {
		t.Errorf("asked %d times who we are", n)
	}
	if token := must[redact.Secret](t)(c.GitToken(deadline(t))); token.Reveal() != s.Token() || s.Calls("") != 1 {
		t.Error("the token is not the one for git")
	}
	s.Revoke()
	_, _, err := c.OpenPullRequests(deadline(t))
	if github.KindOf(err) != github.Unauthorized || !strings.Contains(hint(err), "make a new one") || strings.Contains(err.Error(), s.Token()) {
		t.Errorf("got %v, hint %q", err, hint(err))
	}
}

func TestApp(t *testing.T) {
	s := site(t, func(o *githubtest.Options) { o.App = true })
	c := client(t, s, asApp(t, s))
	n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	self := must[github.Identity](t)(c.Self(deadline(t)))
	if self.Login != "sallyport[bot]" || self.ID != 901 || !self.Bot || self.AppID != githubtest.AppID {
		t.Errorf("got %+v", self)
	}
	marker := report.Marker("a")
	id := must[int64](t)(c.PutComment(deadline(t), n, 0, marker, marker+"\n1"))
	if again := must[int64](t)(c.PutComment(deadline(t), n, 0, marker, marker+"\n2")); again != id || len(s.Comments(infra, n)) != 1 {
		t.Errorf("an app does not find its comment:\n%s", s.Transcript())
	}
	token := must[redact.Secret](t)(c.GitToken(deadline(t)))
	if !strings.HasPrefix(token.Reveal(), "ghs_") || s.Calls(githubtest.RouteToken) != 1 {
		t.Errorf("%d tokens were made", s.Calls(githubtest.RouteToken))
	}
	if strings.Contains(redact.New().Text("the token "+token.Reveal()), token.Reveal()) { // though no redactor was told of it
		t.Error("an installation's token would be shown")
	}
}

// TestRenewal: a token is renewed a minute before its end, so that a long fetch does not lose it on the way.
func TestRenewal(t *testing.T) {
	for name, tt := range map[string]struct {
		life time.Duration
		want int
	}{"an hour": {time.Hour, 1}, "two minutes": {2 * time.Minute, 1}, "half a minute": {30 * time.Second, 4}} {
		t.Run(name, func(t *testing.T) {
			s := site(t, func(o *githubtest.Options) { o.App, o.TokenLife = true, tt.life })
			c := client(t, s, asApp(t, s))
			for range 4 {
				if _, _, err := c.OpenPullRequests(deadline(t)); err != nil {
					t.Fatal(err)
				}
			}
			if n := s.Calls(githubtest.RouteToken); n != tt.want {
				t.Errorf("%d tokens were made, want %d", n, tt.want)
			}
		})
	}
}

func TestRevokedWithinItsHour(t *testing.T) {
	s := site(t, func(o *githubtest.Options) { o.App = true })
	c := client(t, s, asApp(t, s))
	if _, _, err := c.OpenPullRequests(deadline(t)); err != nil {
		t.Fatal(err)
	}
	s.Revoke()
	_, _, err := c.OpenPullRequests(deadline(t))
	if github.KindOf(err) != github.Unauthorized || !strings.Contains(hint(err), "installation_id") {
		t.Errorf("got %v, hint %q", err, hint(err))
	}
	if _, _, err := c.OpenPullRequests(deadline(t)); err != nil || s.Calls(githubtest.RouteToken) != 2 {
		t.Errorf("no new token: %v", err)
	}
}

func TestTokenExchangeFails(t *testing.T) {
	tests := map[string]struct {
		with  func(*githubtest.Server, *github.Options)
		kind  github.Kind
		words string
	}{
		"wrong installation": {func(_ *githubtest.Server, o *github.Options) { o.App.InstallationID = 1 }, github.NotFound, "no installation 1"},
		"wrong app":          {func(_ *githubtest.Server, o *github.Options) { o.App.ID = 1 }, github.Unauthorized, "installation_id"},
		"outage": {func(s *githubtest.Server, _ *github.Options) {
			s.Fail(githubtest.RouteToken, 1, githubtest.Fault{Kind: githubtest.ServerError})
		}, github.Outage, ""},
		"hangs": {func(s *githubtest.Server, o *github.Options) {
			o.Timeout = 50 * time.Millisecond
			s.Fail(githubtest.RouteToken, 1, githubtest.Fault{Kind: githubtest.Hang})
		}, github.Outage, ""},
		"half an answer": {func(s *githubtest.Server, _ *github.Options) {
			s.Fail(githubtest.RouteToken, 1, githubtest.Fault{Kind: githubtest.Truncate})
		}, github.Outage, ""},
		"a proxy's page": {func(s *githubtest.Server, _ *github.Options) {
			s.Fail(githubtest.RouteToken, 1, githubtest.Fault{Kind: githubtest.NoAnswer})
		}, github.Outage, ""},
		"limited": {func(s *githubtest.Server, _ *github.Options) {
			s.Fail(githubtest.RouteToken, 1, githubtest.Fault{Kind: githubtest.Secondary, RetryAfter: 9})
		}, github.SecondaryLimited, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(t, func(o *githubtest.Options) { o.App = true })
			c := client(t, s, func(o *github.Options) {
				asApp(t, s)(o)
				tt.with(s, o)
			})
			err := c.SetStatus(deadline(t), forge.Head{Commit: sha("a")}, github.Status{State: github.Pending})
			if github.KindOf(err) != tt.kind || github.Unknown(err) || !strings.Contains(hint(err), tt.words) {
				t.Errorf("got %v, hint %q", err, hint(err))
			}
			if s.Calls(githubtest.RouteStatus) != 0 {
				t.Error("a status was set without a token")
			}
		})
	}
}

// TestManyAtOnce: calls that need a token at the same time share one.
func TestManyAtOnce(t *testing.T) {
	s := site(t, func(o *githubtest.Options) { o.App = true })
	s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	c := client(t, s, asApp(t, s))
	ctx := deadline(t)
	var wait sync.WaitGroup
	for i := range 12 {
		wait.Go(func() {
			var err error
			switch i % 3 {
			case 0:
				_, _, err = c.OpenPullRequests(ctx)
			case 1:
				err = c.SetStatus(ctx, forge.Head{Commit: sha("a")}, github.Status{Context: "sallyport/ghe", State: github.Pending})
			case 2:
				_, err = c.GitToken(ctx)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := s.Calls(githubtest.RouteToken); n != 1 {
		t.Errorf("%d tokens were made", n)
	}
}

func TestProbe(t *testing.T) {
	grants := func(without, instead string) map[string]string {
		g := githubtest.AllGrants()
		g[without] = instead
		return g
	}
	tests := map[string]struct {
		app     bool
		with    func(*githubtest.Server)
		missing string
		hint    string
	}{
		"all there":          {false, func(*githubtest.Server) {}, "", ""},
		"an app's":           {true, func(*githubtest.Server) {}, "", ""},
		"statuses read":      {false, func(s *githubtest.Server) { s.SetGrants(grants("statuses", "read")) }, "commit statuses: write", "give the token: commit statuses: write"},
		"no statuses":        {true, func(s *githubtest.Server) { s.SetGrants(grants("statuses", "")) }, "commit statuses: write", ""},
		"no contents":        {false, func(s *githubtest.Server) { s.SetGrants(grants("contents", "")) }, "contents: read", ""},
		"pull requests read": {false, func(s *githubtest.Server) { s.SetGrants(grants("pull_requests", "read")) }, "pull requests: write", ""},
		"no pull requests":   {false, func(s *githubtest.Server) { s.SetGrants(grants("pull_requests", "")) }, "pull requests: read, pull requests: write", ""},
		"archived repository": {false, func(s *githubtest.Server) {
			s.ChangeRepository(infra, func(r *githubtest.Repository) { r.Archived = true })
		}, "commit statuses: write", "archived"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(t, func(o *githubtest.Options) { o.App = tt.app })
			tt.with(s)
			c := client(t, s, func(o *github.Options) {
				if tt.app {
					asApp(t, s)(o)
				}
			})
			p := must[forge.Probe](t)(c.Probe(deadline(t)))
			var missing []string
			for _, one := range p.Permissions {
				if one.Verdict == forge.Missing {
					missing = append(missing, one.Name)
				} else if one.Verdict != forge.Granted || one.Err != nil {
					t.Errorf("%s: %s, %v", one.Name, one.Verdict, one.Err)
				}
			}
			if got := strings.Join(missing, ", "); got != tt.missing {
				t.Errorf("missing %q, want %q", got, tt.missing)
			}
			if !strings.Contains(p.Hint(), tt.hint) || tt.missing == "" && p.Hint() != "" {
				t.Errorf("hint %q", p.Hint())
			}
			if p.Login == "" {
				t.Errorf("%+v", p)
			}
			if strings.Contains(s.Transcript(), "status of") {
				t.Error("a probe left something behind")
			}
		})
	}
	s := site(t, nil)
	c := client(t, s, nil)
	s.SetGrants(nil)
	if _, err := c.Probe(deadline(t)); github.KindOf(err) != github.NotFound || !strings.Contains(hint(err), "look at github.repository") {
		t.Errorf("a repository out of reach: %v", err)
	}
	s.SetGrants(githubtest.AllGrants())
	s.Fail(githubtest.RouteStatus, 1, githubtest.Fault{Kind: githubtest.ServerError})
	p := must[forge.Probe](t)(c.Probe(deadline(t)))
	if p.Permissions[3].Verdict != forge.Unclear || p.Permissions[3].Err == nil || p.Hint() != "" {
		t.Errorf("an outage: %+v", p.Permissions[3])
	}
}
