package github_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/agent/patience"
	"sallyport/notify/forge"
	"sallyport/notify/github"
	"sallyport/notify/github/githubtest"
	"sallyport/notify/redact"
)

func TestOptions(t *testing.T) {
	notPEM := write(t, "junk.pem", []byte("canary-in-a-key-file"))
	tests := map[string]struct {
		with func(*github.Options)
		want string // in the error; empty: none
	}{
		"github.com":        {func(o *github.Options) { o.URL = "" }, ""},
		"with a slash":      {func(o *github.Options) { o.URL = "https://github.com/" }, ""},
		"enterprise":        {func(o *github.Options) { o.URL = "https://ghe.example.internal" }, ""},
		"its api":           {func(o *github.Options) { o.URL = "https://ghe.example.internal:8443/api/v3/" }, ""},
		"http on loopback":  {func(o *github.Options) { o.URL = "http://127.0.0.1:1" }, ""},
		"http on loopback6": {func(o *github.Options) { o.URL = "http://[::1]:1" }, ""},
		"http elsewhere":    {func(o *github.Options) { o.URL = "http://ghe.example.internal" }, "in the clear"},
		"http that looks local": {
			func(o *github.Options) { o.URL = "http://127.0.0.1.example.com" }, "in the clear"},
		"http to github.com":  {func(o *github.Options) { o.URL = "http://github.com" }, "in the clear"},
		"user in the URL":     {func(o *github.Options) { o.URL = "https://canary@ghe.example" }, "more than a host"},
		"repository in URL":   {func(o *github.Options) { o.URL = "https://github.com/ops/infra" }, "the repository stands in repository"},
		"and of enterprise":   {func(o *github.Options) { o.URL = "https://ghe.example/ops" }, "the repository stands in repository"},
		"no URL":              {func(o *github.Options) { o.URL = "ghe" }, "no URL of a site"},
		"ssh":                 {func(o *github.Options) { o.URL = "ssh://git@ghe" }, "no URL of a site"},
		"no owner":            {func(o *github.Options) { o.Repository = "infra" }, "owner/name"},
		"too deep":            {func(o *github.Options) { o.Repository = "a/b/c" }, "owner/name"},
		"climbs":              {func(o *github.Options) { o.Repository = "ops/.." }, "owner/name"},
		"query in repository": {func(o *github.Options) { o.Repository = "ops/infra?x=1" }, "owner/name"},
		"dots in name":        {func(o *github.Options) { o.Repository = "my-org/infra.tf" }, ""},
		"nobody":              {func(o *github.Options) { o.Token = redact.Secret{} }, "neither a token nor an app"},
		"both":                {func(o *github.Options) { o.App = &github.App{ID: 1, InstallationID: 1, PrivateKeyFile: "x"} }, "both"},
		"token with newline":  {func(o *github.Options) { o.Token = redact.NewSecret("canary\n") }, "a blank or a line break"},
		"half an app":         {func(o *github.Options) { o.Token, o.App = redact.Secret{}, &github.App{ID: 1} }, "installation_id"},
		"key not there": {func(o *github.Options) {
			o.Token, o.App = redact.Secret{}, &github.App{ID: 1, InstallationID: 1, PrivateKeyFile: "/nowhere"}
		}, "reading the app's private key"},
		"no key in it": {func(o *github.Options) {
			o.Token, o.App = redact.Secret{}, &github.App{ID: 1, InstallationID: 1, PrivateKeyFile: notPEM}
		}, "no RSA private key"},
		"CA not there":  {func(o *github.Options) { o.CAFile = "/nowhere" }, "reading ca_file"},
		"no CA in it":   {func(o *github.Options) { o.CAFile = notPEM }, "holds no certificate"},
		"negative pace": {func(o *github.Options) { o.Pace = -1 }, "negative"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := github.Options{Repository: infra, Token: redact.NewSecret("canary-token")}
			tt.with(&o)
			_, err := github.New(o)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("a secret is in %v", err)
			}
		})
	}
}

// TestErrors plays each way to fail to a read and to a write.
func TestErrors(t *testing.T) {
	refuse := func(status int, words string, header ...string) githubtest.Fault {
		f := githubtest.Fault{Kind: githubtest.Refuse, Status: status, Words: words, Header: http.Header{}}
		for i := 0; i < len(header); i += 2 {
			f.Header.Set(header[i], header[i+1])
		}
		return f
	}
	tests := map[string]struct {
		fault     githubtest.Fault
		kind      github.Kind
		wait      time.Duration
		unknown   bool // of a write
		permanent bool
		words     string
		hint      string
	}{
		"secondary limit":         {githubtest.Fault{Kind: githubtest.Secondary, RetryAfter: 30}, github.SecondaryLimited, 30 * time.Second, false, false, "again in 30 seconds", ""},
		"without a time":          {githubtest.Fault{Kind: githubtest.Secondary}, github.SecondaryLimited, time.Minute, false, false, "again in 1 minute", ""},
		"429":                     {githubtest.Fault{Kind: githubtest.TooMany, RetryAfter: 2}, github.SecondaryLimited, 2 * time.Second, false, false, "again in 2 seconds", ""},
		"absurdly long":           {githubtest.Fault{Kind: githubtest.TooMany, RetryAfter: 1 << 40}, github.SecondaryLimited, 65 * time.Minute, false, false, "", ""},
		"primary limit":           {githubtest.Fault{Kind: githubtest.Primary, RetryAfter: 600}, github.RateLimited, 10 * time.Minute, false, false, "API rate limit exceeded", ""},
		"primary, over by now":    {githubtest.Fault{Kind: githubtest.Primary, RetryAfter: -5}, github.RateLimited, time.Second, false, false, "", ""},
		"bare 429":                {refuse(429, "Too Many Requests"), github.SecondaryLimited, time.Minute, false, false, "", ""},
		"bad token":               {refuse(401, "Bad credentials"), github.Unauthorized, 0, false, true, "Bad credentials (401)", "make a new one"},
		"forbidden":               {refuse(403, "Resource not accessible by personal access token"), github.Forbidden, 0, false, true, "Resource not accessible by personal access token (403)", "give the token these permissions on ops/infra"},
		"says what it wants":      {refuse(403, "Resource not accessible", "X-Accepted-GitHub-Permissions", "statuses=write"), github.Forbidden, 0, false, true, "", "statuses=write"},
		"single sign-on":          {refuse(403, "Resource protected by organization SAML enforcement", "X-GitHub-SSO", "required; url=https://x"), github.Forbidden, 0, false, true, "SAML", "single sign-on"},
		"forbidden, limits known": {refuse(403, "Must have admin rights", "X-RateLimit-Remaining", "12"), github.Forbidden, 0, false, true, "", "give the token"},
		"not found":               {refuse(404, "Not Found"), github.NotFound, 0, false, true, "Not Found (404)", "GitHub says 404 for what a token may not know of"},
		"gone":                    {refuse(410, "Issues are disabled for this repo"), github.NotFound, 0, false, true, "Issues are disabled", ""},
		"renamed":                 {refuse(301, "Moved Permanently", "Location", "/repositories/1"), github.Moved, 0, false, true, "Moved", "set github.repository to what it is called now"},
		"invalid":                 {refuse(422, "Validation Failed"), github.Invalid, 0, false, true, "Validation Failed (422)", ""},
		"conflict":                {refuse(409, "Git Repository is empty."), github.Invalid, 0, false, true, "is empty", ""},
		"legal reasons":           {refuse(451, "Repository access blocked"), github.Forbidden, 0, false, true, "blocked", ""},
		"hostile words":           {refuse(403, "no\x1b[31m\nforged"), github.Forbidden, 0, false, true, "no forged", ""},
		"502":                     {githubtest.Fault{Kind: githubtest.ServerError}, github.Outage, 0, true, false, "502 Bad Gateway", ""},
		"503 in JSON":             {refuse(503, "Service Unavailable", "Retry-After", "7"), github.Outage, 7 * time.Second, true, false, "Service Unavailable", ""},
		"a proxy's 200":           {githubtest.Fault{Kind: githubtest.NoAnswer}, github.Outage, 0, true, false, "not one of GitHub's", ""},
		"a proxy's 407":           {refuse(407, ""), github.Outage, 0, true, false, "", ""},
		"connection closed":       {githubtest.Fault{Kind: githubtest.Drop}, github.Outage, 0, true, false, "EOF", ""},
		"lost answer":             {githubtest.Fault{Kind: githubtest.LoseAnswer}, github.Outage, 0, true, false, "EOF", ""},
		"late 502":                {githubtest.Fault{Kind: githubtest.LateServerError}, github.Outage, 0, true, false, "502", ""},
		"half an answer":          {githubtest.Fault{Kind: githubtest.Truncate}, github.Outage, 0, true, false, "not one of GitHub's", ""},
	}
	calls := map[string]struct {
		route  string
		writes bool
		do     func(context.Context, *github.Client) error
	}{
		"read": {githubtest.RoutePull, false, func(ctx context.Context, c *github.Client) error {
			_, err := c.PullRequest(ctx, 1)
			return err
		}},
		"write": {githubtest.RouteStatus, true, func(ctx context.Context, c *github.Client) error {
			return c.SetStatus(ctx, forge.Head{Commit: sha("a")}, github.Status{Context: "sallyport/ghe", State: github.Pending})
		}},
	}
	for name, tt := range tests {
		for side, k := range calls {
			t.Run(name+"/"+side, func(t *testing.T) {
				time := newClock()
				s := site(t, func(o *githubtest.Options) { o.Now = time.Now })
				s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
				c := client(t, s, func(o *github.Options) { o.Now = time.Now })
				// A read on a fresh connection is sent once; only a kept one that was closed meanwhile is tried again by net/http.
				s.Fail(k.route, 1, tt.fault)
				err := k.do(deadline(t), c)
				if err == nil {
					t.Fatal("no error")
				}
				if got := github.KindOf(err); got != tt.kind {
					t.Errorf("%v is of kind %s, want %s", err, got, tt.kind)
				}
				if got, ok := github.RetryAfter(err); got != tt.wait || ok != (tt.wait > 0) {
					t.Errorf("wait %s, want %s", got, tt.wait)
				}
				if got := github.Unknown(err); got != (tt.unknown && k.writes) {
					t.Errorf("unknown %t: %v", got, err)
				}
				if got := github.Permanent(err); got != tt.permanent {
					t.Errorf("permanent %t", got)
				}
				if !strings.Contains(err.Error(), tt.words) || strings.ContainsAny(err.Error(), "\x1b\n") {
					t.Errorf("got %q, want %q in it", err, tt.words)
				}
				if got := hint(err); !strings.Contains(got, tt.hint) {
					t.Errorf("hint %q, want %q", got, tt.hint)
				}
				if n := s.Calls(k.route); n != 1 {
					t.Errorf("%d requests: nothing may be sent again blindly", n)
				}
			})
		}
	}
}

func hint(err error) string {
	if h, ok := err.(interface{ UserHint() string }); ok {
		return h.UserHint()
	}
	return ""
}

func TestPauseAfterLimit(t *testing.T) {
	now := newClock()
	s := site(t, func(o *githubtest.Options) { o.Now = now.Now })
	var out bytes.Buffer
	c := client(t, s, func(o *github.Options) {
		o.Now, o.Log = now.Now, slog.New(slog.NewTextHandler(&out, nil))
	})
	s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	s.Fail(githubtest.RouteStatus, 1, githubtest.Fault{Kind: githubtest.Secondary, RetryAfter: 60})
	st := github.Status{Context: "sallyport/ghe", State: github.Success}
	if err := c.SetStatus(deadline(t), forge.Head{Commit: sha("a")}, st); github.KindOf(err) != github.SecondaryLimited {
		t.Fatal(err)
	}
	now.now = now.now.Add(59 * time.Second)
	_, _, err := c.OpenPullRequests(deadline(t))
	if wait, _ := github.RetryAfter(err); wait != time.Second || github.KindOf(err) != github.SecondaryLimited {
		t.Errorf("got %v", err)
	}
	if n := s.Calls(""); n != 1 {
		t.Errorf("%d requests while the limit lasted", n)
	}
	now.now = now.now.Add(time.Second)
	if err := c.SetStatus(deadline(t), forge.Head{Commit: sha("a")}, st); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "github limits the rate") {
		t.Errorf("logged %q", out.String())
	}
}

// TestResetByTheirClock: the limit's end is a time of GitHub's, and this machine's clock may be hours off.
func TestResetByTheirClock(t *testing.T) {
	theirs, ours := newClock(), newClock()
	ours.now = ours.now.Add(-3 * time.Hour)
	s := site(t, func(o *githubtest.Options) { o.Now, o.Limit = theirs.Now, 1 })
	c := client(t, s, func(o *github.Options) { o.Now = ours.Now })
	if _, err := c.Self(deadline(t)); err != nil {
		t.Fatal(err)
	}
	_, _, err := c.OpenPullRequests(deadline(t))
	if wait, _ := github.RetryAfter(err); wait != time.Hour || github.KindOf(err) != github.RateLimited {
		t.Errorf("got %v", err)
	}
	if r := c.Rate(); !r.Known || r.Limit != 1 || r.Remaining != 0 || !r.Reset.Equal(theirs.now.Add(time.Hour)) {
		t.Errorf("rate %+v", r)
	}
}

func TestHanging(t *testing.T) {
	s := site(t, nil)
	timeout := patience.Scaled(200 * time.Millisecond) // in which the request has to be on its way
	c := client(t, s, func(o *github.Options) { o.Timeout = timeout })
	s.Fail(githubtest.RouteStatus, 1, githubtest.Fault{Kind: githubtest.Hang})
	ctx := deadline(t)
	err := c.SetStatus(ctx, forge.Head{Commit: sha("a")}, github.Status{State: github.Pending})
	if ctx.Err() != nil {
		t.Error("only the caller's patience ended the call")
	}
	if github.KindOf(err) != github.Outage || !github.Unknown(err) || !strings.Contains(err.Error(), "no answer within "+timeout.String()) {
		t.Errorf("got %v", err)
	}
}

func TestCallerGivesUp(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	s.Fail(githubtest.RoutePulls, 1, githubtest.Fault{Kind: githubtest.Hang})
	ctx, cancel := context.WithCancel(deadline(t))
	go func() {
		_ = s.WaitFor(ctx, func() bool { return s.Calls(githubtest.RoutePulls) == 1 })
		cancel()
	}()
	if _, _, err := c.OpenPullRequests(ctx); github.KindOf(err) != github.Stopped || hint(err) != "" {
		t.Errorf("got %v", err)
	}
}

// TestPace: a write waits for its turn, and whoever waits may give up; nothing was sent then.
func TestPace(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, func(o *github.Options) { o.Pace = time.Hour })
	s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	st := github.Status{Context: "sallyport/ghe", State: github.Pending}
	if err := c.SetStatus(deadline(t), forge.Head{Commit: sha("a")}, st); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(deadline(t), 50*time.Millisecond)
	defer cancel()
	err := c.SetStatus(ctx, forge.Head{Commit: sha("a")}, st)
	if github.KindOf(err) != github.Stopped || github.Unknown(err) || s.Calls(githubtest.RouteStatus) != 1 {
		t.Errorf("got %v after %d requests", err, s.Calls(githubtest.RouteStatus))
	}
	if _, err := c.PullRequest(deadline(t), 1); err != nil {
		t.Errorf("a read waited: %v", err)
	}
}

func TestOneKeptConnection(t *testing.T) {
	for name, with := range map[string]func(*githubtest.Options){"http": nil, "https": func(o *githubtest.Options) { o.TLS = true }} {
		t.Run(name, func(t *testing.T) {
			s := site(t, with)
			s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
			c := client(t, s, func(o *github.Options) {
				if ca := s.CAPEM(); ca != nil {
					o.CAFile = write(t, "ca.pem", ca)
				}
			})
			for i := range 10 {
				if _, _, err := c.OpenPullRequests(deadline(t)); err != nil {
					t.Fatal(err)
				}
				s.Fail(githubtest.RoutePull, 1, githubtest.Fault{Kind: githubtest.Refuse, Status: 404, Words: "Not Found"})
				if _, err := c.PullRequest(deadline(t), i); err == nil {
					t.Fatal("no error")
				}
			}
			// Package net/http drops a connection whose request it has not seen written 50 ms after the answer, as on a machine that is busy.
			if n := s.Connections(); n > 5 {
				t.Errorf("%d connections for 20 requests", n)
			}
		})
	}
}

func TestUnknownCA(t *testing.T) {
	s := site(t, func(o *githubtest.Options) { o.TLS = true })
	c := client(t, s, nil)
	err := c.SetStatus(deadline(t), forge.Head{Commit: sha("a")}, github.Status{State: github.Pending})
	if github.KindOf(err) != github.Outage || github.Unknown(err) || !strings.Contains(hint(err), "ca_file") {
		t.Errorf("got %v, hint %q", err, hint(err))
	}
}

// TestNoRedirects: a renamed repository is said, and the token goes nowhere else.
func TestNoRedirects(t *testing.T) {
	s := site(t, nil)
	s.ChangeRepository(infra, func(r *githubtest.Repository) { r.Moved = 99 })
	c := client(t, s, nil)
	_, _, err := c.OpenPullRequests(deadline(t))
	if github.KindOf(err) != github.Moved || s.Calls("") != 1 {
		t.Errorf("got %v after %d requests", err, s.Calls(""))
	}
}

func TestHugeAnswer(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a"), Body: strings.Repeat("x", 33<<20)})
	if _, err := c.PullRequest(deadline(t), 1); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v", err)
	}
}

func TestClientPrintsNoToken(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, c); strings.Contains(got, s.Token()) || !strings.Contains(got, infra) {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
