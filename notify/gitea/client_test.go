package gitea_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/forge/forgetest"
	"sallyport/notify/forge/wire"
	"sallyport/notify/gitea"
	"sallyport/notify/gitea/giteatest"
	"sallyport/notify/redact"
)

// What a failure is, and whether the rest of the site is worth asking.
func TestErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		play       func(*giteatest.Server)
		kind       wire.Kind
		everything bool
		wants      time.Duration
		hint       string
	}{
		"a proxy's limit": {func(s *giteatest.Server) {
			s.Fail(giteatest.RoutePull, 1, forgetest.Fault{Kind: forgetest.TooMany, RetryAfter: 120})
		},
			wire.RateLimited, true, 2 * time.Minute, ""},
		"a proxy's limit without a time": {func(s *giteatest.Server) { s.Fail(giteatest.RoutePull, 1, forgetest.Fault{Kind: forgetest.TooMany}) }, wire.RateLimited, true, time.Minute, ""},
		"a proxy that has no server": {func(s *giteatest.Server) {
			s.Fail(giteatest.RoutePull, 1, forgetest.Fault{Kind: forgetest.ServerError})
		}, wire.Outage, true, 0, ""},
		"a page and no answer":           {func(s *giteatest.Server) { s.Fail(giteatest.RoutePull, 1, forgetest.Fault{Kind: forgetest.NoAnswer}) }, wire.Outage, true, 0, ""},
		"a connection that is cut":       {func(s *giteatest.Server) { s.Fail(giteatest.RoutePull, 2, forgetest.Fault{Kind: forgetest.Drop}) }, wire.Outage, true, 0, ""},
		"a fault of the server's own":    {func(s *giteatest.Server) { s.Fail(giteatest.RoutePull, 1, giteatest.Failure(500, "")) }, wire.Busy, false, 0, ""},
		"a token that was revoked":       {func(s *giteatest.Server) { s.Revoke() }, wire.Unauthorized, true, 0, "gitea.token"},
		"a scope that is missing":        {func(s *giteatest.Server) { s.SetScopes("write:issue") }, wire.Forbidden, false, 0, "write:repository"},
		"a repository that is not there": {func(s *giteatest.Server) { s.SetAccess(infra, bot, "") }, wire.NotFound, false, 0, "gitea.repository"},
		"a repository that was renamed":  {func(s *giteatest.Server) { s.Rename(infra, "ops/platform") }, wire.Moved, true, 0, "renamed"},
		"an archived repository": {func(s *giteatest.Server) {
			s.Fail(giteatest.RoutePull, 1, giteatest.Failure(423, "ops/infra is archived"))
		}, wire.Forbidden, false, 0, "archived"},
		"words that Gitea does not take": {func(s *giteatest.Server) { s.Fail(giteatest.RoutePull, 1, giteatest.Failure(422, "no")) }, wire.Invalid, false, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client, _ := both(t)
			n := open(s, "1")
			c.play(s)
			_, err := client.PullRequest(deadline(t), n)
			var e *wire.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Everything() != c.everything || e.Wants() != c.wants || !strings.Contains(e.UserHint(), c.hint) {
				t.Fatalf("%v: %+v", err, e)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, e), s.Token()) {
				t.Errorf("the token stands in %+v", e)
			}
		})
	}
}

// Nothing is sent before a limit has passed.
func TestLimitIsHeeded(t *testing.T) {
	t.Parallel()
	s, client, c := both(t)
	n := open(s, "1")
	s.Fail("", 1, forgetest.Fault{Kind: forgetest.TooMany, RetryAfter: 60})
	ctx := deadline(t)
	for range 3 {
		if _, err := client.PullRequest(ctx, n); wire.KindOf(err) != wire.RateLimited {
			t.Fatal(err)
		}
	}
	if n := s.Calls(""); n != 1 {
		t.Errorf("%d requests during a limit", n)
	}
	c.now = c.now.Add(61 * time.Second)
	if _, err := client.PullRequest(ctx, n); err != nil {
		t.Error(err)
	}
}

// A caller who gives up gets an error that says so, at once.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	s, client, _ := both(t)
	n := open(s, "1")
	s.Fail(giteatest.RoutePull, 1, forgetest.Fault{Kind: forgetest.Hang})
	ctx, cancel := context.WithCancel(deadline(t))
	s.Before(giteatest.RoutePull, func(giteatest.Call) { cancel() })
	if _, err := client.PullRequest(ctx, n); wire.KindOf(err) != wire.Stopped {
		t.Errorf("%v", err)
	}
}

// Servers of every name and age are spoken to alike, below a path and with a CA of their own too.
func TestServers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		with  func(*giteatest.Options)
		shown string
	}{
		"Gitea":                              {func(*giteatest.Options) {}, "1.26.0"},
		"Forgejo":                            {func(o *giteatest.Options) { o.Version = "11.0.1+gitea-1.22.0" }, "11.0.1 (Forgejo, like Gitea 1.22.0)"},
		"one that was built from a branch":   {func(o *giteatest.Options) { o.Version = "development" }, "development"},
		"one that is older than the library": {func(o *giteatest.Options) { o.Version = "1.10.0" }, "1.10.0"},
		"below a path":                       {func(o *giteatest.Options) { o.Subpath = "/git/tea" }, "1.26.0"},
		"with a CA of its own":               {func(o *giteatest.Options) { o.TLS = true }, "1.26.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newClock()
			s := site(t, k, c.with)
			n := open(s, "1")
			client := client(t, s, k, func(o *gitea.Options) {
				if ca := s.CAPEM(); ca != nil {
					o.CAFile = write(t, "ca.pem", ca)
				}
			})
			ctx := deadline(t)
			if list, _, err := client.OpenPullRequests(ctx); err != nil || numbers(list) != fmt.Sprint(n) {
				t.Fatalf("%s, %v", numbers(list), err)
			}
			p, err := client.Probe(ctx)
			if err != nil || p.Version != c.shown || p.Login != bot || p.Hint() != "" {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	k := newClock()
	s := site(t, k, func(o *giteatest.Options) { o.TLS = true })
	_, err := client(t, s, k, nil).PullRequest(deadline(t), 1)
	var e *wire.Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint, "ca_file") {
		t.Errorf("an unknown CA: %v", err)
	}
}

// Options that make no sense are refused before anything is sent.
func TestOptions(t *testing.T) {
	t.Parallel()
	good := gitea.Options{URL: "https://git.example.com/gitea/", Repository: infra, Token: redact.NewSecret("0123")}
	for name, c := range map[string]struct {
		change func(*gitea.Options)
		err    string
	}{
		"good":                        {func(*gitea.Options) {}, ""},
		"no repository":               {func(o *gitea.Options) { o.Repository = "infra" }, "owner/name"},
		"a repository that is a path": {func(o *gitea.Options) { o.Repository = "ops/.." }, "owner/name"},
		"no token":                    {func(o *gitea.Options) { o.Token = redact.Secret{} }, "no token"},
		"a token of two lines":        {func(o *gitea.Options) { o.Token = redact.NewSecret("a\nb") }, "line break"},
		"no URL":                      {func(o *gitea.Options) { o.URL = "" }, "no URL"},
		"in the clear":                {func(o *gitea.Options) { o.URL = "http://git.example.com" }, "in the clear"},
		"the API's path":              {func(o *gitea.Options) { o.URL = "https://git.example.com/api/v1" }, "not the site itself"},
		"the repository's page":       {func(o *gitea.Options) { o.URL = "https://git.example.com/ops/infra" }, "not the site itself"},
		"a CA that is not there":      {func(o *gitea.Options) { o.CAFile = "/nowhere.pem" }, "ca_file"},
	} {
		o := good
		c.change(&o)
		_, err := gitea.New(o)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	client := must[*gitea.Client](t)(gitea.New(good))
	if text := fmt.Sprintf("%v %+v %#v", client, client, client); strings.Contains(text, "0123") {
		t.Errorf("the token is shown: %s", text)
	}
	if token, err := client.GitToken(t.Context()); err != nil || token.Reveal() != "0123" || client.HeadRef(12) != "refs/pull/12/head" {
		t.Errorf("%v, %s", err, client.HeadRef(12))
	}
}

// What a token lacks is named, and nothing is changed by asking.
func TestProbe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		play    func(*giteatest.Server)
		missing string
		err     bool
	}{
		"everything": {func(*giteatest.Server) {}, "", false},
		"no issues":  {func(s *giteatest.Server) { s.SetScopes("write:repository", "read:user", "read:organization") }, "read:issue|write:issue", false},
		"issues to read": {func(s *giteatest.Server) {
			s.SetScopes("write:repository", "read:issue", "read:user", "read:organization")
		}, "write:issue", false},
		"repositories to read": {func(s *giteatest.Server) {
			s.SetScopes("read:repository", "write:issue", "read:user", "read:organization")
		}, "write:repository, and", false},
		"not who it is":    {func(s *giteatest.Server) { s.SetScopes("write:repository", "write:issue", "read:organization") }, "read:user", false},
		"no administrator": {func(s *giteatest.Server) { s.SetAccess(infra, bot, "write") }, "administrator of the repository", false},
		"teams that it may not see": {func(s *giteatest.Server) {
			s.ChangeRepository(infra, func(r *giteatest.Repository) {
				r.Teams = []giteatest.Team{{ID: 31, Name: "coders", Hidden: true, Units: map[string]string{"repo.code": "write"}}}
			})
		}, "read:organization, and a place", false},
		"no repositories": {func(s *giteatest.Server) { s.SetScopes("write:issue") }, "", true},
		"renamed":         {func(s *giteatest.Server) { s.Rename(infra, "ops/platform") }, "", true},
		"revoked":         {func(s *giteatest.Server) { s.Revoke() }, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client, _ := both(t)
			n := open(s, "1")
			c.play(s)
			p, err := client.Probe(deadline(t))
			if (err != nil) != c.err {
				t.Fatalf("%+v, %v", p, err)
			}
			var missing []string
			for _, one := range p.Permissions {
				if one.Verdict != forge.Granted {
					missing = append(missing, one.Name)
				}
				if one.Verdict == forge.Unclear {
					t.Errorf("%s is not clear: %v", one.Name, one.Err)
				}
			}
			got := strings.Join(missing, "|")
			if !strings.HasPrefix(got, c.missing) || c.missing == "" && got != "" {
				t.Errorf("missing %s, want %s", got, c.missing)
			}
			if name == "everything" && (len(s.Comments(infra, n)) != 0 || len(s.Statuses(infra, sha("1"), "")) != 0) {
				t.Error("asking left something behind")
			}
		})
	}
	s, client, _ := both(t)
	s.ChangeRepository(infra, func(r *giteatest.Repository) { r.Archived = true })
	if p, err := client.Probe(deadline(t)); err != nil || !p.Archived {
		t.Errorf("%+v, %v", p, err)
	}
}
