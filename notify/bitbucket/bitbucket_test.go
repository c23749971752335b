package bitbucket_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sallyport/notify/bitbucket"
	"sallyport/notify/bitbucket/bitbuckettest"
	"sallyport/notify/forge"
	"sallyport/notify/forge/forgetest"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

var commit = strings.Repeat("1", 40)

// products are the sites that statuses are set at, by what there is to tell them apart.
func products() map[string]bitbuckettest.Options {
	return map[string]bitbuckettest.Options{
		"Cloud, with an API token":                  {Repository: "acme/infra", Username: "bot@example.com"},
		"Cloud, with an access token":               {Repository: "acme/infra"},
		"Data Center":                               {Repository: "OPS/infra", DataCenter: true},
		"Data Center below a path, with its own CA": {Repository: "~jane/infra", DataCenter: true, Subpath: "/bitbucket", TLS: true},
	}
}

func start(t *testing.T, o bitbuckettest.Options) (*bitbuckettest.Server, *bitbucket.Client) {
	t.Helper()
	o.Commits = []string{commit}
	s, err := bitbuckettest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	options := bitbucket.Options{URL: s.URL(), Repository: o.Repository, Username: o.Username, Token: redact.NewSecret(s.Token()), Timeout: time.Minute}
	if !o.DataCenter {
		options.CloudAPI = s.URL()
	}
	if o.TLS {
		options.CAFile = filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(options.CAFile, s.CAPEM(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := bitbucket.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return s, c
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// One context has one status, whatever it said before, in the words and within the limits of the site.
func TestStatus(t *testing.T) {
	t.Parallel()
	for name, o := range products() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := start(t, o)
			ctx := deadline(t)
			context := "sallyport/" + strings.Repeat("net", 200)
			for state, want := range map[forge.State]string{forge.Pending: "INPROGRESS", forge.Success: "SUCCESSFUL", forge.Failure: "FAILED", forge.Broken: "FAILED"} {
				for range 2 {
					err := c.SetStatus(ctx, forge.Head{Commit: commit, Branch: "topic", Number: 3}, forge.Status{Context: context, State: state,
						Description: strings.Repeat("é", 300), TargetURL: "https://acme.slack.com/archives/C1/p2"})
					if err != nil {
						t.Fatal(err)
					}
				}
				list := s.Statuses(commit)
				if len(list) != 1 || list[0].State != want || len(list[0].Key) != 40 || utf8.RuneCountInString(list[0].Description) > 255 ||
					!strings.HasPrefix(list[0].Name, "sallyport/net") || list[0].URL != "https://acme.slack.com/archives/C1/p2" {
					t.Fatalf("%+v", list)
				}
				ref := "topic"
				if o.DataCenter {
					ref = "refs/heads/topic"
				}
				if list[0].Ref != ref {
					t.Errorf("ref %q", list[0].Ref)
				}
			}
			if err := c.SetStatus(ctx, forge.Head{Commit: commit}, forge.Status{Context: "sallyport/app", State: forge.Pending}); err != nil {
				t.Fatal(err)
			}
			if list := s.Statuses(commit); len(list) != 2 || list[0].Key == list[1].Key || list[1].Ref != "" {
				t.Errorf("another context: %+v", list)
			}
		})
	}
}

// Bitbucket wants an address that leads somewhere: what it would refuse becomes the commit's page.
func TestAddress(t *testing.T) {
	t.Parallel()
	s, c := start(t, bitbuckettest.Options{Repository: "acme/infra"})
	for target, want := range map[string]string{
		"":                                 "https://bitbucket.org/acme/infra/commits/" + commit,
		"javascript:alert(1)":              "https://bitbucket.org/acme/infra/commits/" + commit,
		"http://jenkins/job/1":             "https://bitbucket.org/acme/infra/commits/" + commit,
		"https://example.com/{repository}": "https://example.com/%7Brepository%7D",
		"https://10.0.0.1:8443/x":          "https://10.0.0.1:8443/x",
		"https://example.com/" + strings.Repeat("x", 3000): "https://bitbucket.org/acme/infra/commits/" + commit,
	} {
		err := c.SetStatus(deadline(t), forge.Head{Commit: commit}, forge.Status{Context: "a", State: forge.Pending, TargetURL: target})
		if list := s.Statuses(commit); err != nil || list[0].URL != want {
			t.Errorf("%.60s: %v, %v", target, list, err)
		}
	}
}

// What is refused, and what that means.
func TestRefused(t *testing.T) {
	t.Parallel()
	good := forge.Status{Context: "sallyport/net", State: forge.Pending}
	for product, o := range products() {
		for name, c := range map[string]struct {
			play   func(*bitbuckettest.Server)
			commit string
			status forge.Status
			kind   wire.Kind
			hint   string
		}{
			"a revoked token":      {func(s *bitbuckettest.Server) { s.Revoke() }, commit, good, wire.Unauthorized, "bitbucket.token"},
			"a token that reads":   {func(s *bitbuckettest.Server) { s.ReadOnly() }, commit, good, wire.Forbidden, "token"},
			"a renamed repository": {func(s *bitbuckettest.Server) { s.Rename("acme/other") }, commit, good, wire.Moved, "bitbucket.repository"},
			"an unknown commit":    {nil, strings.Repeat("2", 40), good, wire.Invalid, ""},
			"an unknown commit, and the site cannot be asked": {func(s *bitbuckettest.Server) {
				s.Fail(bitbuckettest.RouteRepository, 1, forgetest.Fault{Kind: forgetest.ServerError})
			}, strings.Repeat("2", 40), good, wire.NotFound, "bitbucket.repository"},
			"no hash":        {nil, "main", good, wire.Other, ""},
			"no state":       {nil, commit, forge.Status{Context: "a", State: "done"}, wire.Invalid, ""},
			"a limit":        {func(s *bitbuckettest.Server) { s.Fail("", 1, forgetest.Fault{Kind: forgetest.TooMany, RetryAfter: 30}) }, commit, good, wire.RateLimited, ""},
			"a lost answer":  {func(s *bitbuckettest.Server) { s.Fail("", 1, forgetest.Fault{Kind: forgetest.LoseAnswer}) }, commit, good, wire.Outage, ""},
			"a proxy's page": {func(s *bitbuckettest.Server) { s.Fail("", 1, forgetest.Fault{Kind: forgetest.ServerError}) }, commit, good, wire.Outage, ""},
		} {
			t.Run(product+": "+name, func(t *testing.T) {
				t.Parallel()
				s, client := start(t, o)
				if c.play != nil {
					c.play(s)
				}
				err := client.SetStatus(deadline(t), forge.Head{Commit: c.commit}, c.status)
				var e *wire.Error
				if err == nil || wire.KindOf(err) != c.kind || errors.As(err, &e) && !strings.Contains(e.UserHint(), c.hint) {
					t.Errorf("%v: %+v", err, e)
				}
				if strings.Contains(fmt.Sprintf("%v %+v", err, e), s.Token()) {
					t.Error("the token is shown")
				}
			})
		}
	}
}

// A probe says what a token lacks, and leaves nothing behind.
func TestProbe(t *testing.T) {
	t.Parallel()
	for product, o := range products() {
		s, c := start(t, o)
		p, err := c.Probe(deadline(t))
		if err != nil || p.Hint() != "" || !strings.HasPrefix(product, strings.TrimSuffix(p.Version, " 9.4.2")) || len(s.Statuses(strings.Repeat("0", 40))) != 0 {
			t.Errorf("%s: %+v, %v", product, p, err)
		}
		s.ReadOnly()
		if p, err := c.Probe(deadline(t)); err != nil || p.Hint() == "" {
			t.Errorf("%s, to read: %+v, %v", product, p, err)
		}
		s.Revoke()
		if _, err := c.Probe(deadline(t)); wire.KindOf(err) != wire.Unauthorized {
			t.Errorf("%s, revoked: %v", product, err)
		}
	}
}

// Options that make no sense are refused before anything is sent.
func TestOptions(t *testing.T) {
	t.Parallel()
	token := redact.NewSecret("0123")
	for name, c := range map[string]struct {
		o    bitbucket.Options
		err  string
		user string
	}{
		"Cloud":                       {bitbucket.Options{Repository: "acme/infra", Token: token}, "", "x-token-auth"},
		"Cloud, with an e-mail":       {bitbucket.Options{Repository: "acme/infra", Username: "bot@example.com", Token: token}, "", "x-bitbucket-api-token-auth"},
		"Data Center":                 {bitbucket.Options{URL: "https://git.example.com/bb/", Repository: "~jane/infra", Token: token}, "", "x-token-auth"},
		"Data Center with a name":     {bitbucket.Options{URL: "https://git.example.com", Repository: "OPS/infra", Username: "jane", Token: token}, "without a username", ""},
		"Cloud with a path":           {bitbucket.Options{URL: "https://bitbucket.org/acme", Repository: "acme/infra", Token: token}, "not the site itself", ""},
		"in the clear":                {bitbucket.Options{URL: "http://git.example.com", Repository: "OPS/infra", Token: token}, "in the clear", ""},
		"no token":                    {bitbucket.Options{Repository: "acme/infra"}, "no token", ""},
		"no repository":               {bitbucket.Options{Repository: "infra", Token: token}, "workspace/slug", ""},
		"a repository that is a path": {bitbucket.Options{Repository: "acme/..", Token: token}, "workspace/slug", ""},
	} {
		client, err := bitbucket.New(c.o)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err == nil && (client.GitUser() != c.user || strings.Contains(fmt.Sprintf("%v %+v %#v", client, client, client), "0123")) {
			t.Errorf("%s: %s, %v", name, client.GitUser(), client)
		}
	}
}
