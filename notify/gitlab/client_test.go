package gitlab_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/forge/forgetest"
	"sallyport/notify/forge/wire"
	"sallyport/notify/gitlab"
	"sallyport/notify/gitlab/gitlabtest"
	"sallyport/notify/redact"
)

func TestOptions(t *testing.T) {
	tests := map[string]struct {
		with func(*gitlab.Options)
		want string // in the error; empty: none
	}{
		"gitlab.com":          {func(*gitlab.Options) {}, ""},
		"below a path":        {func(o *gitlab.Options) { o.URL = "https://host/gitlab/" }, ""},
		"loopback in clear":   {func(o *gitlab.Options) { o.URL = "http://127.0.0.1:8080" }, ""},
		"in the clear":        {func(o *gitlab.Options) { o.URL = "http://gitlab.example.com" }, "in the clear"},
		"password in the url": {func(o *gitlab.Options) { o.URL = "https://a:canary@host" }, "user, query and fragment"},
		"the project's page":  {func(o *gitlab.Options) { o.URL = "https://host/" + infra }, "leave /" + infra + " away"},
		"the api":             {func(o *gitlab.Options) { o.URL = "https://host/api/v4" }, "leave /api/v4 away"},
		"no scheme":           {func(o *gitlab.Options) { o.URL = "gitlab.example.com" }, "no URL"},
		"no group":            {func(o *gitlab.Options) { o.Project = "infra" }, "group/project"},
		"a clone url":         {func(o *gitlab.Options) { o.Project = "ops/infra.git" }, "group/project"},
		"climbs":              {func(o *gitlab.Options) { o.Project = "ops/../infra" }, "group/project"},
		"no token":            {func(o *gitlab.Options) { o.Token = redact.Secret{} }, "no token"},
		"a token with a line": {func(o *gitlab.Options) { o.Token = redact.NewSecret("canary\n") }, "line break"},
		"no ca file":          {func(o *gitlab.Options) { o.CAFile = "/nonexistent/ca.pem" }, "ca_file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := gitlab.Options{Project: infra, Token: redact.NewSecret("canary-token")}
			tt.with(&o)
			c, err := gitlab.New(o)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if said := fmt.Sprintf("%v %+v %#v", err, c, c); strings.Contains(said, "canary") {
				t.Errorf("a secret is in %v", said)
			}
		})
	}
}

// TestErrors plays each way to fail to a read and to a write.
func TestErrors(t *testing.T) {
	refuse := func(status int, body any, header ...string) forgetest.Fault {
		a := forgetest.Answer{Status: status, Body: body, Header: http.Header{}}
		for i := 0; i < len(header); i += 2 {
			a.Header.Set(header[i], header[i+1])
		}
		return forgetest.Fault{Kind: forgetest.Refuse, Answer: a}
	}
	says := func(words any) map[string]any { return map[string]any{"message": words} }
	tests := map[string]struct {
		fault   forgetest.Fault
		kind    wire.Kind
		wait    time.Duration
		unknown bool // of a write
		words   string
		hint    string
	}{
		"429 in plain text":  {forgetest.Fault{Kind: forgetest.TooMany, RetryAfter: 30}, wire.RateLimited, 30 * time.Second, false, "again in 30 seconds (Retry later)", ""},
		"429 without a time": {forgetest.Fault{Kind: forgetest.TooMany}, wire.RateLimited, time.Minute, false, "again in 1 minute", ""},
		"429 with its reset": {refuse(429, says("Too many"), "RateLimit-Reset", fmt.Sprint(newClock().now.Add(90*time.Second).Unix()), "Date", newClock().now.Format(http.TimeFormat)), wire.RateLimited, 90 * time.Second, false, "Too many", ""},
		"429 absurdly long":  {forgetest.Fault{Kind: forgetest.TooMany, RetryAfter: 1 << 30}, wire.RateLimited, 65 * time.Minute, false, "", ""},
		"bad token":          {refuse(401, says("401 Unauthorized")), wire.Unauthorized, 0, false, "401 Unauthorized", "gitlab.token"},
		"expired token":      {refuse(401, map[string]any{"error": "invalid_token", "error_description": "Token is expired."}), wire.Unauthorized, 0, false, "Token is expired", "make a new one"},
		"scope":              {refuse(403, map[string]any{"error": "insufficient_scope", "error_description": "needs more", "scope": "api"}), wire.Forbidden, 0, false, "insufficient_scope", "the scope api"},
		"forbidden":          {refuse(403, says("403 Forbidden")), wire.Forbidden, 0, false, "403 Forbidden", "Developer in " + infra},
		"blocked by a proxy": {refuse(403, "Forbidden\n"), wire.Outage, 0, true, "not one of GitLab's", ""},
		"not found":          {refuse(404, says("404 Project Not Found")), wire.NotFound, 0, false, "404 Project Not Found", "gitlab.project"},
		"another site":       {refuse(404, "<html>no such page</html>"), wire.Outage, 0, true, "not one of GitLab's", "below a path"},
		"renamed":            {refuse(301, says("Moved"), "Location", "/api/v4/projects/42"), wire.Moved, 0, false, "Moved", "set gitlab.project"},
		"a page to sign in":  {refuse(302, "<html></html>", "Location", "https://host/users/sign_in"), wire.Moved, 0, false, "302", "look at gitlab.url"},
		"conflict":           {refuse(409, says("Another update is in progress")), wire.Busy, 0, false, "in progress", ""},
		"invalid by field":   {refuse(400, says(map[string]any{"name": []any{"has already been taken"}})), wire.Invalid, 0, false, "name has already been taken", ""},
		"invalid as a list":  {refuse(422, says([]any{"one", "two"})), wire.Invalid, 0, false, "one, two", ""},
		"invalid as error":   {refuse(400, map[string]any{"error": "state is missing"}), wire.Invalid, 0, false, "state is missing", ""},
		"hostile words":      {refuse(403, says("no\x1b[31m\nforged")), wire.Forbidden, 0, false, "no forged", "Developer"},
		"502":                {forgetest.Fault{Kind: forgetest.ServerError}, wire.Outage, 0, true, "502 Bad Gateway", ""},
		"503 in maintenance": {refuse(503, says("GitLab is in maintenance"), "Retry-After", "7"), wire.Outage, 7 * time.Second, true, "in maintenance", ""},
		"a proxy's 200":      {forgetest.Fault{Kind: forgetest.NoAnswer}, wire.Outage, 0, true, "not one of GitLab's", ""},
		"connection closed":  {forgetest.Fault{Kind: forgetest.Drop}, wire.Outage, 0, true, "EOF", ""},
		"lost answer":        {forgetest.Fault{Kind: forgetest.LoseAnswer}, wire.Outage, 0, true, "EOF", ""},
		"late 502":           {forgetest.Fault{Kind: forgetest.LateServerError}, wire.Outage, 0, true, "502", ""},
		"half an answer":     {forgetest.Fault{Kind: forgetest.Truncate}, wire.Outage, 0, true, "not one of GitLab's", ""},
	}
	calls := map[string]struct {
		route  string
		writes bool
		do     func(context.Context, *gitlab.Client) error
	}{
		"read": {gitlabtest.RoutePull, false, func(ctx context.Context, c *gitlab.Client) error {
			_, err := c.PullRequest(ctx, 1)
			return err
		}},
		"write": {gitlabtest.RouteStatus, true, func(ctx context.Context, c *gitlab.Client) error {
			return c.SetStatus(ctx, forge.Head{Commit: sha("a"), Branch: "topic-1"}, forge.Status{Context: "sallyport/net", State: forge.Pending})
		}},
	}
	for name, tt := range tests {
		for side, k := range calls {
			t.Run(name+"/"+side, func(t *testing.T) {
				time := newClock()
				s := site(t, func(o *gitlabtest.Options) { o.Now = time.Now })
				s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
				c := client(t, s, func(o *gitlab.Options) { o.Now = time.Now })
				s.Fail(k.route, 2, tt.fault)
				err := k.do(deadline(t), c)
				var e *wire.Error
				if !errors.As(err, &e) {
					t.Fatalf("got %v", err)
				}
				if e.Kind != tt.kind || e.Wait != tt.wait || e.Unknown != (tt.unknown && k.writes) {
					t.Errorf("kind %v, wait %v, unknown %t: %v", e.Kind, e.Wait, e.Unknown, err)
				}
				if !strings.Contains(err.Error(), tt.words) || !strings.Contains(e.UserHint(), tt.hint) || tt.hint == "" && tt.kind != wire.NotFound && e.Hint != "" {
					t.Errorf("says %q, hint %q", err, e.UserHint())
				}
				if e.Final() != (tt.kind == wire.Invalid) || strings.ContainsAny(err.Error(), "\x1b\n") || strings.Contains(err.Error(), s.Token()) {
					t.Errorf("final %t: %q", e.Final(), err)
				}
				if n := s.Calls(k.route); k.writes && n != 1 { // a read on a kept connection that was closed is tried again by net/http
					t.Errorf("sent %d times", n)
				}
			})
		}
	}
}

// TestPauseAfterLimit: nothing is sent before the limit has passed, whatever is asked for.
func TestPauseAfterLimit(t *testing.T) {
	time := newClock()
	s := site(t, func(o *gitlabtest.Options) { o.Now = time.Now })
	c := client(t, s, func(o *gitlab.Options) { o.Now = time.Now })
	n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
	s.Fail(gitlabtest.RoutePull, 1, forgetest.Fault{Kind: forgetest.TooMany, RetryAfter: 40})
	_, _ = c.PullRequest(deadline(t), n)
	before := s.Calls("")
	_, _, err := c.OpenPullRequests(deadline(t))
	if wire.KindOf(err) != wire.RateLimited || s.Calls("") != before {
		t.Errorf("%v, and %d were sent", err, s.Calls("")-before)
	}
	time.now = time.now.Add(41e9)
	if _, _, err := c.OpenPullRequests(deadline(t)); err != nil {
		t.Error(err)
	}
}

// TestInstallations are the ways in which GitLab is installed.
func TestInstallations(t *testing.T) {
	tests := map[string]func(*gitlabtest.Options){
		"at a host":       nil,
		"below a path":    func(o *gitlabtest.Options) { o.Subpath = "/gitlab" },
		"below two":       func(o *gitlabtest.Options) { o.Subpath = "/tools/gitlab" },
		"with its own CA": func(o *gitlabtest.Options) { o.TLS = true },
		"with limits":     func(o *gitlabtest.Options) { o.Limit = 600 },
	}
	for name, with := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(t, with)
			ca := ""
			if s.CAPEM() != nil {
				ca = write(t, "ca.pem", s.CAPEM())
			}
			c := client(t, s, func(o *gitlab.Options) { o.CAFile = ca })
			n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
			list, _, err := c.OpenPullRequests(deadline(t))
			if err != nil || len(list) != 1 || list[0].Number != n {
				t.Fatalf("%v, %v", list, err)
			}
			for _, call := range s.Requests("")[1:] {
				if !strings.HasPrefix(call.Path, "/projects/42/") {
					t.Errorf("asked by path: %s", call.Path)
				}
			}
			if first := s.Requests("")[0].Path; first != "/projects/ops%2Fnet%2Finfra" {
				t.Errorf("looked up as %s", first)
			}
		})
	}
}

func TestUnknownCA(t *testing.T) {
	s := site(t, func(o *gitlabtest.Options) { o.TLS = true })
	_, err := client(t, s, nil).PullRequest(deadline(t), 1)
	var e *wire.Error
	if !errors.As(err, &e) || e.Kind != wire.Outage || !strings.Contains(e.Hint, "ca_file") || e.Unknown {
		t.Errorf("%v (%+v)", err, e)
	}
}

// TestRenamed: what is at work goes on by number; what begins is told.
func TestRenamed(t *testing.T) {
	s := site(t, nil)
	n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
	at := forge.Head{Commit: sha("a"), Branch: "topic-1", Number: n}
	running := client(t, s, nil)
	must[forge.PullRequest](t)(running.PullRequest(deadline(t), n))
	s.Rename(infra, "ops/other")
	if err := running.SetStatus(deadline(t), at, forge.Status{Context: "sallyport/net", State: forge.Success}); err != nil {
		t.Error(err)
	}
	if st, ok := s.Status("ops/other", sha("a"), "sallyport/net"); !ok || st.State != "success" {
		t.Errorf("the status got lost: %+v", st)
	}
	err := client(t, s, nil).SetStatus(deadline(t), at, forge.Status{Context: "sallyport/net", State: forge.Failure})
	var e *wire.Error
	if !errors.As(err, &e) || e.Kind != wire.Moved || !e.Everything() || !strings.Contains(e.Hint, "gitlab.project") {
		t.Errorf("%v", err)
	}
}
